import type { ControllerRevision, DaemonSet, DaemonSetStatus } from "../../api/apps/types.generated.ts";
import { isPodAvailable, isPodReady, isPodTerminal } from "../../api/core/pod-conditions.ts";
import type { Node, Pod } from "../../api/core/types.generated.ts";
import { daemonSets, pods as podsType } from "../../api/resources.generated.ts";
import { omitEmpty } from "../framework/conditions.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { event, type Intent, type IntentFailure, requeueAfter, updateStatus } from "../framework/intent.ts";
import { claim } from "../framework/ownership.ts";
import {
  currentRevision,
  isRevisionCollision,
  revisionHashLabel,
  trimHistory,
} from "../framework/revisions.ts";
import type { Selection } from "../framework/selection.ts";
import { createPod, deletePod, podFromTemplate } from "../pods/pod-control.ts";
import { nextAvailabilityMs } from "../pods/pod-state.ts";
import type { Changes, NodeView } from "./node-view.ts";
import { pinnedTo, placementOn, targetNodeOf, withDaemonTolerations } from "./placement.ts";
import {
  freshness,
  rollingUpdate,
  templateGenerationAnnotation,
  templateGenerationLabel,
} from "./rolling.ts";

export interface DaemonSetSnapshot {
  readonly daemonSet: DaemonSet;
  readonly selects: Selection;
  readonly selectsEverything: boolean;
  readonly nodes: readonly Node[];
  /** Those it manages, and the orphans of its namespace. */
  readonly candidates: readonly Pod[];
  readonly revisions: readonly ControllerRevision[];
  readonly canAdopt: boolean;
  /** How long until a failed pod of this node may be replaced; 0: now. */
  readonly backoffMs: (nodeName: string) => number;
}

/** The most pods created or deleted in one go. */
const burst = 250;

/** Decides what one DaemonSet needs. */
export function reconcileDaemonSet(snapshot: DaemonSetSnapshot, context: ReconcileContext): Intent[] {
  const { daemonSet, selects, candidates, canAdopt } = snapshot;
  if (snapshot.selectsEverything) {
    const message = "This daemon set is selecting all pods. A non-empty selector is required.";
    return [event(daemonSet, "Warning", "SelectingAll", message)];
  }
  if (daemonSet.metadata.deletionTimestamp !== undefined) return [];
  const { claimed, intents: claims } = claim(daemonSet, candidates, {
    type: podsType,
    matches: selects,
    canAdopt,
  });
  const history = currentRevision({
    owner: daemonSet,
    template: daemonSet.spec.template,
    revisions: snapshot.revisions,
    collisionCount: daemonSet.status?.collisionCount,
    hashLabel: revisionHashLabel,
  });
  const hash = history.current.metadata.labels?.[revisionHashLabel] ?? "";
  const views = viewsOf(snapshot, claimed);
  const managed = manage(snapshot, views, claimed, hash, context);
  // A rollout goes on only from a settled state: what is being created or deleted first shows in the cache.
  const isSettled = managed.creates.length === 0 && managed.deletes.length === 0;
  const isRolling = daemonSet.spec.updateStrategy?.type !== "OnDelete";
  const rolled = isSettled && isRolling ? rollingUpdate(daemonSet, views, hash, context.nowMs) : managed;
  const isLive = (revision: ControllerRevision) =>
    claimed.some(
      (pod) => pod.metadata.labels?.[revisionHashLabel] === revision.metadata.labels?.[revisionHashLabel],
    );
  return [
    ...claims,
    ...history.intents,
    ...managed.intents,
    ...carryOutChanges(daemonSet, rolled, hash),
    ...trimHistory(history.old, daemonSet.spec.revisionHistoryLimit ?? 10, isLive),
    ...status(daemonSet, views, hash, context.nowMs),
  ];
}

function viewsOf({ daemonSet, nodes }: DaemonSetSnapshot, claimed: readonly Pod[]): NodeView[] {
  const byNode = new Map<string, Pod[]>();
  for (const pod of claimed) {
    if (isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined) continue;
    const target = targetNodeOf(pod) ?? "";
    byNode.set(target, [...(byNode.get(target) ?? []), pod]);
  }
  return nodes.map((node) => {
    const name = node.metadata.name ?? "";
    const pods = (byNode.get(name) ?? []).toSorted(oldestFirst);
    return { name, placement: placementOn(node, daemonSet.spec.template), pods };
  });
}

/** Pods that have a node come before those that have none, older ones before younger ones. */
function oldestFirst(left: Pod, right: Pod): number {
  const isPlaced = (pod: Pod) => Number((pod.spec.nodeName ?? "") === "");
  const placed = isPlaced(left) - isPlaced(right);
  if (placed !== 0) return placed;
  const { creationTimestamp: leftAt, name: leftName = "" } = left.metadata;
  const { creationTimestamp: rightAt, name: rightName = "" } = right.metadata;
  if ((leftAt ?? "") !== (rightAt ?? "")) return (leftAt ?? "") < (rightAt ?? "") ? -1 : 1;
  return leftName < rightName ? -1 : 1;
}

interface Managed extends Changes {
  /** Events and returns. */
  readonly intents: readonly Intent[];
}

/** One pod on every node that wants one, none elsewhere. */
function manage(
  { daemonSet, nodes, backoffMs }: DaemonSetSnapshot,
  views: readonly NodeView[],
  claimed: readonly Pod[],
  hash: string,
  { nowMs }: ReconcileContext,
): Managed {
  const creates: string[] = [];
  const deletes: Pod[] = [];
  const intents: Intent[] = [];
  for (const view of views) {
    const { placement, pods, name } = view;
    if (placement.shouldRun && pods.length === 0) creates.push(name);
    else if (placement.mayStay) {
      const kept = keepOne(daemonSet, view, hash, nowMs, backoffMs(name));
      deletes.push(...kept.deletes);
      intents.push(...kept.intents);
    } else deletes.push(...pods.filter(isNotDeleted));
  }
  // Meant for a node that is gone, they would wait for ever.
  const known = new Set(nodes.map(({ metadata }) => metadata.name));
  const lost = claimed.filter(
    (pod) => (pod.spec.nodeName ?? "") === "" && isNotDeleted(pod) && !known.has(targetNodeOf(pod)),
  );
  return { creates, deletes: [...deletes, ...lost], intents };
}

function isNotDeleted({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp === undefined;
}

function keepOne(
  daemonSet: DaemonSet,
  { pods, name }: NodeView,
  hash: string,
  nowMs: number,
  backoffMs: number,
): { readonly deletes: readonly Pod[]; readonly intents: readonly Intent[] } {
  const intents: Intent[] = [];
  const deletes: Pod[] = [];
  const running: Pod[] = [];
  for (const pod of pods.filter(isNotDeleted)) {
    const { namespace, name: podName } = pod.metadata;
    const where = `${namespace}/${podName} on node ${name}`;
    if (pod.status?.phase === "Failed") {
      if (backoffMs > 0) intents.push(requeueAfter(backoffMs));
      else {
        const message = `Found failed daemon pod ${where}, will try to kill it`;
        intents.push(event(daemonSet, "Warning", "FailedDaemonPod", message));
        deletes.push(pod);
      }
    } else if (pod.status?.phase === "Succeeded") {
      const message = `Found succeeded daemon pod ${where}, will try to delete it`;
      intents.push(event(daemonSet, "Normal", "SucceededDaemonPod", message));
      deletes.push(pod);
    } else running.push(pod);
  }
  return { deletes: [...deletes, ...excess(daemonSet, running, hash, nowMs)], intents };
}

/** Past the first pod of a node; with a surge, past the first of the new and the first of the old template. */
function excess(daemonSet: DaemonSet, running: readonly Pod[], hash: string, nowMs: number): readonly Pod[] {
  if (running.length <= 1) return [];
  if (!allowsSurge(daemonSet)) return running.slice(1);
  const isNew = freshness(daemonSet, hash);
  const [newest, ...moreNew] = running.filter(isNew);
  const [oldest, ...moreOld] = running.filter((pod) => !isNew(pod));
  const surplus = [...moreNew, ...moreOld];
  if (newest === undefined || oldest === undefined) return surplus;
  const isReplaced =
    !isPodReady(oldest) || isPodAvailable(newest, daemonSet.spec.minReadySeconds ?? 0, nowMs);
  return isReplaced ? [...surplus, oldest] : surplus;
}

function allowsSurge({ spec }: DaemonSet): boolean {
  const { maxSurge = 0 } = spec.updateStrategy?.rollingUpdate ?? {};
  return spec.updateStrategy?.type !== "OnDelete" && maxSurge !== 0 && maxSurge !== "0%";
}

function carryOutChanges(daemonSet: DaemonSet, { creates, deletes }: Changes, hash: string): Intent[] {
  const { template } = daemonSet.spec;
  const generation = daemonSet.metadata.annotations?.[templateGenerationAnnotation];
  const labels = {
    ...template.metadata?.labels,
    ...(generation === undefined ? {} : { [templateGenerationLabel]: generation }),
    [revisionHashLabel]: hash,
  };
  const pod = podFromTemplate(daemonSet, { ...template, metadata: { ...template.metadata, labels } });
  const spec = withDaemonTolerations(pod.spec);
  return [
    ...creates
      .slice(0, burst)
      .map((node) =>
        createPod(daemonSet, { ...pod, spec: { ...spec, affinity: pinnedTo(node, spec.affinity) } }),
      ),
    ...deletes.slice(0, burst).map((each) => deletePod(daemonSet, each)),
  ];
}

function status(daemonSet: DaemonSet, views: readonly NodeView[], hash: string, nowMs: number): Intent[] {
  const minReadySeconds = daemonSet.spec.minReadySeconds ?? 0;
  const wanted = views.filter(({ placement }) => placement.shouldRun);
  const counted = wanted.flatMap(({ pods }) => pods.slice(0, 1));
  const numberAvailable = counted.filter((pod) => isPodAvailable(pod, minReadySeconds, nowMs)).length;
  const { collisionCount, conditions } = daemonSet.status ?? {};
  const next = omitEmpty<DaemonSetStatus>(
    {
      ...(conditions === undefined ? {} : { conditions }),
      ...(collisionCount === undefined ? {} : { collisionCount }),
      observedGeneration: daemonSet.metadata.generation ?? 0,
      desiredNumberScheduled: wanted.length,
      currentNumberScheduled: counted.length,
      numberMisscheduled: views.filter(({ placement, pods }) => !placement.shouldRun && pods.length > 0)
        .length,
      numberReady: counted.filter(isPodReady).length,
      updatedNumberScheduled: counted.filter(freshness(daemonSet, hash)).length,
      numberAvailable,
      numberUnavailable: wanted.length - numberAvailable,
    },
    [
      "desiredNumberScheduled",
      "currentNumberScheduled",
      "numberMisscheduled",
      "numberReady",
      "collisionCount",
    ],
  );
  const whenFailed = ({ action, error }: IntentFailure): DaemonSetStatus =>
    action === "create" && isRevisionCollision(error)
      ? { ...(daemonSet.status ?? next), collisionCount: (collisionCount ?? 0) + 1 }
      : next;
  const nextMs = nextAvailabilityMs(counted, minReadySeconds, nowMs);
  return [
    updateStatus(daemonSets, daemonSet, next, { whenFailed }),
    ...(nextMs === undefined ? [] : [requeueAfter(nextMs)]),
  ];
}
