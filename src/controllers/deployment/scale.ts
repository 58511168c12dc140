import type { Deployment, ReplicaSet } from "../../api/apps/types.generated.ts";
import { replicaSets as replicaSetsType } from "../../api/resources.generated.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { type Intent, update } from "../framework/intent.ts";
import {
  byCreation,
  desiredReplicasAnnotation,
  isRollingUpdate,
  maxReplicasAnnotation,
  maxSurgeOf,
  replicasOf,
  totalReplicas,
  wantedReplicas,
} from "./limits.ts";

export interface Scaled {
  readonly replicaSet: ReplicaSet;
  readonly intents: readonly Intent[];
}

/** Gives a ReplicaSet its size, and notes on it what the deployment wanted then: proportions are worked out from that. */
export function scaleReplicaSet(deployment: Deployment, replicaSet: ReplicaSet, replicas: number): Scaled {
  const from = replicasOf(replicaSet);
  const annotations = { ...replicaSet.metadata.annotations, ...sizeAnnotations(deployment) };
  const scaled: ReplicaSet = {
    ...replicaSet,
    metadata: { ...replicaSet.metadata, annotations },
    spec: { ...replicaSet.spec, replicas },
  };
  if (from === replicas) {
    return { replicaSet: scaled, intents: [update(replicaSetsType, replicaSet, scaled)] };
  }
  const direction = from < replicas ? "up" : "down";
  const name = replicaSet.metadata.name;
  const message = `Scaled ${direction} replica set ${name} from ${from} to ${replicas}`;
  const report = scalingReport(deployment, message);
  return { replicaSet: scaled, intents: [update(replicaSetsType, replicaSet, scaled, { report })] };
}

export function scalingReport(regarding: KubeObject, message: string) {
  return { regarding, succeeded: () => ({ type: "Normal", reason: "ScalingReplicaSet", message }) as const };
}

export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const wanted = wantedReplicas(deployment);
  return {
    [desiredReplicasAnnotation]: String(wanted),
    [maxReplicasAnnotation]: String(wanted + maxSurgeOf(deployment)),
  };
}

/** Someone changed the wanted number since the active ReplicaSets were sized. */
export function isScalingEvent(deployment: Deployment, replicaSets: readonly ReplicaSet[]): boolean {
  return replicaSets.some((replicaSet) => {
    const desired = annotatedCount(replicaSet, desiredReplicasAnnotation);
    return replicasOf(replicaSet) > 0 && desired !== undefined && desired !== wantedReplicas(deployment);
  });
}

function annotatedCount(replicaSet: ReplicaSet, annotation: string): number | undefined {
  const text = replicaSet.metadata.annotations?.[annotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * Brings the ReplicaSets to a changed wanted number without rolling out: the only active one takes it all; in the middle
 * of a rollout each keeps its share (KEP-less upstream behaviour "proportional scaling").
 */
export function scaleProportionally(
  deployment: Deployment,
  newest: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): Scaled[] {
  const wanted = wantedReplicas(deployment);
  const only = activeOrLatest(newest, old);
  if (only !== undefined) {
    return replicasOf(only) === wanted ? [] : [scaleReplicaSet(deployment, only, wanted)];
  }
  const activeOld = old.filter((replicaSet) => replicasOf(replicaSet) > 0);
  if (newest !== undefined && isSaturated(deployment, newest)) {
    return activeOld.map((replicaSet) => scaleReplicaSet(deployment, replicaSet, 0));
  }
  if (!isRollingUpdate(deployment)) return [];
  const active = [...old, ...(newest === undefined ? [] : [newest])].filter(
    (replicaSet) => replicasOf(replicaSet) > 0,
  );
  return share(deployment, active);
}

function share(deployment: Deployment, active: readonly ReplicaSet[]): Scaled[] {
  const wanted = wantedReplicas(deployment);
  const allowed = wanted > 0 ? wanted + maxSurgeOf(deployment) : 0;
  const toAdd = allowed - totalReplicas(active);
  // Growth favours new ReplicaSets of equal size, shrinking takes from old ones.
  const ordered = active.toSorted(
    (left, right) =>
      replicasOf(right) - replicasOf(left) || (toAdd > 0 ? byCreation(right, left) : byCreation(left, right)),
  );
  let added = 0;
  const sizes = ordered.map((replicaSet) => {
    const part = proportionOf(deployment, replicaSet, toAdd, added);
    added += part;
    return replicasOf(replicaSet) + part;
  });
  return ordered.map((replicaSet, index) => {
    // What rounding left over goes to the largest.
    const leftover = index === 0 ? toAdd - added : 0;
    return scaleReplicaSet(deployment, replicaSet, Math.max(0, (sizes[index] ?? 0) + leftover));
  });
}

function proportionOf(deployment: Deployment, replicaSet: ReplicaSet, toAdd: number, added: number): number {
  if (replicasOf(replicaSet) === 0 || toAdd === 0 || toAdd === added) return 0;
  const fraction = fractionOf(deployment, replicaSet);
  const allowed = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, allowed) : Math.max(fraction, allowed);
}

function fractionOf(deployment: Deployment, replicaSet: ReplicaSet): number {
  const wanted = wantedReplicas(deployment);
  const size = replicasOf(replicaSet);
  if (wanted === 0) return -size;
  const maxBefore = annotatedCount(replicaSet, maxReplicasAnnotation) || (deployment.status?.replicas ?? 0);
  if (maxBefore === 0) return 0;
  return Math.round((size * (wanted + maxSurgeOf(deployment))) / maxBefore) - size;
}

function activeOrLatest(newest: ReplicaSet | undefined, old: readonly ReplicaSet[]): ReplicaSet | undefined {
  const all = [...old, ...(newest === undefined ? [] : [newest])];
  const active = all.filter((replicaSet) => replicasOf(replicaSet) > 0);
  if (active.length === 0) return newest ?? old.toSorted((left, right) => byCreation(right, left))[0];
  return active.length === 1 ? active[0] : undefined;
}

/** The new ReplicaSet alone serves all that is wanted. */
function isSaturated(deployment: Deployment, newest: ReplicaSet): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    replicasOf(newest) === wanted &&
    annotatedCount(newest, desiredReplicasAnnotation) === wanted &&
    (newest.status?.availableReplicas ?? 0) === wanted
  );
}
