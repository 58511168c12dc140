/** Limit ranges and resource quotas. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { qualifiedName } from "../../apimachinery/names.ts";
import { compareQuantity, parseQuantity, quantityMilliValue } from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import type { ResourceList } from "./pod-resources.ts";
import {
  containerResourceNameErrors,
  isHugePages,
  quotaResourceNameErrors,
  resourceAmountErrors,
  resourceNameErrors,
} from "./resource-validation.ts";
import type { LimitRange, LimitRangeItem, ResourceQuota, ResourceQuotaSpec } from "./types.generated.ts";

type Errors = readonly FieldError[];

const limitTypes = ["Pod", "Container", "PersistentVolumeClaim"];

export function validateLimitRange({ spec }: LimitRange): Errors {
  const limits = spec?.limits;
  return [
    ...field.each("spec.limits", limits, (limit, at) => validateLimit(at, limit)),
    ...field.unique(
      limits,
      ({ type }) => type,
      (index, { type }) => field.duplicate(`spec.limits[${index}].type`, type),
    ),
  ];
}

const limitParts = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

function validateLimit(path: string, limit: LimitRangeItem): Errors {
  const { type } = limit;
  const errors: FieldError[] = [...limitTypeErrors(field.child(path, "type"), type)];
  const checkName = type === "Pod" || type === "Container" ? containerResourceNameErrors : resourceNameErrors;
  for (const part of limitParts) {
    const isDefault = part === "default" || part === "defaultRequest";
    if (type === "Pod" && isDefault) {
      if (Object.keys(limit[part] ?? {}).length > 0)
        errors.push(field.forbidden(field.child(path, part), "may not be specified when `type` is 'Pod'"));
      continue;
    }
    for (const name in limit[part]) errors.push(...checkName(field.at(field.child(path, part), name), name));
  }
  if (
    type === "PersistentVolumeClaim" &&
    limit.min?.storage === undefined &&
    limit.max?.storage === undefined
  )
    errors.push(
      field.required(
        field.child(path, "limits"),
        "either minimum or maximum storage value is required, but neither was provided",
      ),
    );
  const names = new Set(limitParts.flatMap((part) => Object.keys(limit[part] ?? {})));
  for (const name of names) errors.push(...orderErrors(path, name, limit));
  return errors;
}

function limitTypeErrors(path: string, type: string): Errors {
  const errors = field.invalidEach(path, type, qualifiedName(type));
  if (errors.length > 0 || type.includes("/") || limitTypes.includes(type)) return errors;
  return [field.invalid(path, type, "must be a standard limit type or fully qualified")];
}

/** From the least to the most: min, default request, default limit, max. */
function orderErrors(path: string, name: string, limit: LimitRangeItem): Errors {
  const { max, min, default: limits, defaultRequest, maxLimitRequestRatio } = limit;
  const errors: FieldError[] = [];
  const over = (left: ResourceList | undefined, right: ResourceList | undefined): boolean => {
    const [a, b] = [left?.[name], right?.[name]];
    return a !== undefined && b !== undefined && compareQuantity(parseQuantity(a), parseQuantity(b)) > 0;
  };
  const wrong = (part: string, shown: string | undefined, detail: string) =>
    errors.push(field.invalid(field.at(field.child(path, part), name), shown, detail));
  const [least, most, limitValue, request] = [
    min?.[name],
    max?.[name],
    limits?.[name],
    defaultRequest?.[name],
  ];
  if (over(min, max)) wrong("min", least, `min value ${least} is greater than max value ${most}`);
  if (over(min, defaultRequest))
    wrong("defaultRequest", request, `min value ${least} is greater than default request value ${request}`);
  if (over(defaultRequest, max))
    wrong("defaultRequest", request, `default request value ${request} is greater than max value ${most}`);
  if (over(defaultRequest, limits))
    wrong(
      "defaultRequest",
      request,
      `default request value ${request} is greater than default limit value ${limitValue}`,
    );
  if (over(min, limits))
    wrong("default", least, `min value ${least} is greater than default value ${limitValue}`);
  if (over(limits, max))
    wrong("default", most, `default value ${limitValue} is greater than max value ${most}`);
  const ratio = maxLimitRequestRatio?.[name];
  if (ratio !== undefined && quantityMilliValue(ratio) < 1000)
    wrong("maxLimitRequestRatio", ratio, `ratio ${ratio} is less than 1`);
  if (ratio !== undefined && least !== undefined && most !== undefined) {
    const bound = quantityMilliValue(most) / quantityMilliValue(least);
    if (quantityMilliValue(ratio) / 1000 > bound)
      wrong("maxLimitRequestRatio", ratio, `ratio ${ratio} is greater than max/min = ${bound.toFixed(6)}`);
  }
  const isFixed = isHugePages(name) || (name.includes("/") && !name.includes("kubernetes.io/"));
  if (
    isFixed &&
    limitValue !== undefined &&
    request !== undefined &&
    (over(limits, defaultRequest) || over(defaultRequest, limits))
  )
    wrong(
      "defaultRequest",
      request,
      `default value ${limitValue} must equal to defaultRequest value ${request} in ${name}`,
    );
  return errors;
}

const existenceScopes = [
  "BestEffort",
  "NotBestEffort",
  "Terminating",
  "NotTerminating",
  "CrossNamespacePodAffinity",
];
const scopes = [...existenceScopes, "PriorityClass", "VolumeAttributesClass"];

/** Scopes other than BestEffort apply to what pods compute with; that one to their number only. */
const podResources = new Set([
  "pods",
  "cpu",
  "memory",
  "requests.cpu",
  "requests.memory",
  "limits.cpu",
  "limits.memory",
  "ephemeral-storage",
  "requests.ephemeral-storage",
  "limits.ephemeral-storage",
]);

function scopeFits(scope: string, resource: string): boolean {
  if (scope === "BestEffort") return resource === "pods";
  if (scope === "VolumeAttributesClass")
    return resource === "persistentvolumeclaims" || resource === "requests.storage";
  return podResources.has(resource);
}

export function validateResourceQuota(quota: ResourceQuota): Errors {
  return [...validateQuotaSpec(quota.spec ?? {}), ...validateQuotaStatus(quota)];
}

function amountErrors(path: string, list: ResourceList | undefined): Errors {
  return Object.entries(list ?? {}).flatMap(([name, amount]) => {
    const at = field.at(path, name);
    return [...quotaResourceNameErrors(at, name), ...resourceAmountErrors(at, name, amount)];
  });
}

function validateQuotaSpec(spec: ResourceQuotaSpec): Errors {
  return [...amountErrors("spec.hard", spec.hard), ...validateScopes(spec), ...validateScopeSelector(spec)];
}

export function validateQuotaStatus({ status }: ResourceQuota): Errors {
  return [...amountErrors("status.hard", status?.hard), ...amountErrors("status.used", status?.used)];
}

const opposedScopes = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
] as const;

function conflictErrors(path: string, given: readonly string[], shown: unknown): Errors {
  return opposedScopes
    .filter(([one, other]) => given.includes(one) && given.includes(other))
    .map(() => field.invalid(path, shown, "conflicting scopes"));
}

function validateScopes({ scopes: given = [], hard }: ResourceQuotaSpec): Errors {
  const path = "spec.scopes";
  const errors: FieldError[] = [];
  for (const scope of given) {
    if (!scopes.includes(scope)) errors.push(field.invalid(path, given, "unsupported scope"));
    for (const name in hard)
      if (!name.includes("/") && !scopeFits(scope, name))
        errors.push(field.invalid(path, given, "unsupported scope applied to resource"));
  }
  return [...errors, ...conflictErrors(path, given, given)];
}

function validateScopeSelector({ scopeSelector, hard, scopes: given }: ResourceQuotaSpec): Errors {
  const path = "spec.scopeSelector.matchExpressions";
  const expressions = scopeSelector?.matchExpressions ?? [];
  const errors = expressions.flatMap(({ scopeName, operator, values = [] }) => {
    const own: FieldError[] = [];
    if (!scopes.includes(scopeName))
      own.push(field.invalid(field.child(path, "scopeName"), scopeName, "unsupported scope"));
    for (const name in hard)
      if (!name.includes("/") && !scopeFits(scopeName, name))
        own.push(
          field.invalid(
            path,
            inGoForm("ScopeSelector", scopeSelector),
            "unsupported scope applied to resource",
          ),
        );
    if (existenceScopes.includes(scopeName) && operator !== "Exists")
      own.push(
        field.invalid(
          field.child(path, "operator"),
          operator,
          "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        ),
      );
    return [...own, ...operatorErrors(path, operator, values)];
  });
  const names = expressions.map(({ scopeName }) => scopeName);
  return [...errors, ...conflictErrors(path, names, given)];
}

function operatorErrors(path: string, operator: string, values: readonly string[]): Errors {
  const at = field.child(path, "values");
  if (operator === "In" || operator === "NotIn")
    return values.length > 0
      ? []
      : [
          field.required(
            at,
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
          ),
        ];
  if (operator === "Exists" || operator === "DoesNotExist")
    return values.length === 0
      ? []
      : [
          field.invalid(
            at,
            values,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
          ),
        ];
  return [field.invalid(field.child(path, "operator"), operator, "not a valid selector operator")];
}

export function validateResourceQuotaUpdate(quota: ResourceQuota, old: ResourceQuota): Errors {
  const sorted = (list: readonly string[] | undefined) => [...new Set(list ?? [])].sort();
  const [after, before] = [sorted(quota.spec?.scopes), sorted(old.spec?.scopes)];
  return [
    ...validateQuotaSpec(quota.spec ?? {}),
    ...(field.semanticEqual(after, before)
      ? []
      : [field.invalid("spec.scopes", quota.spec?.scopes, field.immutableMessage)]),
  ];
}
