import { addQuantity, compareQuantity, type Quantity } from "../../apimachinery/quantity.ts";
import { hasPodLevelResources, parseResourceList, type ResourceList } from "./pod-resources.ts";
import type { Pod } from "./types.generated.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const computeResources = ["cpu", "memory"] as const;

/** The class that is written in the status, or computed where it is not yet. */
export function podQosClass(pod: Pod): QosClass {
  const written = pod.status?.qosClass;
  if (written === "Guaranteed" || written === "Burstable" || written === "BestEffort") return written;
  return computePodQosClass(pod);
}

/**
 * Guaranteed: every container limits its cpu and memory and requests as much. BestEffort: none says anything of
 * either. Burstable: the rest. Where the pod as a whole has resources, those alone decide.
 */
export function computePodQosClass(pod: Pod): QosClass {
  const parts = hasPodLevelResources(pod)
    ? [pod.spec.resources]
    : [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map(({ resources }) => resources);
  const requests = new Map<string, Quantity>();
  const limits = new Map<string, Quantity>();
  let allLimited = true;
  for (const part of parts) {
    addPositive(requests, part?.requests);
    const limited = addPositive(limits, part?.limits);
    if (limited < computeResources.length) allLimited = false;
  }
  if (requests.size === 0 && limits.size === 0) return "BestEffort";
  const same =
    requests.size === limits.size &&
    [...requests].every(([name, amount]) => {
      const limit = limits.get(name);
      return limit !== undefined && compareQuantity(amount, limit) === 0;
    });
  return allLimited && same ? "Guaranteed" : "Burstable";
}

/** Adds what a list says of cpu and memory, zero counting as nothing; returns how many of the two it names. */
function addPositive(sums: Map<string, Quantity>, list: ResourceList | undefined): number {
  const amounts = parseResourceList(list);
  let named = 0;
  for (const name of computeResources) {
    const amount = amounts[name];
    if (amount === undefined || amount.unscaled <= 0n) continue;
    named++;
    const present = sums.get(name);
    sums.set(name, present === undefined ? amount : addQuantity(present, amount));
  }
  return named;
}
