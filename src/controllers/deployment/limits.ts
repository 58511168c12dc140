import type { Deployment, DeploymentCondition, ReplicaSet } from "../../api/apps/types.generated.ts";
import { resolveCount } from "../framework/int-or-percent.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
export const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxReplicasAnnotation = "deployment.kubernetes.io/max-replicas";
export const podTemplateHashLabel = "pod-template-hash";

/** How an absent progressDeadlineSeconds is written: the largest 32-bit number. */
const noDeadlineSeconds = 2 ** 31 - 1;

export function wantedReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

export function replicasOf(replicaSet: ReplicaSet): number {
  return replicaSet.spec.replicas ?? 1;
}

export function totalReplicas(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((total, replicaSet) => total + replicasOf(replicaSet), 0);
}

export function isRollingUpdate({ spec }: Deployment): boolean {
  return spec.strategy?.type !== "Recreate";
}

/**
 * How far a rolling update may go over and under the wanted number (upstream's ResolveFenceposts): surge rounds up,
 * unavailable rounds down, and if both come to nothing one pod may be missing, else nothing could ever move.
 */
function fenceposts(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  const wanted = wantedReplicas(deployment);
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = resolveCount(maxSurge, wanted, "up");
  const unavailable = resolveCount(maxUnavailable, wanted, "down");
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export function maxSurgeOf(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? fenceposts(deployment).maxSurge : 0;
}

export function maxUnavailableOf(deployment: Deployment): number {
  const wanted = wantedReplicas(deployment);
  if (!isRollingUpdate(deployment) || wanted === 0) return 0;
  return Math.min(fenceposts(deployment).maxUnavailable, wanted);
}

/** The time a rollout may stand still, or undefined where the deployment sets none. */
export function progressDeadlineMs({ spec }: Deployment): number | undefined {
  const seconds = spec.progressDeadlineSeconds;
  return seconds === undefined || seconds === noDeadlineSeconds ? undefined : seconds * 1000;
}

export function deploymentCondition(deployment: Deployment, type: string): DeploymentCondition | undefined {
  return deployment.status?.conditions?.find((condition) => condition.type === type);
}

export function byCreation(left: ReplicaSet, right: ReplicaSet): number {
  const leftAt = left.metadata.creationTimestamp ?? "";
  const rightAt = right.metadata.creationTimestamp ?? "";
  if (leftAt !== rightAt) return leftAt < rightAt ? -1 : 1;
  const { name: leftName = "" } = left.metadata;
  const { name: rightName = "" } = right.metadata;
  if (leftName === rightName) return 0;
  return leftName < rightName ? -1 : 1;
}
