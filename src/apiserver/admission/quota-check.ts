import type {
  Pod,
  ResourceQuota,
  ScopedResourceSelectorRequirement,
} from "../../api/core/types.generated.ts";
import { inScope, quotaMatches, scopesOf } from "../../api/quota/scopes.ts";
import {
  matchingNames,
  podConstraintError,
  type QuotaResource,
  type Usage,
  usageOf,
} from "../../api/quota/usage.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import {
  addQuantity,
  compareQuantity,
  formatQuantity,
  parseQuantity,
  type Quantity,
  subtractQuantity,
  zeroQuantity,
} from "../../apimachinery/quantity.ts";

/** What a request adds, judged against quotas: pure. */
export interface QuotaRequest {
  readonly resource: QuotaResource;
  readonly object: KubeObject;
  /** What stands there now, for an update. */
  readonly oldObject?: KubeObject;
  readonly nowMs: number;
}

/** What nobody may consume without a quota that counts it (`limitedResources`). */
export interface LimitedResource {
  readonly apiGroup?: string;
  readonly resource: string;
  /** Parts of names of what is counted. */
  readonly matchContains?: readonly string[];
  readonly matchScopes?: readonly ScopedResourceSelectorRequirement[];
}

export type QuotaVerdict =
  /** The quotas as they will be: the same objects where nothing changes. */
  | { readonly quotas: readonly ResourceQuota[] }
  | { readonly refusal: string }
  /** Upstream answers 500 with these words. */
  | { readonly failure: string };

/** Charges a request to the quotas that are about it; all of them must hold it, and count what is limited. */
export function checkQuotas(
  quotas: readonly ResourceQuota[],
  request: QuotaRequest,
  limited: readonly LimitedResource[] = [],
): QuotaVerdict {
  const { resource, object, nowMs } = request;
  const concerned = quotas.filter((quota) => quotaMatches(quota, resource, object));
  const unfit = concerned.map((quota) => whyUnfit(quota, request)).find((why) => why !== undefined);
  if (unfit !== undefined) return { refusal: unfit };
  const usage = usageOf(resource, object, nowMs);
  const negative = Object.keys(usage).filter((name) => (usage[name]?.unscaled ?? 0n) < 0n);
  if (negative.length > 0)
    return { refusal: `quota usage is negative for resource(s): ${negative.toSorted().join(",")}` };
  const deltas = new Map(concerned.map((quota) => [quota, deltaOf(quota, request, usage)]));
  const total = deltas.size > 0 ? [...deltas.values()] : [changeOf(request, usage)];
  if (total.every((delta) => Object.keys(delta).length === 0)) return { quotas };
  const uncovered = uncoveredBy(quotas, concerned, request, { limited, usage });
  if (uncovered !== undefined) return uncovered;
  const charged: ResourceQuota[] = [];
  for (const quota of quotas) {
    const delta = deltas.get(quota);
    const verdict = delta === undefined ? quota : addDelta(quota, quota.metadata.name ?? "", delta);
    if (typeof verdict === "string") return { refusal: verdict };
    charged.push(verdict);
  }
  return { quotas: charged };
}

function restrictedNames(quota: ResourceQuota, { resource }: QuotaRequest): readonly string[] {
  return matchingNames(resource, Object.keys(quota.status?.hard ?? {}));
}

/** Why a quota cannot tell what the request would use of it. */
function whyUnfit(quota: ResourceQuota, request: QuotaRequest): string | undefined {
  const { resource, object } = request;
  const name = quota.metadata.name ?? "";
  const restricted = restrictedNames(quota, request);
  if (resource.group === "" && resource.resource === "pods") {
    // The resource says that it is a pod.
    const missing = podConstraintError(object as KubeObject & Pod, restricted);
    if (missing !== undefined) return `failed quota: ${name}: ${missing}`;
  }
  const used = quota.status?.used ?? {};
  if (restricted.every((key) => used[key] !== undefined)) return undefined;
  return `status unknown for quota: ${name}, resources: ${restricted.toSorted().join(",")}`;
}

/** What the request adds to this quota; an object that comes under it by the update counts in full. */
function deltaOf(quota: ResourceQuota, request: QuotaRequest, usage: Usage): Usage {
  const { resource, oldObject } = request;
  if (oldObject === undefined || quotaMatches(quota, resource, oldObject)) return changeOf(request, usage);
  return withoutZeros(usage);
}

/** What is used more than before; never less. */
function changeOf({ resource, oldObject, nowMs }: QuotaRequest, usage: Usage): Usage {
  if (oldObject === undefined) return withoutZeros(usage);
  const before = usageOf(resource, oldObject, nowMs);
  return withoutZeros(
    Object.fromEntries(
      Object.entries(usage).map(([key, amount]) => [
        key,
        subtractQuantity(amount, before[key] ?? zeroQuantity),
      ]),
    ),
  );
}

function withoutZeros(usage: Usage): Usage {
  return Object.fromEntries(Object.entries(usage).filter(([, amount]) => amount.unscaled > 0n));
}

/** Why what is limited is covered by no quota; undefined: all is. */
function uncoveredBy(
  quotas: readonly ResourceQuota[],
  concerned: readonly ResourceQuota[],
  request: QuotaRequest,
  { limited, usage }: { readonly limited: readonly LimitedResource[]; readonly usage: Usage },
): QuotaVerdict | undefined {
  if (limited.length === 0) return undefined;
  const { resource, object } = request;
  const covered = new Set(concerned.flatMap((quota) => restrictedNames(quota, request)));
  const parts = limited
    .filter((each) => (each.apiGroup ?? "") === resource.group && each.resource === resource.resource)
    .flatMap(({ matchContains = [] }) => matchContains);
  const missing = Object.entries(withoutZeros(usage))
    .map(([name]) => name)
    .filter((name) => !covered.has(name) && parts.some((part) => name.includes(part)));
  if (missing.length > 0)
    return { refusal: `insufficient quota to consume: ${missing.toSorted().join(",")}` };
  const applies = (scope: ScopedResourceSelectorRequirement) => inScope(scope, resource, object);
  const names = new Set(
    quotas
      .flatMap(scopesOf)
      .filter(applies)
      .map(({ scopeName }) => scopeName),
  );
  const scopes = limited
    .flatMap(({ matchScopes = [] }) => matchScopes)
    .filter((scope) => applies(scope) && !names.has(scope.scopeName));
  if (scopes.length === 0) return undefined;
  const shown = scopes.map(
    ({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(" ")}]}`,
  );
  return { failure: `insufficient quota to match these scopes: [${shown.join(" ")}]` };
}

function addDelta(quota: ResourceQuota, name: string, delta: Usage): ResourceQuota | string {
  const hard = quota.status?.hard ?? {};
  const used = quota.status?.used ?? {};
  const next: Record<string, string> = {};
  const exceeded: { key: string; requested: Quantity; used: Quantity; hard: Quantity }[] = [];
  for (const [key, amount] of Object.entries(delta)) {
    const limitText = hard[key];
    if (limitText === undefined) continue;
    const limit = parseQuantity(limitText);
    const held = parseQuantity(used[key] ?? "0");
    const sum = addQuantity(held, amount);
    if (compareQuantity(sum, limit) > 0) exceeded.push({ key, requested: amount, used: held, hard: limit });
    next[key] = formatQuantity(sum);
  }
  if (exceeded.length > 0) {
    exceeded.sort((a, b) => (a.key < b.key ? -1 : 1));
    const list = (field: "requested" | "used" | "hard") =>
      exceeded.map((entry) => `${entry.key}=${formatQuantity(entry[field])}`).join(",");
    return `exceeded quota: ${name}, requested: ${list("requested")}, used: ${list("used")}, limited: ${list("hard")}`;
  }
  if (Object.keys(next).length === 0) return quota;
  return { ...quota, status: { ...quota.status, used: { ...used, ...next } } };
}
