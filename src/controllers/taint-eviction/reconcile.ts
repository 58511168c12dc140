import { withPodCondition } from "../../api/core/pod-conditions.ts";
import { toleratesTaint } from "../../api/core/taints.ts";
import type { Pod, Taint, Toleration } from "../../api/core/types.generated.ts";
import { pods } from "../../api/resources.generated.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { event, type Intent, remove, requeueAfter, updateStatus } from "../framework/intent.ts";

/** A taint of the pod's node that drives pods off, and since when it counts for this pod. */
export interface TaintSince {
  readonly taint: Taint;
  readonly sinceMs: number;
}

export interface EvictionSnapshot {
  readonly pod: Pod;
  readonly taints: readonly TaintSince[];
  /** An eviction of this pod was planned before. */
  readonly wasPlanned: boolean;
}

/** Deletes a pod whose node has a NoExecute taint that it does not tolerate, or no longer does. */
export function reconcileEviction(snapshot: EvictionSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { pod, taints, wasPlanned } = snapshot;
  if (pod.metadata.deletionTimestamp !== undefined) return [];
  const atMs = evictionTimeMs(pod.spec.tolerations, taints);
  const { namespace, name } = pod.metadata;
  if (atMs === undefined) {
    const message = `Cancelling deletion of Pod ${namespace}/${name}`;
    return wasPlanned ? [event(pod, "Normal", "TaintManagerEviction", message)] : [];
  }
  if (atMs > nowMs) return [requeueAfter(atMs - nowMs)];
  const status = withPodCondition(
    pod.status ?? {},
    {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
    },
    nowMs,
  );
  return [
    event(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${namespace}/${name}`),
    updateStatus(pods, pod, status, { always: false, ignore: ["NotFound"] }),
    remove(pods, pod),
  ];
}

/** When the pod has to go; undefined where it tolerates all taints for ever. */
function evictionTimeMs(
  tolerations: readonly Toleration[] | undefined,
  taints: readonly TaintSince[],
): number | undefined {
  let earliestMs: number | undefined;
  for (const { taint, sinceMs } of taints) {
    const toleration = tolerations?.find((each) => toleratesTaint(each, taint));
    if (toleration !== undefined && toleration.tolerationSeconds === undefined) continue;
    const forMs = Math.max(0, toleration?.tolerationSeconds ?? 0) * 1000;
    earliestMs = Math.min(earliestMs ?? Number.POSITIVE_INFINITY, sinceMs + forMs);
  }
  return earliestMs;
}
