/** What a pod's status says: its conditions, and the states that follow from them. */
import { rfc3339 } from "../../base/clock.ts";
import type { Container, Pod, PodCondition, PodStatus } from "./types.generated.ts";

/** The condition types that Kubernetes itself sets. */
export type PodConditionType =
  | "PodScheduled"
  | "PodReadyToStartContainers"
  | "Initialized"
  | "ContainersReady"
  | "Ready"
  | "DisruptionTarget"
  | "PodResizePending"
  | "PodResizeInProgress";

export function podCondition(pod: Pod, type: PodConditionType | string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodConditionTrue(pod: Pod, type: PodConditionType | string): boolean {
  return podCondition(pod, type)?.status === "True";
}

/** Ready for traffic: the Ready condition is True. */
export function isPodReady(pod: Pod): boolean {
  return isPodConditionTrue(pod, "Ready");
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const ready = podCondition(pod, "Ready");
  if (ready?.status !== "True") return false;
  if (minReadySeconds === 0) return true;
  if (ready.lastTransitionTime === undefined) return false;
  return Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 <= nowMs;
}

/** Finished for good: no container will run again. */
export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Counts towards a workload's replicas: neither finished nor being deleted (upstream's `IsPodActive`). */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

/**
 * The status with `condition` in place of the one of its type. lastTransitionTime moves only when the condition's
 * status does; the argument comes back when nothing changed.
 */
export function withPodCondition(
  status: PodStatus,
  condition: Omit<PodCondition, "lastTransitionTime">,
  nowMs: number,
): PodStatus {
  const conditions = status.conditions ?? [];
  const old = conditions.find(({ type }) => type === condition.type);
  const same = old !== undefined && old.status === condition.status;
  if (
    same &&
    old.reason === condition.reason &&
    old.message === condition.message &&
    old.observedGeneration === condition.observedGeneration &&
    old.lastProbeTime === condition.lastProbeTime
  )
    return status;
  const lastTransitionTime = (same ? old.lastTransitionTime : undefined) ?? rfc3339(nowMs);
  const changed = { ...condition, lastTransitionTime };
  return {
    ...status,
    conditions:
      old === undefined
        ? [...conditions, changed]
        : conditions.map((present) => (present === old ? changed : present)),
  };
}

/** An init container that keeps running beside the others: a sidecar. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

/** A pod that mirrors a manifest from a node's disk. */
export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined;
}
