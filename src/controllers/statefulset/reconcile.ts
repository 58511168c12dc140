import type { ControllerRevision, StatefulSet, StatefulSetStatus } from "../../api/apps/types.generated.ts";
import { isPodAvailable, isPodReady } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { pods as podsType, statefulSets } from "../../api/resources.generated.ts";
import { omitEmpty } from "../framework/conditions.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { resolveCount } from "../framework/int-or-percent.ts";
import {
  create,
  type Intent,
  type IntentFailure,
  type Report,
  remove,
  requeueAfter,
  update,
  updateStatus,
} from "../framework/intent.ts";
import { claim } from "../framework/ownership.ts";
import { currentRevision, type History, isRevisionCollision, trimHistory } from "../framework/revisions.ts";
import type { Selection } from "../framework/selection.ts";
import { nextAvailabilityMs } from "../pods/pod-state.ts";
import { type ClaimLookup, hasStaleClaim, matchRetention, missingClaims } from "./claims.ts";
import {
  ordinalOf,
  podNameFor,
  podOf,
  revisionNameOf,
  startOrdinal,
  wantedReplicas,
  withIdentity,
} from "./identity.ts";

export interface StatefulSetSnapshot {
  readonly set: StatefulSet;
  readonly selects: Selection;
  /** Those it manages, and the orphans of its namespace. */
  readonly candidates: readonly Pod[];
  readonly revisions: readonly ControllerRevision[];
  readonly claimOf: ClaimLookup;
  readonly canAdopt: boolean;
  /** How long until the pod of this name, which came to its end, may be replaced; 0: now. */
  readonly backoffMs: (podName: string) => number;
}

/** The label of a revision that holds its hash. */
const hashLabel = "controller.kubernetes.io/hash";

/** Decides what one StatefulSet needs. */
export function reconcileStatefulSet(snapshot: StatefulSetSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { set, selects, candidates, canAdopt, revisions } = snapshot;
  const { claimed, intents: claims } = claim(
    set,
    candidates.filter((pod) => ordinalOf(set, pod) !== undefined),
    { type: podsType, matches: selects, canAdopt },
  );
  const history = currentRevision({
    owner: set,
    template: set.spec.template,
    revisions,
    collisionCount: set.status?.collisionCount ?? 0,
    hashLabel,
  });
  const view = new SetView(snapshot, claimed, history, nowMs);
  const steps = set.metadata.deletionTimestamp === undefined ? advance(view) : [];
  const isLive = (revision: ControllerRevision) =>
    revision === view.current || claimed.some((pod) => revisionNameOf(pod) === revision.metadata.name);
  const nextMs = nextAvailabilityMs(claimed, view.minReadySeconds, nowMs);
  return [
    ...claims,
    ...history.intents,
    ...steps,
    writeStatus(view),
    ...trimHistory(history.old, set.spec.revisionHistoryLimit ?? 10, isLive),
    ...(nextMs === undefined ? [] : [requeueAfter(nextMs)]),
  ];
}

/** A set with its pods by ordinal. */
class SetView {
  readonly set: StatefulSet;
  readonly pods: readonly Pod[];
  readonly claimOf: ClaimLookup;
  readonly backoffMs: (podName: string) => number;
  /** The revision pods are rolled to, and the one they are rolled from. */
  readonly update: ControllerRevision;
  readonly current: ControllerRevision;
  readonly nowMs: number;
  /** One a time, in order; else all at once (`podManagementPolicy: Parallel`). */
  readonly isOrdered: boolean;
  readonly minReadySeconds: number;
  readonly ordinals: readonly number[];
  readonly #byOrdinal: ReadonlyMap<number, Pod>;

  constructor(
    { set, claimOf, revisions, backoffMs }: StatefulSetSnapshot,
    pods: readonly Pod[],
    history: History,
    nowMs: number,
  ) {
    this.set = set;
    this.pods = pods;
    this.claimOf = claimOf;
    this.backoffMs = backoffMs;
    this.update = history.current;
    this.current =
      revisions.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? history.current;
    this.nowMs = nowMs;
    this.isOrdered = set.spec.podManagementPolicy !== "Parallel";
    this.minReadySeconds = set.spec.minReadySeconds ?? 0;
    const start = startOrdinal(set);
    this.ordinals = Array.from({ length: wantedReplicas(set) }, (_, index) => start + index);
    this.#byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod]));
  }

  pod(ordinal: number): Pod | undefined {
    return this.#byOrdinal.get(ordinal);
  }

  /** Pods past the wanted ordinals, the highest first. */
  get condemned(): readonly Pod[] {
    const wanted = new Set(this.ordinals);
    const ordinal = (pod: Pod) => ordinalOf(this.set, pod) ?? -1;
    return this.pods
      .filter((pod) => !wanted.has(ordinal(pod)))
      .toSorted((left, right) => ordinal(right) - ordinal(left));
  }

  isAvailable(pod: Pod): boolean {
    return pod.status?.phase === "Running" && isPodAvailable(pod, this.minReadySeconds, this.nowMs);
  }

  /** The revision a pod of this ordinal is created from: below the partition the old one stays. */
  revisionFor(ordinal: number): ControllerRevision {
    const { type, rollingUpdate } = this.set.spec.updateStrategy ?? {};
    if (type === "OnDelete") return this.update;
    const start = startOrdinal(this.set);
    const keep =
      rollingUpdate === undefined ? (this.set.status?.currentReplicas ?? 0) : (rollingUpdate.partition ?? 0);
    return ordinal < start + keep ? this.current : this.update;
  }
}

function isTerminating({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === "Running" && isPodReady(pod);
}

/** First every wanted pod is there and healthy, then surplus ones go, then old ones are replaced. */
function advance(view: SetView): Intent[] {
  const living = keepLiving(view);
  if (living.mustWait) return living.intents;
  const scaled = scaleDown(view);
  if (scaled.mustWait) return [...living.intents, ...scaled.intents];
  return [...living.intents, ...scaled.intents, ...rollOut(view)];
}

interface Step {
  readonly intents: Intent[];
  /** What comes after has to wait for this. */
  readonly mustWait: boolean;
}

function keepLiving(view: SetView): Step {
  const claims: Intent[] = [];
  const others: Intent[] = [];
  const creates: Intent[] = [];
  const step = (mustWait: boolean): Step => ({ intents: [...claims, ...others, ...creates], mustWait });
  for (const ordinal of view.ordinals) {
    const pod = view.pod(ordinal);
    if (pod === undefined) {
      if (hasStaleClaim(view.set, ordinal, view.claimOf)) return step(true);
      claims.push(...missingClaims(view.set, ordinal, view.claimOf));
      creates.push(createPod(view, ordinal));
      if (view.isOrdered) return step(true);
      continue;
    }
    const { phase } = pod.status ?? {};
    if (phase === "Failed" || phase === "Succeeded") {
      if (!isTerminating(pod)) others.push(...recreate(view, pod, phase));
      return step(true);
    }
    if (phase === "Pending") claims.push(...missingClaims(view.set, ordinal, view.claimOf));
    if (view.isOrdered && (isTerminating(pod) || !isRunningAndReady(pod) || !view.isAvailable(pod))) {
      return step(true);
    }
    others.push(...matchRetention(view.set, pod, false, view.claimOf));
    const identified = withIdentity(view.set, pod);
    if (identified !== undefined) others.push(update(podsType, pod, identified));
  }
  return step(false);
}

function createPod(view: SetView, ordinal: number): Intent {
  const pod = podOf(view.set, view.revisionFor(ordinal), ordinal);
  return create(podsType, pod, { report: podReport(view.set, "create", podNameFor(view.set, ordinal)) });
}

function deletePod(view: SetView, pod: Pod): Intent {
  return remove(podsType, pod, { report: podReport(view.set, "delete", pod.metadata.name ?? "") });
}

function podReport(regarding: StatefulSet, verb: "create" | "delete", pod: string): Report {
  const subject = `${verb} Pod ${pod} in StatefulSet ${regarding.metadata.name}`;
  const word = verb === "create" ? "Create" : "Delete";
  return {
    regarding,
    succeeded: () => ({ type: "Normal", reason: `Successful${word}`, message: `${subject} successful` }),
    failed: (error) => ({
      type: "Warning",
      reason: `Failed${word}`,
      message: `${subject} failed error: ${error.message}`,
    }),
  };
}

/** A pod that came to its end has to go before its ordinal can be filled again. */
function recreate(view: SetView, pod: Pod, phase: "Failed" | "Succeeded"): Intent[] {
  const waitMs = view.backoffMs(pod.metadata.name ?? "");
  if (waitMs > 0) return [requeueAfter(waitMs)];
  const { namespace, name } = view.set.metadata;
  const isFailed = phase === "Failed";
  const message = `StatefulSet ${namespace}/${name} is recreating ${isFailed ? "failed" : "terminated"} Pod ${pod.metadata.name}`;
  return [
    {
      action: "event",
      regarding: view.set,
      type: isFailed ? "Warning" : "Normal",
      reason: isFailed ? "RecreatingFailedPod" : "RecreatingTerminatedPod",
      message,
    },
    deletePod(view, pod),
  ];
}

/** From the highest ordinal down; in order only while all others are healthy. */
function scaleDown(view: SetView): Step {
  const intents: Intent[] = [];
  const all = [...view.ordinals.map((ordinal) => view.pod(ordinal)), ...view.condemned.toReversed()];
  const firstUnhealthy = all.find(
    (pod) => pod !== undefined && (!isRunningAndReady(pod) || isTerminating(pod)),
  );
  for (const pod of view.condemned) intents.push(...matchRetention(view.set, pod, true, view.claimOf));
  for (const pod of view.condemned) {
    if (isTerminating(pod)) {
      if (view.isOrdered) return { intents, mustWait: true };
      continue;
    }
    const mayGo = view.isAvailable(pod) || pod === firstUnhealthy;
    if (view.isOrdered && !mayGo) return { intents, mustWait: true };
    intents.push(deletePod(view, pod));
    if (view.isOrdered) return { intents, mustWait: true };
  }
  return { intents, mustWait: false };
}

/** Replaces pods of another revision, the highest ordinal first, down to the partition. */
function rollOut(view: SetView): Intent[] {
  const { type, rollingUpdate } = view.set.spec.updateStrategy ?? {};
  if (type === "OnDelete") return [];
  const wanted = view.ordinals.map((ordinal) => view.pod(ordinal));
  const unavailable = wanted.filter(
    (pod) => pod === undefined || isTerminating(pod) || !view.isAvailable(pod),
  ).length;
  const limit = Math.max(1, resolveCount(rollingUpdate?.maxUnavailable ?? 1, wanted.length, "down"));
  const room = Math.max(0, limit - unavailable);
  const outdated = wanted
    .slice(rollingUpdate?.partition ?? 0)
    .filter((pod) => pod !== undefined)
    .filter((pod) => revisionNameOf(pod) !== view.update.metadata.name && !isTerminating(pod));
  return outdated
    .toReversed()
    .slice(0, room)
    .map((pod) => deletePod(view, pod));
}

const keptWhenZero = ["replicas", "availableReplicas", "collisionCount"] as const;

function writeStatus(view: SetView): Intent {
  const { set, pods } = view;
  const before = set.status;
  const created = pods.filter(({ status }) => (status?.phase ?? "") !== "");
  const ofRevision = ({ metadata }: ControllerRevision) =>
    created.filter((pod) => !isTerminating(pod) && revisionNameOf(pod) === metadata.name).length;
  const readyReplicas = pods.filter(isRunningAndReady).length;
  const counted: StatefulSetStatus = {
    ...(before?.conditions === undefined ? {} : { conditions: before.conditions }),
    observedGeneration: set.metadata.generation ?? 0,
    replicas: created.length,
    readyReplicas,
    availableReplicas: pods.filter((pod) => view.isAvailable(pod)).length,
    currentReplicas: ofRevision(view.current),
    updatedReplicas: ofRevision(view.update),
    currentRevision: view.current.metadata.name ?? "",
    updateRevision: view.update.metadata.name ?? "",
    collisionCount: before?.collisionCount ?? 0,
  };
  const whenFailed = ({ action, error }: IntentFailure): StatefulSetStatus => {
    const isCollision = action === "create" && isRevisionCollision(error);
    const collisionCount = (before?.collisionCount ?? 0) + (isCollision ? 1 : 0);
    return omitEmpty({ ...counted, collisionCount }, keptWhenZero);
  };
  return updateStatus(statefulSets, set, omitEmpty(completed(set, counted), keptWhenZero), { whenFailed });
}

/** A rollout is complete when every wanted pod is of the new revision and ready: then that one is the current one. */
function completed(set: StatefulSet, status: StatefulSetStatus): StatefulSetStatus {
  const wanted = wantedReplicas(set);
  const isRolling = set.spec.updateStrategy?.type !== "OnDelete";
  const isComplete =
    isRolling &&
    status.updatedReplicas === wanted &&
    status.readyReplicas === wanted &&
    status.replicas === wanted;
  if (!isComplete) return status;
  return {
    ...status,
    currentReplicas: status.updatedReplicas ?? 0,
    currentRevision: status.updateRevision ?? "",
  };
}
