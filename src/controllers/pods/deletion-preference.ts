import { isPodReady } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { podReadySinceMs } from "./pod-state.ts";

const podDeletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

interface RankedPod {
  readonly pod: Pod;
  /** Pods of the same application on the same node: a crowded node gives up a pod first. */
  readonly rank: number;
}

/**
 * Picks the `count` pods a scale-down costs least (upstream's ActivePodsWithRanks): not yet placed, not running, not
 * ready, cheap by annotation, crowded, young. `related` are all pods of the same application, to find crowded nodes.
 */
export function podsToDelete(
  candidates: readonly Pod[],
  related: readonly Pod[],
  count: number,
  nowMs: number,
): Pod[] {
  if (count <= 0) return [];
  if (count >= candidates.length) return [...candidates];
  const onNode = new Map<string, number>();
  for (const { spec } of related) {
    if (spec.nodeName !== undefined) onNode.set(spec.nodeName, (onNode.get(spec.nodeName) ?? 0) + 1);
  }
  return candidates
    .map((pod) => ({ pod, rank: onNode.get(pod.spec.nodeName ?? "") ?? 0 }))
    .sort((left, right) => byDeletionPreference(left, right, nowMs))
    .slice(0, count)
    .map(({ pod }) => pod);
}

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Below 0: `left` goes first. The first comparison that tells them apart decides. */
function byDeletionPreference(left: RankedPod, right: RankedPod, nowMs: number): number {
  return (
    Number(isAssigned(left.pod)) - Number(isAssigned(right.pod)) ||
    phaseOf(left.pod) - phaseOf(right.pod) ||
    Number(isPodReady(left.pod)) - Number(isPodReady(right.pod)) ||
    deletionCost(left.pod) - deletionCost(right.pod) ||
    right.rank - left.rank ||
    youngerFirst(podReadySinceMs(left.pod), podReadySinceMs(right.pod), nowMs) ||
    maxRestarts(right.pod) - maxRestarts(left.pod) ||
    youngerFirst(createdMs(left.pod), createdMs(right.pod), nowMs) ||
    compareText(left.pod.metadata.uid, right.pod.metadata.uid)
  );
}

/**
 * Ages are compared by powers of two (KEP-2185), so that of pods about equally old the victim is in effect random and not
 * always the one in the newest failure domain. An unknown time counts as youngest.
 */
function youngerFirst(
  leftSinceMs: number | undefined,
  rightSinceMs: number | undefined,
  nowMs: number,
): number {
  if (leftSinceMs === undefined || rightSinceMs === undefined) {
    return Number(leftSinceMs !== undefined) - Number(rightSinceMs !== undefined);
  }
  return ageMagnitude(nowMs - leftSinceMs) - ageMagnitude(nowMs - rightSinceMs);
}

function ageMagnitude(ageMs: number): number {
  return ageMs < 1 ? -1 : Math.floor(Math.log2(ageMs * 1_000_000));
}

function isAssigned(pod: Pod): boolean {
  return (pod.spec.nodeName ?? "") !== "";
}

function phaseOf(pod: Pod): number {
  return phaseOrder[pod.status?.phase ?? ""] ?? 0;
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[podDeletionCostAnnotation];
  return text !== undefined && /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : 0;
}

function maxRestarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
}

function createdMs(pod: Pod): number | undefined {
  const created = pod.metadata.creationTimestamp;
  return created ? Date.parse(created) : undefined;
}

function compareText(left = "", right = ""): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
