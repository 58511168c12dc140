import type {
  FlowSchema,
  NonResourcePolicyRule,
  ResourcePolicyRule,
  Subject,
} from "../../api/flowcontrol/types.generated.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { RequestInfo } from "../request-info.ts";

/** Which FlowSchemas a request matches. */

type Rules = NonNullable<FlowSchema["spec"]["rules"]>;

export function matchesSchema(schema: FlowSchema, info: RequestInfo, user: UserInfo): boolean {
  const rules: Rules = schema.spec.rules ?? [];
  for (const rule of rules) {
    if (!matchesAny(rule.subjects, user)) continue;
    if (
      info.isResourceRequest
        ? matchesResource(rule.resourceRules, info)
        : matchesPath(rule.nonResourceRules, info)
    )
      return true;
  }
  return false;
}

/** The order in which schemas are asked. */
export function byPrecedence(left: FlowSchema, right: FlowSchema): number {
  const difference = (left.spec.matchingPrecedence ?? 0) - (right.spec.matchingPrecedence ?? 0);
  if (difference !== 0) return difference;
  return (left.metadata.name ?? "") < (right.metadata.name ?? "") ? -1 : 1;
}

/** What tells the flows of one schema apart. */
export function distinguisherOf(schema: FlowSchema, info: RequestInfo, user: UserInfo): string {
  switch (schema.spec.distinguisherMethod?.type) {
    case "ByUser":
      return user.name;
    case "ByNamespace":
      return info.namespace;
    default:
      return "";
  }
}

function matchesAny(subjects: readonly Subject[], user: UserInfo): boolean {
  for (const subject of subjects) if (matchesSubject(subject, user)) return true;
  return false;
}

const accountPrefix = "system:serviceaccount:";

function matchesSubject({ kind, user: named, group, serviceAccount }: Subject, user: UserInfo): boolean {
  switch (kind) {
    case "User":
      return named !== undefined && (named.name === "*" || named.name === user.name);
    case "Group":
      return group !== undefined && (group.name === "*" || user.groups.includes(group.name));
    case "ServiceAccount": {
      if (serviceAccount === undefined || !user.name.startsWith(accountPrefix)) return false;
      const { namespace, name } = serviceAccount;
      return name === "*"
        ? user.name.startsWith(`${accountPrefix}${namespace}:`)
        : user.name === `${accountPrefix}${namespace}:${name}`;
    }
    default:
      return false;
  }
}

function matchesResource(rules: readonly ResourcePolicyRule[] | undefined, info: RequestInfo): boolean {
  for (const rule of rules ?? [])
    if (
      has(rule.verbs, info.verb) &&
      has(rule.resources, info.subresource === "" ? info.resource : `${info.resource}/${info.subresource}`) &&
      has(rule.apiGroups, info.apiGroup) &&
      (info.namespace === "" ? rule.clusterScope === true : has(rule.namespaces ?? [], info.namespace))
    )
      return true;
  return false;
}

function matchesPath(rules: readonly NonResourcePolicyRule[] | undefined, info: RequestInfo): boolean {
  for (const rule of rules ?? [])
    if (has(rule.verbs, info.verb) && rule.nonResourceURLs.some((url) => covers(url, info.path))) return true;
  return false;
}

/** A path covers what lies below it, with a star at its end or without. */
function covers(url: string, path: string): boolean {
  if (url === "*" || url === path) return true;
  const prefix = url.endsWith("*") ? url.slice(0, -1) : url;
  return path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}

function has(list: readonly string[], wanted: string): boolean {
  return (list.length === 1 && list[0] === "*") || list.includes(wanted);
}
