import { type PodResourcesOptions, podRequests, type ResourceAmounts } from "../../api/core/pod-resources.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { parseQuantity, quantityMilliValue, quantityValue } from "../../apimachinery/quantity.ts";
import { LruCache } from "../../base/lru-cache.ts";

/** Amounts that a pod asks for. Scalars are extended resources, hugepages and attachable volumes. */
export interface PodAmounts {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly ephemeralBytes: number;
  readonly scalars: readonly ScalarAmount[];
}

export interface ScalarAmount {
  readonly name: string;
  readonly amount: number;
}

export interface PodDemand {
  readonly requests: PodAmounts;
  /** With what is assumed for containers that say nothing, so that such pods are spread too. */
  readonly nonZero: { readonly milliCpu: number; readonly memoryBytes: number };
  /** The same for every pod that asks for the same. */
  readonly signature: string;
}

/** What a container that says nothing is taken to need, in scores. */
const assumed: ResourceAmounts = { cpu: parseQuantity("100m"), memory: parseQuantity("200Mi") };

const known = new LruCache<string, PodDemand>(4096);

/** What a pod asks for of its node; pods of one template share one value. */
export function podDemand(pod: Pod): PodDemand {
  const { containers, initContainers = [], overhead, resources } = pod.spec;
  const signature = JSON.stringify([
    containers.map((container) => container.resources?.requests),
    initContainers.map((container) => [container.resources?.requests, container.restartPolicy]),
    overhead,
    resources?.requests,
  ]);
  // What a resize has reached stands in the status; it is nothing that pods share.
  if (hasAllocations(pod)) return { ...computeDemand(pod, { useStatus: true }), signature };
  return known.getOrCreate(signature, () => ({ ...computeDemand(pod, {}), signature }));
}

function hasAllocations({ status = {} }: Pod): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = status;
  return (
    containerStatuses.some(({ resources }) => resources !== undefined) ||
    initContainerStatuses.some(({ resources }) => resources !== undefined)
  );
}

function computeDemand(pod: Pod, options: PodResourcesOptions): Omit<PodDemand, "signature"> {
  const requests = amountsOf(podRequests(pod, options));
  const { milliCpu, memoryBytes } = amountsOf(podRequests(pod, { ...options, missing: assumed }));
  return { requests, nonZero: { milliCpu, memoryBytes } };
}

function amountsOf(amounts: ResourceAmounts): PodAmounts {
  const scalars: ScalarAmount[] = [];
  for (const name in amounts) {
    const amount = amounts[name];
    if (amount !== undefined && isScalar(name)) scalars.push({ name, amount: quantityValue(amount) });
  }
  const { cpu, memory, "ephemeral-storage": ephemeral } = amounts;
  return {
    milliCpu: cpu === undefined ? 0 : quantityMilliValue(cpu),
    memoryBytes: memory === undefined ? 0 : quantityValue(memory),
    ephemeralBytes: ephemeral === undefined ? 0 : quantityValue(ephemeral),
    scalars,
  };
}

const ownColumns = new Set(["cpu", "memory", "ephemeral-storage", "pods"]);

/** Whether a resource is counted by its name alone. */
export function isScalar(name: string): boolean {
  return !ownColumns.has(name);
}
