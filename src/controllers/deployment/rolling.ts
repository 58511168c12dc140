import type { Deployment, ReplicaSet } from "../../api/apps/types.generated.ts";
import { isPodTerminal } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import type { Intent } from "../framework/intent.ts";
import { byCreation, maxUnavailableOf, replicasOf, totalReplicas, wantedReplicas } from "./limits.ts";
import { newReplicaCount } from "./revision.ts";
import { scaleReplicaSet } from "./scale.ts";

/** One step's outcome: what to do, and the ReplicaSets as they will be. */
export interface Step {
  readonly intents: readonly Intent[];
  readonly newest: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

/** One step of a rolling update: grow the new ReplicaSet as far as the surge allows, else shrink the old ones. */
export function rollingStep(deployment: Deployment, newest: ReplicaSet, old: readonly ReplicaSet[]): Step {
  const wanted = wantedReplicas(deployment);
  const size = replicasOf(newest);
  if (size !== wanted) {
    const target = size > wanted ? wanted : newReplicaCount(deployment, [...old, newest], newest);
    if (target !== size) {
      const scaled = scaleReplicaSet(deployment, newest, target);
      return { intents: scaled.intents, newest: scaled.replicaSet, old };
    }
  }
  return shrinkOld(deployment, newest, old);
}

/** Takes from the old ReplicaSets what may be missing: their unhealthy pods first, then by age. */
function shrinkOld(deployment: Deployment, newest: ReplicaSet, old: readonly ReplicaSet[]): Step {
  const minAvailable = wantedReplicas(deployment) - maxUnavailableOf(deployment);
  const newestUnavailable = replicasOf(newest) - availableOf(newest);
  const mayGo = totalReplicas([...old, newest]) - minAvailable - newestUnavailable;
  if (totalReplicas(old) === 0 || mayGo <= 0) return { intents: [], newest, old };

  const sizes = new Map(old.map((replicaSet) => [replicaSet, replicasOf(replicaSet)]));
  const oldestFirst = old.toSorted(byCreation);
  let unhealthyLeft = mayGo;
  for (const replicaSet of oldestFirst) {
    const size = replicasOf(replicaSet);
    const take = Math.min(unhealthyLeft, Math.max(0, size - availableOf(replicaSet)));
    sizes.set(replicaSet, size - take);
    unhealthyLeft -= take;
  }
  const available = [...old, newest].reduce((total, replicaSet) => total + availableOf(replicaSet), 0);
  let healthyLeft = Math.max(0, available - minAvailable);
  for (const replicaSet of oldestFirst) {
    const size = sizes.get(replicaSet) ?? 0;
    const take = Math.min(healthyLeft, size);
    sizes.set(replicaSet, size - take);
    healthyLeft -= take;
  }
  return applySizes(deployment, newest, old, oldestFirst, sizes);
}

function applySizes(
  deployment: Deployment,
  newest: ReplicaSet,
  old: readonly ReplicaSet[],
  order: readonly ReplicaSet[],
  sizes: ReadonlyMap<ReplicaSet, number>,
): Step {
  const intents: Intent[] = [];
  const replaced = new Map<ReplicaSet, ReplicaSet>();
  for (const replicaSet of order) {
    const size = sizes.get(replicaSet) ?? 0;
    if (size === replicasOf(replicaSet)) continue;
    const scaled = scaleReplicaSet(deployment, replicaSet, size);
    intents.push(...scaled.intents);
    replaced.set(replicaSet, scaled.replicaSet);
  }
  return { intents, newest, old: old.map((replicaSet) => replaced.get(replicaSet) ?? replicaSet) };
}

function availableOf({ status }: ReplicaSet): number {
  return status?.availableReplicas ?? 0;
}

/** Recreate, first half: all old ReplicaSets go to nothing. */
export function shrinkAllOld(
  deployment: Deployment,
  newest: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): Step {
  const scaled = old.map((replicaSet) =>
    replicasOf(replicaSet) === 0 ? { replicaSet, intents: [] } : scaleReplicaSet(deployment, replicaSet, 0),
  );
  return {
    intents: scaled.flatMap(({ intents }) => intents),
    newest,
    old: scaled.map(({ replicaSet }) => replicaSet),
  };
}

/** Recreate starts the new pods only once every old one, a terminating one too, is gone. */
export function oldPodsRun(
  newest: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
  podsOf: (replicaSet: ReplicaSet) => readonly Pod[],
): boolean {
  if (old.some(({ status }) => (status?.replicas ?? 0) > 0)) return true;
  return old
    .filter(({ metadata }) => metadata.uid !== newest?.metadata.uid)
    .some((replicaSet) => podsOf(replicaSet).some((pod) => !isPodTerminal(pod)));
}
