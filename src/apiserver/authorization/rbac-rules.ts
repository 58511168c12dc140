import type { PolicyRule } from "../../api/rbac/types.generated.ts";
import type { AuthorizationAttributes } from "../stages.ts";

/** RBAC's rules as values: whether one allows a request, and whether a set of them covers another. Pure. */

type Request = Pick<
  AuthorizationAttributes,
  "verb" | "isResourceRequest" | "apiGroup" | "resource" | "subresource" | "name" | "path"
>;

export function rulesAllow(request: Request, rules: readonly PolicyRule[]): boolean {
  return rules.some((rule) => ruleAllows(request, rule));
}

export function ruleAllows(request: Request, rule: PolicyRule): boolean {
  if (!matches(rule.verbs, request.verb)) return false;
  if (!request.isResourceRequest)
    return (rule.nonResourceURLs ?? []).some((url) => urlMatches(url, request.path));
  return (
    matches(rule.apiGroups, request.apiGroup) &&
    resourceMatches(rule.resources, request.resource, request.subresource) &&
    nameMatches(rule.resourceNames, request.name)
  );
}

const all = "*";

function matches(allowed: readonly string[] | undefined, value: string): boolean {
  return allowed !== undefined && (allowed.includes(value) || allowed.includes(all));
}

/** "pods", "pods/log", "*" (everything, subresources too), or a star, a slash and a subresource of everything. */
function resourceMatches(
  allowed: readonly string[] | undefined,
  resource: string,
  subresource: string,
): boolean {
  if (allowed === undefined) return false;
  const combined = subresource === "" ? resource : `${resource}/${subresource}`;
  return allowed.some(
    (entry) => entry === all || entry === combined || (subresource !== "" && entry === `*/${subresource}`),
  );
}

/** No names: every object. With names, a request without a name (list, create) is not allowed. */
function nameMatches(allowed: readonly string[] | undefined, name: string): boolean {
  return allowed === undefined || allowed.length === 0 || allowed.includes(name);
}

/** Exact, "*", or a prefix that ends in "*". */
function urlMatches(allowed: string, path: string): boolean {
  return allowed === path || (allowed.endsWith(all) && path.startsWith(allowed.slice(0, -1)));
}

/** What of `wanted` the holder of `owned` does not hold, one verb, group, resource, name or URL a rule. */
export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakdown).filter((part) => !owned.some((rule) => ruleCovers(rule, part)));
}

function breakdown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  const names = rule.resourceNames ?? [];
  for (const apiGroup of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const part = { apiGroups: [apiGroup], resources: [resource], verbs: [verb] };
        if (names.length === 0) parts.push(part);
        for (const name of names) parts.push({ ...part, resourceNames: [name] });
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) parts.push({ nonResourceURLs: [url], verbs: [verb] });
  }
  return parts;
}

/** `part` is broken down. */
function ruleCovers(owner: PolicyRule, part: PolicyRule): boolean {
  const covered = (held: readonly string[] | undefined, wanted: readonly string[] | undefined) =>
    (held ?? []).includes(all) || (wanted ?? []).every((value) => (held ?? []).includes(value));
  if (!covered(owner.verbs, part.verbs)) return false;
  if (part.nonResourceURLs !== undefined) {
    const held = owner.nonResourceURLs ?? [];
    return part.nonResourceURLs.every((url) => held.some((pattern) => urlMatches(pattern, url)));
  }
  const names = owner.resourceNames ?? [];
  const namesCovered =
    names.length === 0 || part.resourceNames?.every((name) => names.includes(name)) === true;
  return covered(owner.apiGroups, part.apiGroups) && resourcesCovered(owner, part) && namesCovered;
}

function resourcesCovered(owner: PolicyRule, part: PolicyRule): boolean {
  const held = owner.resources ?? [];
  if (held.includes(all)) return true;
  return (part.resources ?? []).every((resource) => {
    const slash = resource.indexOf("/");
    return held.includes(resource) || (slash >= 0 && held.includes(`*${resource.slice(slash)}`));
  });
}

/** Rules for one and the same resource become one with all their verbs. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const compacted: PolicyRule[] = [];
  const simple = new Map<string, number>();
  for (const rule of rules) {
    const key = simpleKey(rule);
    const at = key === undefined ? undefined : simple.get(key);
    const existing = at === undefined ? undefined : compacted[at];
    if (at !== undefined && existing !== undefined) {
      const added = rule.verbs.filter((verb) => !existing.verbs.includes(verb));
      compacted[at] = { ...existing, verbs: [...existing.verbs, ...added] };
      continue;
    }
    if (key !== undefined) simple.set(key, compacted.length);
    compacted.push(rule);
  }
  return compacted;
}

function simpleKey(rule: PolicyRule): string | undefined {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  if (apiGroups.length !== 1 || resources.length !== 1 || nonResourceURLs.length > 0) return undefined;
  if (resourceNames.length > 1) return undefined;
  return JSON.stringify([apiGroups[0], resources[0], resourceNames[0]]);
}

/** A rule as upstream's messages print it: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function describeRule(rule: PolicyRule): string {
  const part = (name: string, values: readonly string[] | undefined) =>
    values === undefined || values.length === 0 ? [] : [`${name}:${quotedList(values)}`];
  return `{${[
    ...part("APIGroups", rule.apiGroups),
    ...part("Resources", rule.resources),
    ...part("NonResourceURLs", rule.nonResourceURLs),
    ...part("ResourceNames", rule.resourceNames),
    ...part("Verbs", rule.verbs),
  ].join(", ")}}`;
}

/** A list as Go prints quoted strings: `["a" "b"]`. */
export function quotedList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}
