/** Roles and their bindings (upstream's `pkg/apis/rbac/validation`). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelSelector } from "../../apimachinery/labels.ts";
import { dns1123Subdomain, pathSegment } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

export const rbacGroup = "rbac.authorization.k8s.io";

export function validateRole({ rules }: Role): Errors {
  return field.each("rules", rules, (rule, at) => validateRule(at, rule, true));
}

export function validateClusterRole({ rules, aggregationRule }: ClusterRole): Errors {
  const errors = [...field.each("rules", rules, (rule, at) => validateRule(at, rule, false))];
  if (aggregationRule === undefined) return errors;
  const path = "aggregationRule.clusterRoleSelectors";
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0)
    errors.push(
      field.required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil"),
    );
  errors.push(...field.each(path, selectors, (selector, at) => validateLabelSelector(at, selector)));
  return errors;
}

function validateRule(path: string, rule: PolicyRule, namespaced: boolean): Errors {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const errors: FieldError[] = [];
  if (verbs.length === 0)
    errors.push(field.required(field.child(path, "verbs"), "verbs must contain at least one value"));
  if (nonResourceURLs.length > 0) {
    const at = field.child(path, "nonResourceURLs");
    if (namespaced)
      errors.push(field.invalid(at, nonResourceURLs, "namespaced rules cannot apply to non-resource URLs"));
    if (apiGroups.length + resources.length + resourceNames.length > 0)
      errors.push(
        field.invalid(
          at,
          nonResourceURLs,
          "rules cannot apply to both regular resources and non-resource URLs",
        ),
      );
    return errors;
  }
  if (apiGroups.length === 0)
    errors.push(
      field.required(field.child(path, "apiGroups"), "resource rules must supply at least one api group"),
    );
  if (resources.length === 0)
    errors.push(
      field.required(field.child(path, "resources"), "resource rules must supply at least one resource"),
    );
  return errors;
}

type Binding = RoleBinding | ClusterRoleBinding;

export function validateRoleBinding(binding: RoleBinding): Errors {
  return validateBinding(binding, ["Role", "ClusterRole"], true);
}

export function validateClusterRoleBinding(binding: ClusterRoleBinding): Errors {
  return validateBinding(binding, ["ClusterRole"], false);
}

function validateBinding(
  { roleRef, subjects }: Binding,
  kinds: readonly string[],
  namespaced: boolean,
): Errors {
  const { apiGroup = "", kind = "", name = "" } = roleRef ?? {};
  const errors: FieldError[] = [];
  if (apiGroup !== rbacGroup) errors.push(field.notSupported("roleRef.apiGroup", apiGroup, [rbacGroup]));
  if (!kinds.includes(kind)) errors.push(field.notSupported("roleRef.kind", kind, kinds));
  if (name === "") errors.push(field.required("roleRef.name"));
  else errors.push(...field.invalidEach("roleRef.name", name, pathSegment(name)));
  errors.push(...field.each("subjects", subjects, (subject, at) => validateSubject(at, subject, namespaced)));
  return errors;
}

function validateSubject(path: string, subject: Subject, namespaced: boolean): Errors {
  const { kind, name = "", namespace = "", apiGroup = "" } = subject;
  const errors: FieldError[] = name === "" ? [field.required(field.child(path, "name"))] : [];
  const groupPath = field.child(path, "apiGroup");
  switch (kind) {
    case "ServiceAccount":
      if (name !== "")
        errors.push(...field.invalidEach(field.child(path, "name"), name, dns1123Subdomain(name)));
      if (apiGroup !== "") errors.push(field.notSupported(groupPath, apiGroup, [""]));
      if (!namespaced && namespace === "") errors.push(field.required(field.child(path, "namespace")));
      break;
    case "User":
    case "Group":
      if (apiGroup !== rbacGroup) errors.push(field.notSupported(groupPath, apiGroup, [rbacGroup]));
      break;
    default:
      errors.push(field.notSupported(field.child(path, "kind"), kind, ["ServiceAccount", "User", "Group"]));
  }
  return errors;
}

/** What a binding grants never changes: it is deleted and made anew. */
export function roleRefChange({ roleRef }: Binding, old: Binding): Errors {
  return field.semanticEqual(roleRef, old.roleRef)
    ? []
    : [field.invalid("roleRef", inGoForm("RoleRef", roleRef), "cannot change roleRef")];
}
