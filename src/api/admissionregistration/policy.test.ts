import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  created,
  createErrors,
  definitionOf,
  lines,
  objectOf,
  type RefusedCase,
  rowOf,
  withDefaults,
} from "../test-support/objects.ts";

const group = "admissionregistration.k8s.io/v1";
const rule = { operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] };
const matchConstraints = { resourceRules: [rule] };
const validation = { expression: "object.spec.replicas <= 5" };
const validating = { matchConstraints, validations: [validation] };
const mutating = {
  matchConstraints,
  reinvocationPolicy: "Never",
  mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: "[]" } }],
};

test("ValidatingAdmissionPolicy API: a policy fails closed and matches equivalent requests of all objects", () => {
  assert.deepEqual(withDefaults(objectOf(group, "ValidatingAdmissionPolicy", { spec: validating })).spec, {
    ...validating,
    failurePolicy: "Fail",
    matchConstraints: {
      resourceRules: [{ ...rule, scope: "*" }],
      matchPolicy: "Equivalent",
      namespaceSelector: {},
      objectSelector: {},
    },
  });
});

const cases: readonly (RefusedCase & { readonly kind: string })[] = [
  { kind: "ValidatingAdmissionPolicy", name: "as it should be", spec: validating, want: [] },
  {
    kind: "ValidatingAdmissionPolicy",
    name: "that says nothing",
    spec: {},
    want: [
      "spec.matchConstraints: Required value",
      "spec.validations: Required value: validations or auditAnnotations must contain at least one item",
      "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item",
    ],
  },
  {
    kind: "ValidatingAdmissionPolicy",
    name: "with parameters of an odd kind",
    spec: { ...validating, paramKind: { apiVersion: "a/b/c", kind: "9" } },
    want: [
      'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
      /^spec\.paramKind\.kind: Invalid value: "9": may have mixed case, but should otherwise match: a DNS-1035 label/,
    ],
  },
  {
    kind: "ValidatingAdmissionPolicy",
    name: "with odd variables and validations",
    spec: {
      matchConstraints,
      variables: [
        { name: "in", expression: "1" },
        { name: "a", expression: " " },
      ],
      validations: [
        { expression: "" },
        { ...validation, message: "a\nb", messageExpression: " ", reason: "Because" },
      ],
    },
    want: [
      'spec.variables[0].name: Invalid value: "in": must be a valid CEL identifier',
      "spec.variables[1].expression: Required value: expression is not specified",
      "spec.validations[0].expression: Required value: expression is not specified",
      'spec.validations[1].messageExpression: Invalid value: " ": must be non-empty if specified',
      'spec.validations[1].message: Invalid value: "a\\nb": message must not contain line breaks',
      'spec.validations[1].reason: Unsupported value: "Because": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    ],
  },
  {
    kind: "ValidatingAdmissionPolicy",
    name: "with odd notes for the audit",
    spec: {
      matchConstraints,
      auditAnnotations: [
        { key: "a b", valueExpression: "1" },
        { key: "k", valueExpression: "" },
        { key: "k", valueExpression: "1" },
      ],
    },
    want: [
      /^spec\.auditAnnotations\[0\]\.key: Invalid value: "one\/a b": name part must consist of/,
      "spec.auditAnnotations[1].valueExpression: Required value: valueExpression is not specified",
      'spec.auditAnnotations[2].key: Duplicate value: "k"',
    ],
  },
  {
    kind: "ValidatingAdmissionPolicy",
    name: "about some objects, twice",
    spec: {
      ...validating,
      matchConstraints: {
        resourceRules: [{ ...rule, resourceNames: ["a", "a"], resources: ["x/*", "x/y"] }],
      },
    },
    want: [
      'spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "a"',
      "spec.matchConstraints.resourceRules[0].resources[1]: Invalid value: \"x/y\": if 'x/*' is present, must not specify x/y",
    ],
  },
  { kind: "MutatingAdmissionPolicy", name: "as it should be", spec: mutating, want: [] },
  {
    kind: "MutatingAdmissionPolicy",
    name: "that changes nothing",
    spec: { matchConstraints },
    want: [
      "spec.mutations: Required value: mutations must contain at least one item",
      "spec.reinvocationPolicy: Required value",
    ],
  },
  {
    kind: "MutatingAdmissionPolicy",
    name: "that changes in an odd way",
    spec: {
      ...mutating,
      mutations: [
        { patchType: "Paint" },
        { patchType: "JSONPatch", applyConfiguration: { expression: "x" } },
        { patchType: "ApplyConfiguration", applyConfiguration: { expression: "" } },
      ],
    },
    want: [
      'spec.mutations[0].patchType: Unsupported value: "Paint": supported values: "ApplyConfiguration", "JSONPatch"',
      "spec.mutations[1].jsonPatch: Required value: must be specified when patchType is JSONPatch",
      'spec.mutations[1].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
      "spec.mutations[2].applyConfiguration.expression: Required value",
    ],
  },
  {
    kind: "ValidatingAdmissionPolicyBinding",
    name: "as it should be",
    spec: { policyName: "p", validationActions: ["Deny"] },
    want: [],
  },
  {
    kind: "ValidatingAdmissionPolicyBinding",
    name: "of nothing that does nothing",
    spec: {},
    want: [
      "spec.policyName: Required value",
      "spec.validationActions: Required value: at least one validation action is required",
    ],
  },
  {
    kind: "ValidatingAdmissionPolicyBinding",
    name: "that does too much with too many",
    spec: {
      policyName: "p",
      paramRef: { name: "a", selector: {}, parameterNotFoundAction: "Cry" },
      validationActions: ["Deny", "Warn", "Deny", "Shout"],
    },
    want: [
      "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
      "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
      'spec.paramRef.parameterNotFoundAction: Unsupported value: "Cry": supported values: "Deny", "Allow"',
      'spec.validationActions[3]: Unsupported value: "Shout": supported values: "Audit", "Deny", "Warn"',
      'spec.validationActions[2]: Duplicate value: "Deny"',
      /^spec\.validationActions: Invalid value: .*: must not contain both Deny and Warn/,
    ],
  },
  {
    kind: "MutatingAdmissionPolicyBinding",
    name: "with parameters that are not named",
    spec: { policyName: "p", paramRef: {} },
    want: [
      "spec.paramRef: Required value: one of name or selector must be specified",
      "spec.paramRef.parameterNotFoundAction: Required value",
    ],
  },
];

for (const { kind, name, spec, want } of cases)
  test(`a ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors(group, kind, { spec: spec ?? {} }), want);
  });

test("a policy's status has complete conditions", () => {
  const { strategy } = definitionOf(group, "ValidatingAdmissionPolicy");
  const old = created(group, "ValidatingAdmissionPolicy", { spec: validating });
  const status = { conditions: [{ type: "A", status: "Maybe" }], typeChecking: { expressionWarnings: [{}] } };
  assertLines(lines(strategy.validateStatusUpdate?.({ ...old, status }, old) ?? []), [
    "status.typeChecking.expressionWarnings[0].warning: Required value",
    "status.typeChecking.expressionWarnings[0].fieldRef: Required value",
    'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
    "status.conditions[0].lastTransitionTime: Required value: must be set",
    "status.conditions[0].reason: Required value: must be set",
  ]);
});

test("kubectl get shows policies and bindings as upstream does", () => {
  assert.deepEqual(
    rowOf(
      objectOf(group, "ValidatingAdmissionPolicy", {
        spec: { ...validating, paramKind: { apiVersion: "a/v1", kind: "B" } },
      }),
    ),
    {
      Validations: 1,
      ParamKind: "a/v1/B",
    },
  );
  assert.deepEqual(rowOf(objectOf(group, "MutatingAdmissionPolicy", { spec: mutating })), {
    Mutations: 1,
    ParamKind: "<unset>",
  });
  const binding = { spec: { policyName: "p", paramRef: { name: "x" } } };
  assert.deepEqual(rowOf(objectOf(group, "ValidatingAdmissionPolicyBinding", binding)), {
    PolicyName: "p",
    ParamRef: "*/x",
  });
});
