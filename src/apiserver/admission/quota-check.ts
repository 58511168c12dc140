import type { Pod, ResourceQuota } from "../../api/core/types.generated.ts";
import { quotaMatches } from "../../api/quota/scopes.ts";
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

export type QuotaVerdict =
  /** The quotas as they will be: the same objects where nothing changes. */
  { readonly quotas: readonly ResourceQuota[] } | { readonly refusal: string };

export function checkQuotas(quotas: readonly ResourceQuota[], request: QuotaRequest): QuotaVerdict {
  const charged: ResourceQuota[] = [];
  for (const quota of quotas) {
    const verdict = chargeQuota(quota, request);
    if (typeof verdict === "string") return { refusal: verdict };
    charged.push(verdict);
  }
  return { quotas: charged };
}

/** One quota with the request's usage added, or why it cannot be. */
function chargeQuota(quota: ResourceQuota, request: QuotaRequest): ResourceQuota | string {
  const { resource, object } = request;
  if (!quotaMatches(quota, resource, object)) return quota;
  const name = quota.metadata.name ?? "";
  const hard = quota.status?.hard ?? {};
  const used = quota.status?.used ?? {};
  const restricted = matchingNames(resource, Object.keys(hard));
  if (resource.group === "" && resource.resource === "pods") {
    // The resource says that it is a pod.
    const missing = podConstraintError(object as KubeObject & Pod, restricted);
    if (missing !== undefined) return `failed quota: ${name}: ${missing}`;
  }
  if (restricted.some((key) => used[key] === undefined))
    return `status unknown for quota: ${name}, resources: ${restricted.toSorted().join(",")}`;
  return addDelta(quota, name, deltaOf(quota, request));
}

/** What the request adds to this quota; an object that comes under it by the update counts in full. */
function deltaOf(quota: ResourceQuota, { resource, object, oldObject, nowMs }: QuotaRequest): Usage {
  const usage = usageOf(resource, object, nowMs);
  if (oldObject === undefined || !quotaMatches(quota, resource, oldObject)) return usage;
  const before = usageOf(resource, oldObject, nowMs);
  return Object.fromEntries(
    Object.entries(usage).map(([key, amount]) => {
      const less = subtractQuantity(amount, before[key] ?? zeroQuantity);
      return [key, less.unscaled < 0n ? zeroQuantity : less];
    }),
  );
}

function addDelta(quota: ResourceQuota, name: string, delta: Usage): ResourceQuota | string {
  const hard = quota.status?.hard ?? {};
  const used = quota.status?.used ?? {};
  const next: Record<string, string> = {};
  const exceeded: { key: string; requested: Quantity; used: Quantity; hard: Quantity }[] = [];
  for (const [key, amount] of Object.entries(delta)) {
    const limitText = hard[key];
    if (limitText === undefined || amount.unscaled === 0n) continue;
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
