import type { PolicyRule } from "../../../api/rbac/types.generated.ts";
import type { UserInfo } from "../../../client/exchange.ts";
import type { AuthorizationAttributes, AuthorizationDecision } from "../../stages.ts";
import type { NamedAuthorizer } from "../create-authorizer.ts";
import type { AbacPolicy } from "./policy-file.ts";

const readingVerbs = ["get", "list", "watch"];

/** The mode ABAC: a request is allowed that one line of a policy file describes. */
export function abacAuthorizer(policies: readonly AbacPolicy[]): NamedAuthorizer {
  return {
    type: "ABAC",
    name: "abac",
    authorize: (attributes) => authorizeByPolicies(policies, attributes),
    rulesOf: (user, namespace) => policies.flatMap((policy) => rulesOf(policy, user, namespace)),
  };
}

function authorizeByPolicies(
  policies: readonly AbacPolicy[],
  attributes: AuthorizationAttributes,
): AuthorizationDecision {
  return policies.some((policy) => covers(policy, attributes))
    ? { allowed: true, reason: "" }
    : { allowed: false, reason: "No policy matched." };
}

function covers(policy: AbacPolicy, attributes: AuthorizationAttributes): boolean {
  if (!isFor(policy, attributes.user)) return false;
  if (policy.readonly && !readingVerbs.includes(attributes.verb)) return false;
  return attributes.isResourceRequest
    ? coversResource(policy, attributes)
    : coversPath(policy, attributes.path);
}

function isFor({ user, group }: AbacPolicy, asker: UserInfo): boolean {
  if (user === "" && group === "") return false;
  return (user === "" || user === asker.name) && (group === "" || asker.groups.includes(group));
}

function coversResource(policy: AbacPolicy, attributes: AuthorizationAttributes): boolean {
  const fits = (wanted: string, given: string) => wanted === "*" || wanted === given;
  return (
    fits(policy.namespace, attributes.namespace) &&
    fits(policy.resource, attributes.resource) &&
    fits(policy.apiGroup, attributes.apiGroup)
  );
}

function coversPath({ nonResourcePath }: AbacPolicy, path: string): boolean {
  if (!nonResourcePath.endsWith("*")) return nonResourcePath === path;
  return path.startsWith(nonResourcePath.replace(/\*+$/, ""));
}

/** What SelfSubjectRulesReview reports of a line; also for paths it heeds the namespace, as upstream. */
function rulesOf(policy: AbacPolicy, user: UserInfo, asked: string): PolicyRule[] {
  const { namespace, apiGroup, resource, nonResourcePath } = policy;
  if (!isFor(policy, user) || (namespace !== "*" && namespace !== asked)) return [];
  const verbs = policy.readonly ? readingVerbs : ["*"];
  return [
    ...(resource === "" ? [] : [{ verbs, apiGroups: [apiGroup], resources: [resource] }]),
    ...(nonResourcePath === "" ? [] : [{ verbs, nonResourceURLs: [nonResourcePath] }]),
  ];
}
