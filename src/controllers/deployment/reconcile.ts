import type { Deployment, DeploymentStatus, ReplicaSet } from "../../api/apps/types.generated.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { deployments, replicaSets as replicaSetsType } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import {
  create,
  event,
  type Intent,
  type IntentFailure,
  remove,
  requeueAfter,
  update,
  updateStatus,
} from "../framework/intent.ts";
import { isNamespaceTerminating } from "../framework/namespace-terminating.ts";
import { claim } from "../framework/ownership.ts";
import type { Selection } from "../framework/selection.ts";
import {
  deploymentCondition,
  isRollingUpdate,
  progressDeadlineMs,
  replicasOf,
  revisionAnnotation,
} from "./limits.ts";
import { buildReplicaSet, findNewReplicaSet, refreshReplicaSet, revisionOf } from "./revision.ts";
import { oldPodsRun, rollingStep, type Step, shrinkAllOld } from "./rolling.ts";
import { isScalingEvent, scaleProportionally, scaleReplicaSet, scalingReport } from "./scale.ts";
import {
  condition,
  countedStatus,
  deadlineCheckMs,
  isComplete,
  progressingReasons,
  rolloutStatus,
  setCondition,
} from "./status.ts";

export interface DeploymentSnapshot {
  readonly deployment: Deployment;
  readonly selects: Selection;
  readonly selectsEverything: boolean;
  /** Those it manages, and the orphans of its namespace. */
  readonly candidates: readonly ReplicaSet[];
  readonly canAdopt: boolean;
  readonly podsOf: (replicaSet: ReplicaSet) => readonly Pod[];
}

/** Decides what one Deployment needs. */
export function reconcileDeployment(snapshot: DeploymentSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { deployment, selects, candidates, canAdopt } = snapshot;
  if (snapshot.selectsEverything) return refuseSelectingAll(deployment);
  const { claimed, intents: claims } = claim(deployment, candidates, {
    type: replicaSetsType,
    matches: selects,
    canAdopt,
  });
  const paused = withPausedCondition(deployment, nowMs);
  return [...claims, ...decide(snapshot, new Rollout(deployment, paused, claimed, nowMs))];
}

function decide({ deployment, podsOf }: DeploymentSnapshot, rollout: Rollout): Intent[] {
  if (deployment.metadata.deletionTimestamp !== undefined) return rollout.settle();
  if (deployment.spec.paused === true || isScalingEvent(deployment, rollout.all)) {
    rollout.adoptNewest({ mayCreate: false });
    rollout.scale();
    if (deployment.spec.paused === true) rollout.cleanUp();
    return rollout.settle();
  }
  if (isRollingUpdate(deployment)) {
    rollout.adoptNewest({ mayCreate: true });
    rollout.rollingUpdate();
  } else {
    rollout.recreate(podsOf);
  }
  return rollout.finish();
}

function refuseSelectingAll(deployment: Deployment): Intent[] {
  const message = "This deployment is selecting all pods. A non-empty selector is required.";
  const observedGeneration = deployment.metadata.generation ?? 0;
  return [
    event(deployment, "Warning", "SelectingAll", message),
    updateStatus(deployments, deployment, { ...deployment.status, observedGeneration }),
  ];
}

/** Progressing is Unknown while paused, so that a deadline does not run. */
function withPausedCondition(deployment: Deployment, nowMs: number): Deployment {
  if (progressDeadlineMs(deployment) === undefined) return deployment;
  const current = deploymentCondition(deployment, "Progressing");
  if (current?.reason === progressingReasons.deadlineExceeded) return deployment;
  const isMarked = current?.reason === progressingReasons.paused;
  const isPaused = deployment.spec.paused === true;
  if (isPaused === isMarked) return deployment;
  return isPaused
    ? withProgressing(deployment, "Unknown", progressingReasons.paused, "Deployment is paused", nowMs)
    : withProgressing(deployment, "Unknown", progressingReasons.resumed, "Deployment is resumed", nowMs);
}

function withProgressing(
  deployment: Deployment,
  status: "True" | "False" | "Unknown",
  reason: string,
  message: string,
  nowMs: number,
): Deployment {
  const progressing = condition("Progressing", status, reason, message, nowMs);
  const conditions = setCondition(deployment.status?.conditions ?? [], progressing);
  return { ...deployment, status: { ...deployment.status, conditions } };
}

/** One pass over a deployment: collects intents, and the deployment and ReplicaSets as those intents leave them. */
class Rollout {
  readonly #original: Deployment;
  readonly #nowMs: number;
  readonly #claimed: readonly ReplicaSet[];
  readonly #intents: Intent[] = [];
  #deployment: Deployment;
  #newest: ReplicaSet | undefined;
  #old: readonly ReplicaSet[];

  constructor(original: Deployment, deployment: Deployment, claimed: readonly ReplicaSet[], nowMs: number) {
    this.#original = original;
    this.#deployment = deployment;
    this.#nowMs = nowMs;
    this.#claimed = claimed;
    this.#newest = findNewReplicaSet(deployment, claimed);
    this.#old = claimed.filter((replicaSet) => replicaSet !== this.#newest);
  }

  get all(): readonly ReplicaSet[] {
    return this.#claimed;
  }

  /** Brings the new ReplicaSet's annotations and revision up to date, or creates it. */
  adoptNewest({ mayCreate }: { readonly mayCreate: boolean }): void {
    if (this.#newest !== undefined) this.#refreshNewest(this.#newest);
    else if (mayCreate) this.#createNewest();
  }

  #refreshNewest(existing: ReplicaSet): void {
    const refreshed = refreshReplicaSet(this.#deployment, existing, this.#old);
    this.#intents.push(update(replicaSetsType, existing, refreshed));
    this.#newest = refreshed;
    this.#noteRevision(revisionOf(refreshed));
    if (deploymentCondition(this.#deployment, "Progressing") === undefined) {
      this.#progress("True", progressingReasons.found, `Found new replica set "${existing.metadata.name}"`);
    }
  }

  #createNewest(): void {
    const wanted = buildReplicaSet(this.#deployment, this.#old);
    const { name } = wanted.metadata;
    const size = replicasOf(wanted);
    const report = {
      ...(size > 0
        ? scalingReport(this.#original, `Scaled up replica set ${name} from 0 to ${size}`)
        : { regarding: this.#original }),
      failed: (error: Error) => creationFailure(name, error),
    };
    this.#intents.push(create(replicaSetsType, wanted, { report }));
    this.#newest = wanted;
    this.#noteRevision(revisionOf(wanted));
    this.#progress("True", progressingReasons.created, `Created new replica set "${name}"`);
  }

  #noteRevision(revision: bigint): void {
    const { metadata } = this.#original;
    if (metadata.annotations?.[revisionAnnotation] === String(revision)) return;
    const annotations = { ...metadata.annotations, [revisionAnnotation]: String(revision) };
    const noted = { ...this.#original, metadata: { ...metadata, annotations } };
    // By way of its status, since another annotation of the object itself is a new generation.
    this.#intents.push(update(deployments, this.#original, noted, { subresource: "status" }));
  }

  #progress(status: "True" | "False", reason: string, message: string): void {
    if (progressDeadlineMs(this.#deployment) === undefined) return;
    this.#deployment = withProgressing(this.#deployment, status, reason, message, this.#nowMs);
  }

  scale(): void {
    for (const { intents, replicaSet } of scaleProportionally(this.#deployment, this.#newest, this.#old)) {
      this.#intents.push(...intents);
      const isSame = (other: ReplicaSet) => other.metadata.name === replicaSet.metadata.name;
      if (this.#newest !== undefined && isSame(this.#newest)) this.#newest = replicaSet;
      this.#old = this.#old.map((other) => (isSame(other) ? replicaSet : other));
    }
  }

  rollingUpdate(): void {
    if (this.#newest === undefined) return;
    this.#take(rollingStep(this.#deployment, this.#newest, this.#old));
    if (isComplete(this.#original, this.#original.status)) this.cleanUp();
  }

  recreate(podsOf: (replicaSet: ReplicaSet) => readonly Pod[]): void {
    this.adoptNewest({ mayCreate: false });
    const stop = shrinkAllOld(this.#deployment, this.#newest, this.#old);
    this.#take(stop);
    if (stop.intents.length > 0 || oldPodsRun(this.#newest, this.#old, podsOf)) return;
    if (this.#newest === undefined) this.#createNewest();
    else {
      const wanted = this.#deployment.spec.replicas ?? 1;
      if (replicasOf(this.#newest) !== wanted) {
        const { intents, replicaSet } = scaleReplicaSet(this.#deployment, this.#newest, wanted);
        this.#take({ intents, newest: replicaSet, old: this.#old });
      }
    }
    if (isComplete(this.#original, this.#original.status)) this.cleanUp();
  }

  #take({ intents, newest, old }: Step): void {
    this.#intents.push(...intents);
    this.#newest = newest;
    this.#old = old;
  }

  /** Deletes the oldest ReplicaSets past the history limit; none that has pods or that its controller has not seen. */
  cleanUp(): void {
    const limit = this.#deployment.spec.revisionHistoryLimit;
    if (limit === undefined || limit === 2 ** 31 - 1) return;
    const alive = this.#old.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const surplus = alive.toSorted((left, right) => Number(revisionOf(left) - revisionOf(right)));
    for (const replicaSet of surplus.slice(0, Math.max(0, alive.length - limit))) {
      const { status, metadata } = replicaSet;
      const isBusy = (status?.replicas ?? 0) !== 0 || replicasOf(replicaSet) !== 0;
      const isUnseen = (metadata.generation ?? 0) > (status?.observedGeneration ?? 0);
      if (!isBusy && !isUnseen) this.#intents.push(remove(replicaSetsType, replicaSet));
    }
  }

  /** The end of a pass that did not roll out: only the counters move. */
  settle(): Intent[] {
    const all = this.#ownedNow();
    const status = countedStatus(this.#deployment, all, this.#newest, this.#nowMs);
    return [...this.#intents, updateStatus(deployments, this.#original, status)];
  }

  /** The end of a step of a rollout. */
  finish(): Intent[] {
    const status = rolloutStatus(this.#deployment, this.#ownedNow(), this.#newest, this.#nowMs);
    const checkMs = deadlineCheckMs(this.#deployment, status, this.#nowMs);
    const whenFailed = (failure: IntentFailure) =>
      statusAfterFailure(this.#original, status, failure, this.#nowMs);
    return [
      ...this.#intents,
      updateStatus(deployments, this.#original, status, { whenFailed }),
      ...(checkMs === undefined ? [] : [requeueAfter(checkMs)]),
    ];
  }

  #ownedNow(): readonly ReplicaSet[] {
    return this.#newest === undefined ? this.#old : [...this.#old, this.#newest];
  }
}

function creationFailure(name: string | undefined, error: Error) {
  if (isApiError(error, "AlreadyExists") || isNamespaceTerminating(error)) return undefined;
  const message = `Failed to create new replica set "${name}": ${error.message}`;
  return { type: "Warning", reason: progressingReasons.failedCreate, message } as const;
}

/** What the status says where the new ReplicaSet could not be created. */
function statusAfterFailure(
  original: Deployment,
  planned: DeploymentStatus,
  { action, error }: IntentFailure,
  nowMs: number,
): DeploymentStatus {
  if (action !== "create") return original.status ?? planned;
  if (isApiError(error, "AlreadyExists")) {
    // Another ReplicaSet has the name: the next hash is made from one more collision.
    return { ...original.status, collisionCount: (original.status?.collisionCount ?? 0) + 1 };
  }
  if (isNamespaceTerminating(error) || progressDeadlineMs(original) === undefined) {
    return original.status ?? {};
  }
  const message = `Failed to create new replica set: ${error.message}`;
  const failed = withProgressing(original, "False", progressingReasons.failedCreate, message, nowMs);
  return failed.status ?? planned;
}
