import { isPodTerminal } from "../../api/core/pod-conditions.ts";
import type { Namespace, NamespaceCondition, Pod } from "../../api/core/types.generated.ts";
import { namespaces } from "../../api/resources.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { conditionOf, withCondition } from "../framework/conditions.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import type { DiscoveredResource } from "../framework/discovery.ts";
import {
  type DeleteCollectionIntent,
  type Intent,
  type IntentFailure,
  remove,
  requeueAfter,
  update,
  updateStatus,
} from "../framework/intent.ts";
import { nameOf } from "./namespace-state.ts";

/** What is left of one resource in the namespace. */
export interface Remaining {
  readonly resource: DiscoveredResource;
  readonly objects: readonly AnyObject[];
}

export interface NamespaceSnapshot {
  readonly namespace: Namespace;
  /** In the order of discovery; only resources of which something is left. */
  readonly remaining: readonly Remaining[];
  /** What could not be found out, as "group/version: why". */
  readonly discoveryFailures: readonly string[];
}

/** The finalizer in a namespace's spec that this controller answers for. */
const kubernetesFinalizer = "kubernetes";

/** Time for finalizers of deleted objects to do their work before the namespace is looked at again. */
const finalizerEstimateSeconds = 15;

/** Empties a namespace that is being deleted, pods first, and lets it go once nothing is left. */
export function reconcileNamespace(snapshot: NamespaceSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { namespace, remaining, discoveryFailures } = snapshot;
  if (namespace.metadata.deletionTimestamp === undefined) return [];
  const conditions = deletionConditions(
    { ...snapshot, remaining: remaining.map(withoutAlive).filter(({ objects }) => objects.length > 0) },
    nowMs,
  );
  const status = { ...namespace.status, phase: "Terminating", conditions };
  if ((namespace.spec.finalizers ?? []).length === 0) return [];
  const report = updateStatus(namespaces, namespace, status, {
    whenFailed: (failure) => ({ ...status, conditions: withDeletionFailure(status, failure, nowMs) }),
  });
  if (remaining.length === 0 && discoveryFailures.length === 0) return [report, finalize(namespace)];

  // Pods go before what they may still need: secrets, service accounts, network policies (KEP-5080).
  const pods = remaining.filter(({ resource }) => resource.resource === "pods" && resource.group === "");
  const first = pods.length > 0 ? pods : remaining;
  const deletions = first.flatMap((each) => deletionsOf(each, nameOf(namespace)));
  return [...deletions, report, requeueAfter(nextLookMs(first, deletions.length > 0))];
}

function finalize(namespace: Namespace): Intent {
  const finalizers = (namespace.spec.finalizers ?? []).filter((name) => name !== kubernetesFinalizer);
  const finalized = { ...namespace, spec: { ...namespace.spec, finalizers } };
  return update(namespaces, namespace, finalized, { subresource: "finalize", ignore: ["NotFound"] });
}

/** What is about to be deleted does not remain yet; only what is deleted and stays does. */
function withoutAlive({ resource, objects }: Remaining): Remaining {
  return {
    resource,
    objects: objects.filter(({ metadata }) => metadata.deletionTimestamp !== undefined),
  };
}

/** What is being deleted already is only waited for. */
function deletionsOf({ resource, objects }: Remaining, namespace: string): Intent[] {
  const alive = objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (alive.length === 0) return [];
  const options = { propagationPolicy: "Background" } as const;
  if (resource.verbs.includes("deletecollection")) {
    const all: DeleteCollectionIntent = { action: "deleteCollection", type: resource, namespace, options };
    return [all];
  }
  return alive.map((object) => remove<AnyObject>(resource, object, { options }));
}

/** Half the time the slowest pod may take, or what finalizers usually need. Deleted pods wake the namespace earlier. */
function nextLookMs(waitingFor: readonly Remaining[], justDeleted: boolean): number {
  const graceSeconds = waitingFor
    .filter(({ resource }) => resource.kind === "Pod")
    .flatMap(({ objects }) => objects as readonly AnyObject[] as unknown as readonly Pod[]) // Pods, by their kind.
    .filter((pod) => !isPodTerminal(pod))
    .map(({ spec }) => spec.terminationGracePeriodSeconds ?? 0);
  if (graceSeconds.length > 0) return (Math.max(...graceSeconds) / 2 + 1) * 1000;
  const hasFinalizers = waitingFor.some(({ objects }) =>
    objects.some(({ metadata }) => (metadata.finalizers ?? []).length > 0),
  );
  if (justDeleted) return hasFinalizers ? 1000 : 10;
  return hasFinalizers ? (finalizerEstimateSeconds / 2 + 1) * 1000 : 1000;
}

function deletionConditions(
  { namespace, remaining, discoveryFailures }: NamespaceSnapshot,
  nowMs: number,
): readonly NamespaceCondition[] {
  const texts = [
    condition(
      "NamespaceDeletionDiscoveryFailure",
      discoveryFailures.length > 0 && [
        "DiscoveryFailed",
        `Discovery failed for some groups, ${discoveryFailures.length} failing: ${discoveryFailures.join(", ")}`,
      ],
      ["ResourcesDiscovered", "All resources successfully discovered"],
    ),
    condition("NamespaceDeletionGroupVersionParsingFailure", false, [
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ]),
    condition("NamespaceDeletionContentFailure", false, [
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization",
    ]),
    condition(
      "NamespaceContentRemaining",
      remaining.length > 0 && ["SomeResourcesRemain", resourcesRemaining(remaining)],
      ["ContentRemoved", "All content successfully removed"],
    ),
    condition(
      "NamespaceFinalizersRemaining",
      remainingFinalizers(remaining).size > 0 && ["SomeFinalizersRemain", finalizersRemaining(remaining)],
      ["ContentHasNoFinalizers", "All content-preserving finalizers finished"],
    ),
  ];
  return texts.reduce<readonly NamespaceCondition[]>(
    (conditions, wanted) => withCondition(conditions, wanted, nowMs),
    namespace.status?.conditions ?? [],
  );
}

type ReasonAndMessage = readonly [reason: string, message: string];

function condition(type: string, bad: ReasonAndMessage | false, good: ReasonAndMessage): NamespaceCondition {
  const [reason, message] = bad === false ? good : bad;
  return { type, status: bad === false ? "False" : "True", reason, message };
}

function withDeletionFailure(
  { conditions }: { readonly conditions: readonly NamespaceCondition[] },
  { error }: IntentFailure,
  nowMs: number,
): readonly NamespaceCondition[] {
  const failed: NamespaceCondition = {
    type: "NamespaceDeletionContentFailure",
    status: "True",
    reason: "ContentDeletionFailed",
    message: `Failed to delete all resource types, 1 remaining: ${error.message}`,
  };
  const current = conditionOf(conditions, failed.type);
  return current?.message === failed.message ? conditions : withCondition(conditions, failed, nowMs);
}

function resourcesRemaining(remaining: readonly Remaining[]): string {
  const parts = remaining
    .map(
      ({ resource, objects }) =>
        `${resource.resource}.${resource.group} has ${objects.length} resource instances`,
    )
    .sort();
  return `Some resources are remaining: ${parts.join(", ")}`;
}

function remainingFinalizers(remaining: readonly Remaining[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { objects } of remaining) {
    for (const { metadata } of objects) {
      for (const finalizer of metadata.finalizers ?? [])
        counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
    }
  }
  return counts;
}

function finalizersRemaining(remaining: readonly Remaining[]): string {
  const parts = [...remainingFinalizers(remaining)]
    .map(([finalizer, count]) => `${finalizer} in ${count} resource instances`)
    .sort();
  return `Some content in the namespace has finalizers remaining: ${parts.join(", ")}`;
}
