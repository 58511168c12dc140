import type { Pod, PodCondition } from "../../api/core/types.generated.ts";

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, "Ready")?.status === "True";
}

/** Since when the pod is ready, in epoch milliseconds; undefined where it is not ready or does not say. */
export function podReadySinceMs(pod: Pod): number | undefined {
  const ready = podCondition(pod, "Ready");
  if (ready?.status !== "True" || ready.lastTransitionTime === undefined) return undefined;
  return Date.parse(ready.lastTransitionTime);
}

/** The pod runs, or may yet: not finished and not being deleted (upstream's IsPodActive). */
export function isPodActive(pod: Pod): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** Succeeded or Failed: it will never run again. */
export function isPodFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Being deleted and not finished yet (upstream's IsPodTerminating). */
export function isPodTerminating(pod: Pod): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp !== undefined;
}

/** Ready for at least `minReadySeconds` (upstream's IsPodAvailable). */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  return availableInMs(pod, minReadySeconds, nowMs) === 0;
}

/** How long until the pod counts as available if it stays ready; undefined where it is not ready. */
export function availableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isPodReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const sinceMs = podReadySinceMs(pod);
  if (sinceMs === undefined) return undefined;
  return Math.max(0, sinceMs + minReadySeconds * 1000 - nowMs);
}

/** When the next of these ready pods becomes available: how long from now, or undefined if none is on its way. */
export function nextAvailabilityMs(
  pods: readonly Pod[],
  minReadySeconds: number,
  nowMs: number,
): number | undefined {
  let nextMs: number | undefined;
  for (const pod of pods) {
    const inMs = availableInMs(pod, minReadySeconds, nowMs);
    if (inMs !== undefined && inMs > 0) nextMs = Math.min(nextMs ?? inMs, inMs);
  }
  return nextMs;
}
