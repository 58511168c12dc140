import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { RequestInfo } from "../request-info.ts";

/** How much of a request is recorded, from nothing to both bodies. */
export type AuditLevel = "None" | "Metadata" | "Request" | "RequestResponse";
export type AuditStage = "RequestReceived" | "ResponseStarted" | "ResponseComplete" | "Panic";

/** `audit.k8s.io/v1` Policy: the first rule that matches a request says how it is recorded. */
export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

interface AuditRule {
  readonly level: AuditLevel;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  /** "" stands for what lies in no namespace. */
  readonly namespaces?: readonly string[];
  /** "*", or a path that may end in "*". */
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** What the policy wants of one request. */
export interface AuditConfiguration {
  readonly level: AuditLevel;
  readonly omitStages: readonly AuditStage[];
  readonly omitManagedFields: boolean;
}

const levels: readonly string[] = ["None", "Metadata", "Request", "RequestResponse"];
const stages: readonly string[] = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];

export function isAtLeast(level: AuditLevel, wanted: AuditLevel): boolean {
  return levels.indexOf(level) >= levels.indexOf(wanted);
}

/** A policy that was parsed from a file. Throws an Error with all that is wrong, in upstream's words. */
export function readAuditPolicy(value: unknown): AuditPolicy {
  if (!isRecord(value)) throw new Error("failed decoding: the policy is no object");
  const { apiVersion = "", kind = "" } = value;
  if (apiVersion !== "audit.k8s.io/v1" || kind !== "Policy")
    throw new Error(`unknown group version field ${String(apiVersion)}, Kind=${String(kind)} in policy`);
  checkShape(value);
  const policy = value as unknown as AuditPolicy; // its shape was checked
  const errors = validateAuditPolicy(policy).map(({ field: path, message }) => `${path}: ${message}`);
  if (errors.length === 1) throw new Error(errors[0]);
  if (errors.length > 1) throw new Error(`[${errors.join(", ")}]`);
  if ((policy.rules ?? []).length === 0) throw new Error("loaded illegal policy with 0 rules");
  return policy;
}

const ruleLists = ["users", "userGroups", "verbs", "namespaces", "nonResourceURLs", "omitStages"] as const;

function checkShape({ rules = [], omitStages = [], omitManagedFields }: Readonly<Record<string, unknown>>) {
  checkStrings(omitStages, "omitStages");
  checkBoolean(omitManagedFields, "omitManagedFields");
  for (const [index, rule] of listOf(rules, "rules").entries()) {
    const path = `rules[${index}]`;
    if (!isRecord(rule)) throw new Error(`failed decoding: ${path} must be an object`);
    for (const name of ruleLists) checkStrings(rule[name] ?? [], `${path}.${name}`);
    checkBoolean(rule.omitManagedFields, `${path}.omitManagedFields`);
    for (const resources of listOf(rule.resources ?? [], `${path}.resources`)) {
      if (!isRecord(resources)) throw new Error(`failed decoding: ${path}.resources must hold objects`);
      checkStrings(resources.resources ?? [], `${path}.resources.resources`);
      checkStrings(resources.resourceNames ?? [], `${path}.resources.resourceNames`);
    }
  }
}

function checkStrings(value: unknown, path: string): void {
  for (const each of listOf(value, path))
    if (typeof each !== "string") throw new Error(`failed decoding: ${path} must hold strings`);
}

function checkBoolean(value: unknown, path: string): void {
  if (value !== undefined && typeof value !== "boolean")
    throw new Error(`failed decoding: ${path} must be true or false`);
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`failed decoding: ${path} must be a list`);
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Upstream's `ValidatePolicy`. */
function validateAuditPolicy({ rules = [], omitStages = [] }: Partial<AuditPolicy>): FieldError[] {
  return [
    ...stageErrors(omitStages, "omitStages"),
    ...rules.flatMap((rule, index) => ruleErrors(rule, `rules[${index}]`)),
  ];
}

function ruleErrors(rule: AuditRule, path: string): FieldError[] {
  const { resources = [], namespaces = [], nonResourceURLs = [], omitStages = [] } = rule;
  const urls = field.child(path, "nonResourceURLs");
  const mixed = nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0);
  return [
    ...levelErrors(rule.level, field.child(path, "level")),
    ...nonResourceURLs.flatMap((url, index) => urlErrors(url, field.at(urls, index))),
    ...resources.flatMap((each) => resourceErrors(each, field.child(path, "resources"))),
    ...stageErrors(omitStages, field.child(path, "omitStages")),
    ...(mixed
      ? [
          field.invalid(
            urls,
            nonResourceURLs,
            "rules cannot apply to both regular resources and non-resource URLs",
          ),
        ]
      : []),
  ];
}

function levelErrors(level: string | undefined, path: string): FieldError[] {
  if (!level) return [field.required(path)];
  return levels.includes(level) ? [] : [field.notSupported(path, level, levels)];
}

function urlErrors(url: string, path: string): FieldError[] {
  if (url === "*") return [];
  const errors: FieldError[] = [];
  if (!url.startsWith("/"))
    errors.push(field.invalid(path, url, "non-resource URL rules must begin with a '/' character"));
  if (url.slice(0, -1).includes("*"))
    errors.push(
      field.invalid(path, url, "non-resource URL wildcards '*' must be the final character of the rule"),
    );
  return errors;
}

function resourceErrors(
  { group = "", resources = [], resourceNames = [] }: GroupResources,
  path: string,
): FieldError[] {
  const wrong = group === "" || group === "*" ? [] : dns1123Subdomain(group);
  return [
    ...(wrong.length === 0 ? [] : [field.invalid(field.child(path, "group"), group, wrong.join(","))]),
    ...(resourceNames.length > 0 && resources.length === 0
      ? [
          field.invalid(
            field.child(path, "resourceNames"),
            resourceNames,
            "using resourceNames requires at least one resource",
          ),
        ]
      : []),
  ];
}

function stageErrors(omitted: readonly string[], path: string): FieldError[] {
  return omitted.flatMap((stage, index) =>
    stages.includes(stage)
      ? []
      : [field.invalid(field.at(path, index), stage, `allowed stages are ${stages.join(",")}`)],
  );
}

/** How a request is recorded. Without a user: authentication failed. */
export function evaluatePolicy(
  policy: AuditPolicy,
  user: UserInfo | undefined,
  info: RequestInfo,
): AuditConfiguration {
  const { omitStages = [], omitManagedFields = false } = policy;
  const rule = policy.rules.find((candidate) => matches(candidate, user, info));
  if (rule === undefined) return { level: "None", omitStages, omitManagedFields };
  return {
    level: rule.level,
    omitStages: [...omitStages, ...(rule.omitStages ?? [])],
    omitManagedFields: rule.omitManagedFields ?? omitManagedFields,
  };
}

function matches(rule: AuditRule, user: UserInfo | undefined, info: RequestInfo): boolean {
  const { users = [], userGroups = [], verbs = [], namespaces = [], resources = [] } = rule;
  if (users.length > 0 && !(user && users.includes(user.name))) return false;
  if (userGroups.length > 0 && !user?.groups.some((group) => userGroups.includes(group))) return false;
  if (verbs.length > 0 && !verbs.includes(info.verb)) return false;
  if (namespaces.length > 0 || resources.length > 0) return matchesResource(rule, info);
  const { nonResourceURLs = [] } = rule;
  if (nonResourceURLs.length === 0) return true;
  return !info.isResourceRequest && nonResourceURLs.some((spec) => matchesPath(spec, info.path));
}

function matchesPath(spec: string, path: string): boolean {
  if (spec === "*" || spec === path) return true;
  return spec.endsWith("*") && path.startsWith(spec.slice(0, -1));
}

function matchesResource({ namespaces = [], resources = [] }: AuditRule, info: RequestInfo): boolean {
  if (!info.isResourceRequest) return false;
  if (namespaces.length > 0 && !namespaces.includes(info.namespace)) return false;
  if (resources.length === 0) return true;
  const combined = info.subresource === "" ? info.resource : `${info.resource}/${info.subresource}`;
  const named = (spec: string) =>
    spec === combined ||
    spec === "*" ||
    (info.subresource !== "" && spec === `*/${info.subresource}`) ||
    spec === `${info.resource}/*`;
  return resources.some(({ group = "", resources: specs = [], resourceNames = [] }) => {
    if (group !== info.apiGroup && group !== "*") return false;
    if (specs.length === 0) return true;
    return (resourceNames.length === 0 || resourceNames.includes(info.name)) && specs.some(named);
  });
}
