import type { FieldError } from "../../apimachinery/api-error.ts";
import type { Program } from "../../apimachinery/cel/environment.ts";
import { dns1123Subdomain } from "../../apimachinery/names.ts";
import { formatDuration } from "../../apimachinery/protobuf/duration.ts";
import * as field from "../../apimachinery/validation.ts";
import { compileCondition } from "../review-webhook/match-conditions.ts";
import type {
  AuthorizationConfiguration,
  AuthorizerConfiguration,
  WebhookConfiguration,
} from "./authorization-configuration.ts";

export interface FileChecks {
  /** Why a path names no regular file that can be read; undefined: it does. */
  readonly fileFault: (path: string) => string | undefined;
}

const knownTypes = ["ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"] as const;

/** Upstream's `ValidateAuthorizationConfiguration`, and the compiled conditions of each authorizer. */
export function validateAuthorizationConfiguration(
  { authorizers = [] }: AuthorizationConfiguration,
  checks: FileChecks,
): { readonly errors: readonly FieldError[]; readonly conditions: readonly (readonly Program[])[] } {
  const errors: FieldError[] = [];
  if (authorizers.length === 0)
    errors.push(field.required("authorizers", "at least one authorization mode must be defined"));
  const types = new Set<string>();
  const names = new Set<string>();
  const conditions = authorizers.map((authorizer, index) => {
    const path = field.at("authorizers", index);
    const { type = "" } = authorizer;
    const problem = typeError(type, path, types);
    if (problem !== undefined) {
      errors.push(problem);
      return [];
    }
    types.add(type);
    errors.push(...nameErrors(authorizer.name ?? "", `${path}.name`, names));
    names.add(authorizer.name ?? "");
    return webhookOf(authorizer, path, checks, errors);
  });
  return { errors, conditions };
}

function typeError(type: string, path: string, seen: ReadonlySet<string>): FieldError | undefined {
  if (type === "") return field.required(`${path}.type`);
  if (!(knownTypes as readonly string[]).includes(type))
    return field.notSupported(`${path}.type`, type, knownTypes);
  return seen.has(type) && type !== "Webhook" ? field.duplicate(`${path}.type`, type) : undefined;
}

function nameErrors(name: string, path: string, seen: ReadonlySet<string>): FieldError[] {
  if (name === "") return [field.required(path)];
  if (seen.has(name)) return [field.duplicate(path, name)];
  const reasons = dns1123Subdomain(name);
  return reasons.length === 0
    ? []
    : [field.invalid(path, name, `authorizer name is invalid: ${reasons.join(", ")}`)];
}

function webhookOf(
  { type, webhook }: AuthorizerConfiguration,
  path: string,
  checks: FileChecks,
  errors: FieldError[],
): readonly Program[] {
  if (type !== "Webhook") {
    if (webhook !== undefined)
      errors.push(field.invalid(`${path}.webhook`, "non-null", "may only be specified when type=Webhook"));
    return [];
  }
  if (webhook === undefined) {
    errors.push(field.required(`${path}.webhook`, "required when type=Webhook"));
    return [];
  }
  errors.push(
    ...timeErrors(webhook, path),
    ...versionErrors(webhook, path),
    ...connectionErrors(webhook, path, checks),
  );
  return compiledConditions(webhook.matchConditions ?? [], path, errors);
}

const maxTimeoutMs = 30_000;
const shown = (milliseconds: number) => formatDuration(milliseconds * 1_000_000);

function timeErrors(
  { timeout = 0, authorizedTTL = 0, unauthorizedTTL = 0 }: WebhookConfiguration,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (timeout === 0) errors.push(field.required(`${path}.timeout`));
  else if (timeout > maxTimeoutMs || timeout < 0)
    errors.push(field.invalid(`${path}.timeout`, shown(timeout), "must be > 0s and <= 30s"));
  for (const [name, ttl] of Object.entries({ authorizedTTL, unauthorizedTTL })) {
    if (ttl === 0) errors.push(field.required(`${path}.${name}`));
    else if (ttl < 0) errors.push(field.invalid(`${path}.${name}`, shown(ttl), "must be > 0s"));
  }
  return errors;
}

function versionErrors(
  {
    subjectAccessReviewVersion = "",
    matchConditionSubjectAccessReviewVersion = "",
    matchConditions = [],
    failurePolicy = "",
  }: WebhookConfiguration,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const among = (name: string, value: string, allowed: readonly string[]) => {
    if (value === "") errors.push(field.required(`${path}.${name}`));
    else if (!allowed.includes(value)) errors.push(field.notSupported(`${path}.${name}`, value, allowed));
  };
  among("subjectAccessReviewVersion", subjectAccessReviewVersion, ["v1", "v1beta1"]);
  const ofConditions = "matchConditionSubjectAccessReviewVersion";
  if (matchConditionSubjectAccessReviewVersion !== "")
    among(ofConditions, matchConditionSubjectAccessReviewVersion, ["v1"]);
  else if (matchConditions.length > 0)
    errors.push(field.required(`${path}.${ofConditions}`, "required if match conditions are specified"));
  among("failurePolicy", failurePolicy, ["NoOpinion", "Deny"]);
  return errors;
}

function connectionErrors(
  { connectionInfo: { type = "", kubeConfigFile } = {} }: WebhookConfiguration,
  path: string,
  { fileFault }: FileChecks,
): FieldError[] {
  const at = `${path}.connectionInfo`;
  switch (type) {
    case "":
      return [field.required(`${at}.type`)];
    case "InClusterConfig":
      return kubeConfigFile === undefined
        ? [field.invalid(`${at}.type`, type, "this server runs in no pod")]
        : [field.invalid(`${at}.kubeConfigFile`, kubeConfigFile, "can only be set when type=KubeConfigFile")];
    case "KubeConfigFile": {
      if (kubeConfigFile === undefined || kubeConfigFile === "")
        return [field.required(`${at}.kubeConfigFile`)];
      if (!kubeConfigFile.startsWith("/"))
        return [field.invalid(`${at}.kubeConfigFile`, kubeConfigFile, "must be an absolute path")];
      const fault = fileFault(kubeConfigFile);
      return fault === undefined ? [] : [field.invalid(`${at}.kubeConfigFile`, kubeConfigFile, fault)];
    }
    default:
      return [field.notSupported(`${at}.type`, type, ["InClusterConfig", "KubeConfigFile"])];
  }
}

const maxConditions = 64;

function compiledConditions(
  conditions: NonNullable<WebhookConfiguration["matchConditions"]>,
  path: string,
  errors: FieldError[],
): readonly Program[] {
  const list = `${path}.matchConditions`;
  if (conditions.length > maxConditions) {
    errors.push(field.tooMany(list, conditions.length, maxConditions));
    return [];
  }
  const seen = new Set<string>();
  return conditions.flatMap(({ expression = "" }, index) => {
    const at = `${field.at(list, index)}.expression`;
    if (expression.trim() === "") {
      errors.push(field.required(at));
      return [];
    }
    if (seen.has(expression)) {
      errors.push(field.duplicate(at, expression));
      return [];
    }
    seen.add(expression);
    const program = compileCondition(expression);
    if (typeof program !== "string") return [program];
    errors.push(field.invalid(at, expression, program));
    return [];
  });
}
