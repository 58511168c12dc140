import { isPodTerminal, podCondition } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";

/** Since when the pod is ready, in epoch milliseconds; undefined where it is not ready or does not say. */
export function podReadySinceMs(pod: Pod): number | undefined {
  const ready = podCondition(pod, "Ready");
  if (ready?.status !== "True" || ready.lastTransitionTime === undefined) return undefined;
  return Date.parse(ready.lastTransitionTime);
}

/** Being deleted and not finished yet (upstream's IsPodTerminating). */
export function isPodTerminating(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;
}

/**
 * When the next of these ready pods counts as available: how long from now, or undefined if none is on its way. Pods that
 * are not ready wake their controller when they become so.
 */
export function nextAvailabilityMs(
  pods: readonly Pod[],
  minReadySeconds: number,
  nowMs: number,
): number | undefined {
  if (minReadySeconds === 0) return undefined;
  let nextMs: number | undefined;
  for (const pod of pods) {
    const sinceMs = podReadySinceMs(pod);
    if (sinceMs === undefined) continue;
    const inMs = sinceMs + minReadySeconds * 1000 - nowMs;
    if (inMs > 0) nextMs = Math.min(nextMs ?? inMs, inMs);
  }
  return nextMs;
}
