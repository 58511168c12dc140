/** Admission policies and what binds them. Their expressions are judged by those who compile them. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelSelector } from "../../apimachinery/labels.ts";
import {
  byteLength,
  dns1035Label,
  dns1123Subdomain,
  pathSegment,
  qualifiedName,
} from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateConditions } from "../../apimachinery/validation-conditions.ts";
import { inGoForm } from "../go-form.ts";
import { validateMatchConditions, validateNamedRule } from "./rule-validation.ts";
import type {
  AuditAnnotation,
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Mutation,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const notSpecified = "expression is not specified";

export function validateValidatingPolicy({ metadata, spec }: ValidatingAdmissionPolicy): Errors {
  const { validations = [], auditAnnotations = [] } = spec ?? {};
  const errors: FieldError[] = [...validatePolicy(spec ?? {})];
  if (validations.length + auditAnnotations.length === 0) {
    const detail = "validations or auditAnnotations must contain at least one item";
    errors.push(field.required("spec.validations", detail), field.required("spec.auditAnnotations", detail));
  }
  return [
    ...errors,
    ...field.each("spec.validations", validations, validateValidation),
    ...validateAuditAnnotations("spec.auditAnnotations", auditAnnotations, metadata.name ?? ""),
  ];
}

export function validateMutatingPolicy({ spec }: MutatingAdmissionPolicy): Errors {
  const { mutations = [], reinvocationPolicy } = spec ?? {};
  return [
    ...validatePolicy(spec ?? {}),
    ...mutableOperationErrors("spec.matchConstraints", spec?.matchConstraints),
    ...(mutations.length === 0
      ? [field.required("spec.mutations", "mutations must contain at least one item")]
      : field.each("spec.mutations", mutations, validateMutation)),
    ...field.oneOf("spec.reinvocationPolicy", reinvocationPolicy, ["IfNeeded", "Never"], { required: true }),
  ];
}

const mutableOperations = ["*", "CONNECT", "CREATE", "UPDATE"];

/** What is deleted cannot be changed. The path has no indices upstream. */
function mutableOperationErrors(path: string, match: MatchResources | undefined): Errors {
  const at = field.child(path, "resourceRules", "operations");
  return (match?.resourceRules ?? []).flatMap(({ operations = [] }) =>
    operations
      .filter((operation) => !mutableOperations.includes(operation))
      .map((operation) => field.notSupported(at, operation, mutableOperations)),
  );
}

/** What policies of both kinds say. */
function validatePolicy(
  spec: Partial<Omit<MutatingAdmissionPolicy["spec"], "mutations" | "reinvocationPolicy">>,
): Errors {
  const { failurePolicy, paramKind, matchConstraints, matchConditions, variables } = spec;
  const path = "spec.matchConstraints";
  return [
    ...field.oneOf("spec.failurePolicy", failurePolicy, ["Fail", "Ignore"], { required: "present" }),
    ...(paramKind === undefined ? [] : validateParamKind("spec.paramKind", paramKind)),
    ...(matchConstraints === undefined
      ? [field.required(path)]
      : [
          ...validateMatch(path, matchConstraints),
          // Without one there is nothing to tell the types of expressions from.
          ...((matchConstraints.resourceRules ?? []).length === 0
            ? [field.required(field.child(path, "resourceRules"))]
            : []),
        ]),
    ...validateMatchConditions("spec.matchConditions", matchConditions),
    ...field.each("spec.variables", variables, validateVariable),
  ];
}

function validateParamKind(path: string, { apiVersion = "", kind = "" }: ParamKind): Errors {
  const at = field.child(path, "apiVersion");
  const kindPath = field.child(path, "kind");
  const errors: FieldError[] = [...apiVersionErrors(at, apiVersion)];
  if (kind === "") return [...errors, field.required(kindPath)];
  const reasons = dns1035Label(kind.toLowerCase());
  if (reasons.length > 0) {
    const detail = `may have mixed case, but should otherwise match: ${reasons.join(",")}`;
    errors.push(field.invalid(kindPath, kind, detail));
  }
  return errors;
}

function apiVersionErrors(path: string, apiVersion: string): Errors {
  if (apiVersion === "") return [field.required(path)];
  const parts = apiVersion.split("/");
  if (parts.length > 2)
    return [field.invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  const [version = "", group = ""] = parts.reverse();
  const errors: FieldError[] = [];
  const groupReasons = group === "" ? [] : dns1123Subdomain(group);
  if (groupReasons.length > 0) errors.push(field.invalid(path, group, groupReasons.join(",")));
  const versionReasons = dns1035Label(version);
  if (version === "") errors.push(field.invalid(path, apiVersion, "version must be specified"));
  else if (versionReasons.length > 0) errors.push(field.invalid(path, version, versionReasons.join(",")));
  return errors;
}

function validateMatch(path: string, match: MatchResources): Errors {
  const { matchPolicy, namespaceSelector, objectSelector, resourceRules, excludeResourceRules } = match;
  const at = (name: string) => field.child(path, name);
  return [
    ...field.oneOf(at("matchPolicy"), matchPolicy, ["Equivalent", "Exact"], { required: "present" }),
    ...(namespaceSelector === undefined ? [field.required(at("namespaceSelector"))] : []),
    ...validateLabelSelector(at("namespaceSelector"), namespaceSelector),
    ...(objectSelector === undefined ? [field.required(at("objectSelector"))] : []),
    ...validateLabelSelector(at("objectSelector"), objectSelector),
    ...field.each(at("resourceRules"), resourceRules, validateNamedRule),
    ...field.each(at("excludeResourceRules"), excludeResourceRules, validateNamedRule),
  ];
}

const reserved = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

function validateVariable({ name = "", expression = "" }: Variable, path: string): Errors {
  const at = field.child(path, "name");
  const isIdentifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) && !reserved.has(name);
  return [
    ...(name.trim() === ""
      ? [field.required(at, "name is not specified")]
      : isIdentifier
        ? []
        : [field.invalid(at, name, "must be a valid CEL identifier")]),
    ...(expression.trim() === "" ? [field.required(field.child(path, "expression"), notSpecified)] : []),
  ];
}

function validateValidation(validation: Validation, path: string): Errors {
  const { expression = "", message = "", messageExpression = "", reason } = validation;
  const errors: FieldError[] = [];
  if (expression.trim() === "") errors.push(field.required(field.child(path, "expression"), notSpecified));
  if (messageExpression !== "" && messageExpression.trim() === "")
    errors.push(
      field.invalid(
        field.child(path, "messageExpression"),
        messageExpression,
        "must be non-empty if specified",
      ),
    );
  const at = field.child(path, "message");
  if (message !== "" && message.trim() === "")
    errors.push(field.invalid(at, message, "message must be non-empty if specified"));
  else if (/[\n\r]/.test(message.trim()))
    errors.push(field.invalid(at, message, "message must not contain line breaks"));
  const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
  return [...errors, ...field.oneOf(field.child(path, "reason"), reason, reasons)];
}

const maxAuditAnnotations = 20;
const maxValueExpressionBytes = 5 * 1024;

function validateAuditAnnotations(
  path: string,
  annotations: readonly AuditAnnotation[],
  policyName: string,
): Errors {
  const tooMany = `must not have more than ${maxAuditAnnotations} auditAnnotations`;
  return [
    ...(annotations.length > maxAuditAnnotations
      ? [field.invalid(path, inGoForm("AuditAnnotation", annotations), tooMany)]
      : []),
    ...field.each(path, annotations, ({ key = "", valueExpression = "" }, at) => {
      const keyPath = field.child(at, "key");
      const name = `${policyName}/${key}`;
      const valuePath = field.child(at, "valueExpression");
      const value = valueExpression.trim();
      return [
        ...field.invalidEach(keyPath, name, qualifiedName(name)),
        ...(value === "" ? [field.required(valuePath, "valueExpression is not specified")] : []),
        ...(byteLength(value) > maxValueExpressionBytes
          ? [field.required(valuePath, `must not exceed ${maxValueExpressionBytes} bytes in length`)]
          : []),
      ];
    }),
    ...field.unique(
      annotations,
      ({ key }) => key,
      (index, { key }) => field.duplicate(field.child(field.at(path, index), "key"), key),
    ),
  ];
}

const patchTypes = { ApplyConfiguration: "applyConfiguration", JSONPatch: "jsonPatch" } as const;

function validateMutation(mutation: Mutation, path: string): Errors {
  const { patchType } = mutation;
  const at = field.child(path, "patchType");
  if (!patchType) return [field.required(at)];
  if (patchType !== "ApplyConfiguration" && patchType !== "JSONPatch")
    return [field.notSupported(at, patchType, Object.keys(patchTypes))];
  const own = patchTypes[patchType];
  const other = patchType === "JSONPatch" ? patchTypes.ApplyConfiguration : patchTypes.JSONPatch;
  const errors: FieldError[] = [];
  if (mutation[own] === undefined)
    errors.push(field.required(field.child(path, own), `must be specified when patchType is ${patchType}`));
  else if ((mutation[own].expression ?? "").trim() === "")
    errors.push(field.required(field.child(path, own, "expression")));
  if (mutation[other] !== undefined)
    errors.push(
      field.invalid(
        field.child(path, other),
        `{${other}}`,
        `must not be specified when patchType is ${patchType}`,
      ),
    );
  return errors;
}

/** The name of the expression's field and a warning about it. */
export function validateValidatingPolicyStatus({ status }: ValidatingAdmissionPolicy): Errors {
  const path = "status.typeChecking.expressionWarnings";
  return [
    ...field.each(path, status?.typeChecking?.expressionWarnings, ({ warning, fieldRef }, at) => [
      ...(warning ? [] : [field.required(field.child(at, "warning"))]),
      ...(fieldRef?.trim() ? [] : [field.required(field.child(at, "fieldRef"))]),
    ]),
    ...validateConditions("status.conditions", status?.conditions),
  ];
}

export function validateMutatingBinding(binding: MutatingAdmissionPolicyBinding): Errors {
  return [
    ...validateBinding(binding),
    ...mutableOperationErrors("spec.matchResources", binding.spec?.matchResources),
  ];
}

function validateBinding({ spec }: MutatingAdmissionPolicyBinding): Errors {
  const { policyName = "", paramRef, matchResources } = spec ?? {};
  const path = "spec.policyName";
  return [
    ...(policyName === ""
      ? [field.required(path)]
      : field.invalidEach(path, policyName, dns1123Subdomain(policyName))),
    ...(paramRef === undefined ? [] : validateParamRef("spec.paramRef", paramRef)),
    ...(matchResources === undefined ? [] : validateMatch("spec.matchResources", matchResources)),
  ];
}

const actions = ["Audit", "Deny", "Warn"];

export function validateValidatingBinding(binding: ValidatingAdmissionPolicyBinding): Errors {
  const given = binding.spec?.validationActions ?? [];
  const path = "spec.validationActions";
  const errors: FieldError[] = [
    ...validateBinding(binding),
    ...field.each(path, given, (action, at) => field.oneOf(at, action, actions)),
    ...field.unique(
      given,
      (action) => action,
      (index, action) => field.duplicate(field.at(path, index), action),
    ),
  ];
  if (given.includes("Deny") && given.includes("Warn"))
    errors.push(
      field.invalid(
        path,
        given,
        "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)",
      ),
    );
  if (given.length === 0) errors.push(field.required(path, "at least one validation action is required"));
  return errors;
}

function validateParamRef(path: string, reference: ParamRef): Errors {
  const { name = "", selector, parameterNotFoundAction } = reference;
  const at = (part: string) => field.child(path, part);
  const exclusive = "name and selector are mutually exclusive";
  const both = name !== "" && selector !== undefined;
  return [
    ...(name === "" ? [] : field.invalidEach(at("name"), name, pathSegment(name))),
    ...(both ? [field.forbidden(at("name"), exclusive)] : []),
    ...validateLabelSelector(at("selector"), selector),
    ...(both ? [field.forbidden(at("selector"), exclusive)] : []),
    ...(name === "" && selector === undefined
      ? [field.required(path, "one of name or selector must be specified")]
      : []),
    ...field.oneOf(at("parameterNotFoundAction"), parameterNotFoundAction, ["Deny", "Allow"], {
      required: "present",
    }),
  ];
}
