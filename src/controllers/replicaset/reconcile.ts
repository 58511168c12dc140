import type { ReplicaSetCondition, ReplicaSetStatus } from "../../api/apps/types.generated.ts";
import { isPodActive, isPodAvailable, isPodReady } from "../../api/core/pod-conditions.ts";
import type { Pod, PodTemplateSpec } from "../../api/core/types.generated.ts";
import { pods as podsType } from "../../api/resources.generated.ts";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { conditionOf, omitEmpty, withCondition, withoutCondition } from "../framework/conditions.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { type Intent, type IntentFailure, requeueAfter, updateStatus } from "../framework/intent.ts";
import { isNamespaceTerminating } from "../framework/namespace-terminating.ts";
import { claim } from "../framework/ownership.ts";
import type { Selection } from "../framework/selection.ts";
import { podsToDelete } from "../pods/deletion-preference.ts";
import { createPod, deletePod, podFromTemplate } from "../pods/pod-control.ts";
import { isPodTerminating, nextAvailabilityMs } from "../pods/pod-state.ts";

/**
 * A ReplicaSet or a ReplicationController: one controller serves both. What differs between them is said by `type` and
 * by the fields that are lifted out here.
 */
export interface ReplicaOwner {
  readonly object: KubeObject & { readonly status?: ReplicaSetStatus };
  readonly type: ResourceType<KubeObject & { readonly status?: ReplicaSetStatus }>;
  readonly replicas: number;
  readonly minReadySeconds: number;
  readonly template: PodTemplateSpec;
  readonly selects: Selection;
  /** ReplicationControllers have no status field for terminating pods. */
  readonly countsTerminating: boolean;
}

export interface ReplicaSnapshot {
  readonly owner: ReplicaOwner;
  /** Those it manages, and the orphans of its namespace. */
  readonly candidates: readonly Pod[];
  /** Where pods are to be deleted: those of all ReplicaSets of the same Deployment, this one's among them. */
  readonly related: readonly Pod[];
  readonly canAdopt: boolean;
}

/** The most pods created or deleted in one go: the rest follows once the cache has seen these. */
const burstReplicas = 500;

/** Decides what one ReplicaSet (or ReplicationController) needs. */
export function reconcileReplicas(snapshot: ReplicaSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { owner, candidates, related, canAdopt } = snapshot;
  const { claimed: active, intents: claims } = claim(owner.object, candidates.filter(isPodActive), {
    type: podsType,
    matches: owner.selects,
    canAdopt,
  });
  const terminating = candidates.filter(
    (pod) =>
      isPodTerminating(pod) &&
      owner.selects(pod) &&
      pod.metadata.ownerReferences?.some(({ uid }) => uid === owner.object.metadata.uid),
  );
  const scaling = scale(owner, active, related, nowMs);
  const status = (failure?: IntentFailure) =>
    replicaStatus(owner, active, terminating.length, nowMs, failure);
  const nextMs = nextAvailabilityMs(active, owner.minReadySeconds, nowMs);
  return [
    ...claims,
    ...scaling,
    updateStatus(owner.type, owner.object, status(), { whenFailed: status }),
    ...(nextMs === undefined ? [] : [requeueAfter(nextMs)]),
  ];
}

function scale(
  owner: ReplicaOwner,
  active: readonly Pod[],
  related: readonly Pod[],
  nowMs: number,
): Intent[] {
  // Pods of a deleted owner belong to the garbage collector; refilling would race it.
  if (owner.object.metadata.deletionTimestamp !== undefined) return [];
  const surplus = active.length - owner.replicas;
  if (surplus < 0) {
    const pod = podFromTemplate(owner.object, owner.template);
    return Array.from({ length: Math.min(-surplus, burstReplicas) }, () => createPod(owner.object, pod));
  }
  return podsToDelete(active, related, Math.min(surplus, burstReplicas), nowMs).map((pod) =>
    deletePod(owner.object, pod),
  );
}

function replicaStatus(
  owner: ReplicaOwner,
  active: readonly Pod[],
  terminatingReplicas: number,
  nowMs: number,
  failure: IntentFailure | undefined,
): ReplicaSetStatus {
  const templateLabels = Object.entries(owner.template.metadata?.labels ?? {});
  const isFullyLabeled = ({ metadata: { labels } }: Pod) =>
    templateLabels.every(([name, value]) => labels?.[name] === value);
  return omitEmpty<ReplicaSetStatus>(
    {
      ...owner.object.status,
      replicas: active.length,
      fullyLabeledReplicas: active.filter(isFullyLabeled).length,
      readyReplicas: active.filter(isPodReady).length,
      availableReplicas: active.filter((pod) => isPodAvailable(pod, owner.minReadySeconds, nowMs)).length,
      ...(owner.countsTerminating ? { terminatingReplicas } : {}),
      observedGeneration: owner.object.metadata.generation ?? 0,
      conditions: replicaConditions(owner, failure, nowMs),
    },
    ["replicas", "terminatingReplicas"],
  );
}

/** ReplicaFailure says that the last scaling failed, and goes once one has succeeded. */
function replicaConditions(
  owner: ReplicaOwner,
  failure: IntentFailure | undefined,
  nowMs: number,
): readonly ReplicaSetCondition[] {
  const conditions = owner.object.status?.conditions;
  const scalingFailed =
    failure !== undefined &&
    (failure.action === "create" || failure.action === "delete") &&
    !isNamespaceTerminating(failure.error);
  if (!scalingFailed) return withoutCondition(conditions, "ReplicaFailure");
  // The first failure stays: each further one differs only in the name it tried.
  if (conditionOf(conditions, "ReplicaFailure") !== undefined) return conditions ?? [];
  const reason = failure.action === "create" ? "FailedCreate" : "FailedDelete";
  return withCondition(
    conditions,
    { type: "ReplicaFailure", status: "True", reason, message: failure.error.message },
    nowMs,
  );
}
