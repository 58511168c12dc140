import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from "../../api/apps/types.generated.ts";
import { rfc3339 } from "../../base/clock.ts";
import { omitEmpty } from "../framework/conditions.ts";
import {
  deploymentCondition,
  maxUnavailableOf,
  progressDeadlineMs,
  totalReplicas,
  wantedReplicas,
} from "./limits.ts";

/** The reasons of the Progressing condition. */
export const progressingReasons = {
  created: "NewReplicaSetCreated",
  found: "FoundNewReplicaSet",
  updated: "ReplicaSetUpdated",
  available: "NewReplicaSetAvailable",
  failedCreate: "ReplicaSetCreateError",
  deadlineExceeded: "ProgressDeadlineExceeded",
  paused: "DeploymentPaused",
  resumed: "DeploymentResumed",
} as const;

/** The counters of a deployment's status and whether it is Available; the other conditions stay as they are. */
export function countedStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const sum = (count: (status: NonNullable<ReplicaSet["status"]>) => number | undefined) =>
    all.reduce((total, { status }) => total + (status === undefined ? 0 : (count(status) ?? 0)), 0);
  const availableReplicas = sum((status) => status.availableReplicas);
  const isAvailable = availableReplicas >= wantedReplicas(deployment) - maxUnavailableOf(deployment);
  const terminating = all.map(({ status }) => status?.terminatingReplicas);
  const conditions = setCondition(
    deployment.status?.conditions ?? [],
    isAvailable
      ? condition(
          "Available",
          "True",
          "MinimumReplicasAvailable",
          "Deployment has minimum availability.",
          nowMs,
        )
      : condition(
          "Available",
          "False",
          "MinimumReplicasUnavailable",
          "Deployment does not have minimum availability.",
          nowMs,
        ),
  );
  const { collisionCount } = deployment.status ?? {};
  return omitEmpty<DeploymentStatus>(
    {
      observedGeneration: deployment.metadata.generation ?? 0,
      replicas: sum((status) => status.replicas),
      updatedReplicas: newest?.status?.replicas ?? 0,
      readyReplicas: sum((status) => status.readyReplicas),
      availableReplicas,
      unavailableReplicas: Math.max(0, totalReplicas(all) - availableReplicas),
      // Unknown as long as one ReplicaSet has not said.
      ...(terminating.includes(undefined)
        ? {}
        : { terminatingReplicas: sum((status) => status.terminatingReplicas) }),
      ...(collisionCount === undefined ? {} : { collisionCount }),
      conditions,
    },
    ["terminatingReplicas", "collisionCount"],
  );
}

/** The status after a step of a rollout: counters, and Progressing as the step left it. */
export function rolloutStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const counted = countedStatus(deployment, all, newest, nowMs);
  let conditions = counted.conditions ?? [];
  const current = deploymentCondition(deployment, "Progressing");
  if (progressDeadlineMs(deployment) === undefined) {
    conditions = conditions.filter(({ type }) => type !== "Progressing");
  } else {
    const wasComplete =
      (counted.replicas ?? 0) === (counted.updatedReplicas ?? 0) &&
      current?.reason === progressingReasons.available;
    if (!wasComplete) conditions = progressed(deployment, counted, conditions, current, newest, nowMs);
  }
  return { ...counted, conditions: withReplicaFailure(conditions, all, newest) };
}

function progressed(
  deployment: Deployment,
  status: DeploymentStatus,
  conditions: readonly DeploymentCondition[],
  current: DeploymentCondition | undefined,
  newest: ReplicaSet | undefined,
  nowMs: number,
): readonly DeploymentCondition[] {
  const subject =
    newest === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${newest.metadata.name}"`;
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return setCondition(
      conditions,
      condition("Progressing", "True", progressingReasons.available, message, nowMs),
    );
  }
  if (hasProgressed(deployment, status)) {
    const message = `${subject} is progressing.`;
    const wanted = condition("Progressing", "True", progressingReasons.updated, message, nowMs);
    const since = current?.status === "True" ? current.lastTransitionTime : undefined;
    const moved = since === undefined ? wanted : { ...wanted, lastTransitionTime: since };
    // Removed first: each bit of progress moves lastUpdateTime, from which the deadline counts.
    return [...conditions.filter(({ type }) => type !== "Progressing"), moved];
  }
  if (hasTimedOut(deployment, conditions, nowMs)) {
    const message = `${subject} has timed out progressing.`;
    return setCondition(
      conditions,
      condition("Progressing", "False", progressingReasons.deadlineExceeded, message, nowMs),
    );
  }
  return conditions;
}

/** All wanted pods are of the new template and available, and no others are left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.replicas ?? 0) === wanted &&
    (status?.availableReplicas ?? 0) === wanted &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed({ status: old }: Deployment, status: DeploymentStatus): boolean {
  const outdated = (each: DeploymentStatus | undefined) =>
    (each?.replicas ?? 0) - (each?.updatedReplicas ?? 0);
  return (
    (status.updatedReplicas ?? 0) > (old?.updatedReplicas ?? 0) ||
    outdated(status) < outdated(old) ||
    (status.readyReplicas ?? 0) > (old?.readyReplicas ?? 0) ||
    (status.availableReplicas ?? 0) > (old?.availableReplicas ?? 0)
  );
}

function hasTimedOut(
  deployment: Deployment,
  conditions: readonly DeploymentCondition[],
  nowMs: number,
): boolean {
  const progressing = conditions.find(({ type }) => type === "Progressing");
  const deadlineMs = progressDeadlineMs(deployment);
  if (progressing === undefined || deadlineMs === undefined) return false;
  if (progressing.reason === progressingReasons.available) return false;
  if (progressing.reason === progressingReasons.deadlineExceeded) return true;
  return Date.parse(progressing.lastUpdateTime ?? "") + deadlineMs < nowMs;
}

/** How long until a rollout that stands still is to be looked at again; undefined where no deadline runs. */
export function deadlineCheckMs(
  deployment: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): number | undefined {
  const progressing = status.conditions?.find(({ type }) => type === "Progressing");
  const deadlineMs = progressDeadlineMs(deployment);
  if (deadlineMs === undefined || progressing?.lastUpdateTime === undefined) return undefined;
  if (isComplete(deployment, status) || progressing.reason === progressingReasons.deadlineExceeded) {
    return undefined;
  }
  // A second more: the condition's time is in whole seconds.
  return Math.max(0, Date.parse(progressing.lastUpdateTime) + deadlineMs - nowMs) + 1000;
}

/** A ReplicaSet's failure shows on the deployment; the new one's counts before those of the old. */
function withReplicaFailure(
  conditions: readonly DeploymentCondition[],
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
): readonly DeploymentCondition[] {
  const failureOf = (replicaSet: ReplicaSet | undefined) =>
    replicaSet?.status?.conditions?.find(({ type }) => type === "ReplicaFailure");
  const failure = failureOf(newest) ?? all.map(failureOf).find((each) => each !== undefined);
  if (failure === undefined) return conditions.filter(({ type }) => type !== "ReplicaFailure");
  const { lastTransitionTime } = failure;
  return setCondition(conditions, {
    ...failure,
    ...(lastTransitionTime === undefined ? {} : { lastUpdateTime: lastTransitionTime }),
  });
}

export function condition(
  type: string,
  status: "True" | "False" | "Unknown",
  reason: string,
  message: string,
  nowMs: number,
): DeploymentCondition {
  const at = rfc3339(nowMs);
  return { type, status, reason, message, lastUpdateTime: at, lastTransitionTime: at };
}

/** Upstream's SetDeploymentCondition: nothing changes while status and reason stay, even if the message differs. */
export function setCondition(
  conditions: readonly DeploymentCondition[],
  wanted: DeploymentCondition,
): readonly DeploymentCondition[] {
  const current = conditions.find(({ type }) => type === wanted.type);
  if (current?.status === wanted.status && current.reason === wanted.reason) return conditions;
  const since = current?.status === wanted.status ? current.lastTransitionTime : undefined;
  const placed = since === undefined ? wanted : { ...wanted, lastTransitionTime: since };
  return [...conditions.filter(({ type }) => type !== wanted.type), placed];
}
