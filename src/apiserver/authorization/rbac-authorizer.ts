import type {
  ClusterRoleBinding,
  PolicyRule,
  RoleBinding,
  RoleRef,
  Subject,
} from "../../api/rbac/types.generated.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { AuthorizationAttributes, AuthorizationDecision } from "../stages.ts";
import { ruleAllows } from "./rbac-rules.ts";
import { matchingSubject, type RbacSource, subjectKeysOf } from "./rbac-source.ts";

/** A rule that applies to a user, and the binding it comes through. */
interface AppliedRule {
  readonly rule: PolicyRule;
  readonly source: () => string;
}

/** The rules of a role, or why there are none. */
export type RoleRules =
  | { readonly found: true; readonly rules: readonly PolicyRule[] }
  | { readonly found: false; readonly error: string };

/** Upstream's RBAC authorizer: additive, so it allows or has no opinion, and never denies. */
export function authorizeByRbac(
  source: RbacSource,
  attributes: AuthorizationAttributes,
): AuthorizationDecision {
  const errors: string[] = [];
  for (const { rule, source: describe } of appliedRules(
    source,
    attributes.user,
    attributes.namespace,
    errors,
  )) {
    if (ruleAllows(attributes, rule)) return { allowed: true, reason: `RBAC: allowed by ${describe()}` };
  }
  return { allowed: false, reason: errors.length === 0 ? "" : `RBAC: ${aggregate(errors)}` };
}

/** All rules a user has in a namespace ("" is the cluster scope); `errors` are bindings to roles that are not there. */
export function rulesOf(
  source: RbacSource,
  user: UserInfo,
  namespace: string,
): { readonly rules: readonly PolicyRule[]; readonly errors: readonly string[] } {
  const errors: string[] = [];
  const rules = [...appliedRules(source, user, namespace, errors)].map(({ rule }) => rule);
  return { rules, errors };
}

function* appliedRules(
  source: RbacSource,
  user: UserInfo,
  namespace: string,
  errors: string[],
): Generator<AppliedRule> {
  const keys = subjectKeysOf(user);
  const rulesIn = function* (
    { metadata: { name = "" }, roleRef, subjects }: RoleBinding | ClusterRoleBinding,
    scope: string,
  ): Generator<AppliedRule> {
    const role = rulesOfRole(source, roleRef, scope);
    if (!role.found) {
      errors.push(role.error);
      return;
    }
    const named = () =>
      scope === "" ? `ClusterRoleBinding ${quote(name)}` : `RoleBinding ${quote(`${name}/${scope}`)}`;
    const describe = () =>
      `${named()} of ${describeRole(roleRef)} to ${describeSubject(matchingSubject(subjects, scope, keys), scope)}`;
    for (const rule of role.rules) yield { rule, source: describe };
  };
  for (const key of keys) for (const binding of source.clusterRoleBindings(key)) yield* rulesIn(binding, "");
  if (namespace === "") return;
  for (const key of keys)
    for (const binding of source.roleBindings(namespace, key)) yield* rulesIn(binding, namespace);
}

export function rulesOfRole(source: RbacSource, reference: RoleRef, namespace: string): RoleRules {
  if (reference.kind !== "Role" && reference.kind !== "ClusterRole")
    return { found: false, error: `unsupported role reference kind: ${quote(reference.kind)}` };
  const namespaced = reference.kind === "Role";
  const role = namespaced ? source.role(namespace, reference.name) : source.clusterRole(reference.name);
  if (role !== undefined) return { found: true, rules: role.rules ?? [] };
  const resource = `${reference.kind.toLowerCase()}.rbac.authorization.k8s.io`;
  return { found: false, error: `${resource} ${quote(reference.name)} not found` };
}

const quote = (text: string | undefined) => JSON.stringify(text ?? "");
const describeRole = (reference: RoleRef) => `${reference.kind} ${quote(reference.name)}`;

function describeSubject(subject: Subject | undefined, namespace: string): string {
  if (subject === undefined) return "";
  if (subject.kind !== "ServiceAccount") return `${subject.kind} ${quote(subject.name)}`;
  return `ServiceAccount ${quote(`${subject.name}/${subject.namespace || namespace}`)}`;
}

/** Several errors as Go's aggregate prints them. */
function aggregate(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? (distinct[0] ?? "") : `[${distinct.join(", ")}]`;
}
