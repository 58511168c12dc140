import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  createErrors,
  objectOf,
  type RefusedCase,
  rowOf,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const group = "rbac.authorization.k8s.io/v1";
const apiGroup = "rbac.authorization.k8s.io";
const roleRef = { kind: "Role", name: "reader" };

test("roles, users and groups are of this group, service accounts are not", () => {
  const subjects = [
    { kind: "User", name: "u" },
    { kind: "Group", name: "g" },
    { kind: "ServiceAccount", name: "s", namespace: "n" },
  ];
  const filled = withDefaults(objectOf(group, "RoleBinding", { roleRef, subjects }));
  assert.deepEqual(filled.roleRef, { ...roleRef, apiGroup });
  assert.deepEqual(filled.subjects, [
    { kind: "User", name: "u", apiGroup },
    { kind: "Group", name: "g", apiGroup },
    { kind: "ServiceAccount", name: "s", namespace: "n" },
  ]);
});

const rule = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };

for (const { kind, name, parts, want } of [
  { kind: "Role", name: "to read pods", parts: { rules: [rule] }, want: [] },
  {
    kind: "Role",
    name: "that says nothing",
    parts: { rules: [{}] },
    want: [
      "rules[0].verbs: Required value: verbs must contain at least one value",
      "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
      "rules[0].resources: Required value: resource rules must supply at least one resource",
    ],
  },
  {
    kind: "Role",
    name: "to paths",
    parts: { rules: [{ verbs: ["get"], nonResourceURLs: ["/healthz"] }] },
    want: [
      'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs',
    ],
  },
  {
    kind: "ClusterRole",
    name: "to paths",
    parts: { rules: [{ verbs: ["get"], nonResourceURLs: ["/healthz"] }] },
    want: [],
  },
  {
    kind: "ClusterRole",
    name: "to paths and resources",
    parts: { rules: [{ ...rule, nonResourceURLs: ["/healthz"] }] },
    want: [
      'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  },
  {
    kind: "ClusterRole",
    name: "of no others",
    parts: { aggregationRule: {} },
    want: [
      "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
    ],
  },
  {
    kind: "RoleBinding",
    name: "of things to things",
    parts: {
      roleRef: { kind: "Duty", name: "" },
      subjects: [
        { kind: "Robot", name: "" },
        { kind: "User", apiGroup: "x", name: "u" },
      ],
    },
    want: [
      'roleRef.kind: Unsupported value: "Duty": supported values: "Role", "ClusterRole"',
      "roleRef.name: Required value",
      "subjects[0].name: Required value",
      'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
      'subjects[1].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
    ],
  },
  {
    kind: "ClusterRoleBinding",
    name: "of a role, to an account of no namespace",
    parts: { roleRef, subjects: [{ kind: "ServiceAccount", name: "s" }] },
    want: [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      "subjects[0].namespace: Required value",
    ],
  },
] as readonly (RefusedCase & { kind: string })[])
  test(`a ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors(group, kind, parts), want);
  });

test("a binding keeps its role", () => {
  const after = { roleRef: { ...roleRef, name: "writer" } };
  assertLines(updateErrors(group, "RoleBinding", { roleRef }, after), [
    'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"writer"}: cannot change roleRef',
  ]);
  assertLines(
    updateErrors(group, "RoleBinding", { roleRef }, { roleRef, subjects: [{ kind: "User", name: "u" }] }),
    [],
  );
});

test("kubectl get -o wide shows who has which role", () => {
  const subjects = [
    { kind: "User", name: "a" },
    { kind: "User", name: "b" },
    { kind: "Group", name: "g" },
    { kind: "ServiceAccount", namespace: "n", name: "s" },
  ];
  assert.deepEqual(rowOf(withDefaults(objectOf(group, "RoleBinding", { roleRef, subjects }))), {
    Role: "Role/reader",
    Users: "a, b",
    Groups: "g",
    ServiceAccounts: "n/s",
  });
});
