import type { Job, JobStatus } from "../../api/batch/types.generated.ts";
import { isPodActive, isPodReady } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { isPodTerminating } from "../pods/pod-state.ts";
import { completionIndexOf, formatIndexes, parseIndexes } from "./indexes.ts";
import { judgeFailure } from "./policies.ts";

/** Keeps a pod of a job from vanishing before it has been counted. */
export const trackingFinalizer = "batch.kubernetes.io/job-tracking";

const failureCountAnnotation = "batch.kubernetes.io/job-index-failure-count";
const ignoredCountAnnotation = "batch.kubernetes.io/job-index-ignored-failure-count";

export function isIndexed({ spec }: Job): boolean {
  return spec.completionMode === "Indexed";
}

export function isTracked({ metadata }: Pod): boolean {
  return (metadata.finalizers ?? []).includes(trackingFinalizer);
}

/** A pod that terminates is replaced only once it has failed. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec.podReplacementPolicy === "Failed" || spec.podFailurePolicy !== undefined;
}

/** A pod that is being deleted counts as failed, unless the job waits for it to say how it ended. */
export function isFailedFor(job: Job, { status, metadata }: Pod): boolean {
  if (status?.phase === "Failed") return true;
  if (replacesOnlyFailed(job)) return false;
  return metadata.deletionTimestamp !== undefined && status?.phase !== "Succeeded";
}

/** All that is counted about a job's pods at one moment. */
export interface Accounts {
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly ready: number;
  readonly terminating: number;
  /** With those that are to be counted. */
  readonly succeeded: number;
  readonly failed: number;
  /** Finished, and not yet in the status in any form. */
  readonly newSucceeded: readonly Pod[];
  readonly newFailed: readonly Pod[];
  /** Of an Indexed job. */
  readonly succeededIndexes: ReadonlySet<number>;
  readonly failedIndexes: ReadonlySet<number>;
  /** By index, the failed pod that is kept until its successor carries on its count. */
  readonly keptFailures: ReadonlyMap<number, Pod>;
}

export function accountsOf(job: Job, pods: readonly Pod[]): Accounts {
  const { status } = job;
  const uncounted = status?.uncountedTerminatedPods;
  const inStatus = new Set([...(uncounted?.succeeded ?? []), ...(uncounted?.failed ?? [])]);
  const isNew = (pod: Pod) =>
    isTracked(pod) && !inStatus.has(pod.metadata.uid ?? "") && (!isIndexed(job) || hasValidIndex(job, pod));
  const newSucceeded = pods.filter((pod) => pod.status?.phase === "Succeeded" && isNew(pod));
  const newFailed = pods.filter((pod) => isFailedFor(job, pod) && isNew(pod));
  const countedFailed = newFailed.filter((pod) => judgeFailure(job, pod).counts);
  const active = pods.filter(isPodActive);
  const succeededIndexes = isIndexed(job) ? succeededIndexesOf(job, pods) : new Set<number>();
  const failedIndexes =
    job.spec.backoffLimitPerIndex === undefined ? new Set<number>() : failedIndexesOf(job, pods);
  const plainSucceeded = (status?.succeeded ?? 0) + newSucceeded.length + (uncounted?.succeeded ?? []).length;
  return {
    pods,
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isPodTerminating).length,
    succeeded: isIndexed(job) ? succeededIndexes.size : plainSucceeded,
    failed: (status?.failed ?? 0) + countedFailed.length + (uncounted?.failed ?? []).length,
    newSucceeded,
    newFailed,
    succeededIndexes,
    failedIndexes,
    keptFailures: keptFailures(job, pods, active, [succeededIndexes, failedIndexes]),
  };
}

function hasValidIndex(job: Job, pod: Pod): boolean {
  const index = completionIndexOf(pod);
  return index !== undefined && index < (job.spec.completions ?? 0);
}

function succeededIndexesOf(job: Job, pods: readonly Pod[]): Set<number> {
  const indexes = parseIndexes(job.status?.completedIndexes, job.spec.completions ?? 0);
  for (const pod of pods) {
    const index = completionIndexOf(pod);
    const counts = pod.status?.phase === "Succeeded" && isTracked(pod) && hasValidIndex(job, pod);
    if (index !== undefined && counts) indexes.add(index);
  }
  return indexes;
}

function failedIndexesOf(job: Job, pods: readonly Pod[]): Set<number> {
  const indexes = parseIndexes(job.status?.failedIndexes, job.spec.completions ?? 0);
  for (const pod of pods) {
    const index = completionIndexOf(pod);
    if (index === undefined || !isTracked(pod) || !hasValidIndex(job, pod) || !isFailedFor(job, pod))
      continue;
    if (failsIndex(job, pod)) indexes.add(index);
  }
  return indexes;
}

function failsIndex(job: Job, pod: Pod): boolean {
  const verdict = judgeFailure(job, pod);
  if (verdict.failsIndex === true) return true;
  return verdict.counts && failureCountsOf(pod).failures >= (job.spec.backoffLimitPerIndex ?? 0);
}

/** What a pod of an index says of its predecessors. */
export function failureCountsOf({ metadata: { annotations } }: Pod): { failures: number; ignored: number } {
  const count = (name: string) => Number.parseInt(annotations?.[name] ?? "0", 10) || 0;
  return { failures: count(failureCountAnnotation), ignored: count(ignoredCountAnnotation) };
}

/** The annotations by which the successor of a failed pod carries on its index's count. */
export function successorAnnotations(job: Job, failed: Pod | undefined): Record<string, string> {
  if (failed === undefined) return { [failureCountAnnotation]: "0" };
  const { failures, ignored } = failureCountsOf(failed);
  const counts = judgeFailure(job, failed).counts;
  const ignoredNow = counts ? ignored : ignored + 1;
  return {
    [failureCountAnnotation]: String(counts ? failures + 1 : failures),
    ...(ignoredNow > 0 ? { [ignoredCountAnnotation]: String(ignoredNow) } : {}),
  };
}

function keptFailures(
  job: Job,
  pods: readonly Pod[],
  active: readonly Pod[],
  done: readonly ReadonlySet<number>[],
): Map<number, Pod> {
  const kept = new Map<number, Pod>();
  if (job.spec.backoffLimitPerIndex === undefined) return kept;
  const running = new Set(active.map(completionIndexOf));
  const total = (pod: Pod) => failureCountsOf(pod).failures + failureCountsOf(pod).ignored;
  for (const pod of pods) {
    const index = completionIndexOf(pod);
    if (index === undefined || !isTracked(pod) || !isFailedFor(job, pod) || !hasValidIndex(job, pod))
      continue;
    if (running.has(index) || done.some((set) => set.has(index))) continue;
    const other = kept.get(index);
    if (other === undefined || total(pod) > total(other)) kept.set(index, pod);
  }
  return kept;
}

/** How many pods a status lists as not yet counted, at most: so much is dealt with in one go. */
const maxUncounted = 500;

export interface Tracking {
  /** The counters and lists that the status is to have before the finalizers go. */
  readonly status: Pick<
    JobStatus,
    "succeeded" | "failed" | "completedIndexes" | "failedIndexes" | "uncountedTerminatedPods"
  >;
  /** Pods whose end is in the status, or does not matter: they may vanish. */
  readonly release: readonly Pod[];
}

/**
 * Counts finished pods exactly once, though any write may be lost: a pod is first listed in the status by its UID, then
 * loses its finalizer, and only then moves from the list to the counter. `isOver`: what still runs counts as failed;
 * "met" where the job has succeeded by then, and what still runs counts as nothing.
 */
export function track(job: Job, accounts: Accounts, isOver: false | "failed" | "met"): Tracking {
  const { status = {} } = job;
  const tracked = new Set(accounts.pods.filter(isTracked).map(({ metadata }) => metadata.uid ?? ""));
  const before = status.uncountedTerminatedPods ?? {};
  const succeeded = (before.succeeded ?? []).filter((uid) => tracked.has(uid));
  const failed = (before.failed ?? []).filter((uid) => tracked.has(uid));
  const counters = {
    succeeded: (status.succeeded ?? 0) + (before.succeeded ?? []).length - succeeded.length,
    failed: (status.failed ?? 0) + (before.failed ?? []).length - failed.length,
  };
  const release: Pod[] = [];
  const newIndexes = parseIndexes(status.completedIndexes, job.spec.completions ?? 0);
  for (const pod of accounts.pods.filter(isTracked)) {
    if (release.length >= maxUncounted) break;
    if (!mayRelease(job, accounts, pod, isOver)) continue;
    release.push(pod);
    const { uid = "" } = pod.metadata;
    if (pod.status?.phase === "Succeeded" && !failed.includes(uid)) {
      const index = completionIndexOf(pod);
      // Of an Indexed job the index is enough: it is in the list of completed ones or it is not.
      if (isIndexed(job)) {
        if (index !== undefined && hasValidIndex(job, pod)) newIndexes.add(index);
      } else if (!succeeded.includes(uid)) succeeded.push(uid);
    } else if (isFailedFor(job, pod) || isOver === "failed") {
      const isValid = !isIndexed(job) || hasValidIndex(job, pod);
      if (isValid && !failed.includes(uid) && judgeFailure(job, pod).counts) failed.push(uid);
    }
  }
  return {
    release,
    status: {
      ...counters,
      ...(isIndexed(job) ? { succeeded: newIndexes.size, completedIndexes: formatIndexes(newIndexes) } : {}),
      ...(job.spec.backoffLimitPerIndex === undefined
        ? {}
        : { failedIndexes: formatIndexes(accounts.failedIndexes) }),
      uncountedTerminatedPods: {
        ...(succeeded.length === 0 ? {} : { succeeded }),
        ...(failed.length === 0 ? {} : { failed }),
      },
    },
  };
}

function mayRelease(
  job: Job,
  { keptFailures }: Accounts,
  pod: Pod,
  isOver: false | "failed" | "met",
): boolean {
  const isDeleted = job.metadata.deletionTimestamp !== undefined;
  if (isDeleted || isOver !== false || pod.status?.phase === "Succeeded") return true;
  if (!isFailedFor(job, pod)) return false;
  const index = completionIndexOf(pod);
  return index === undefined || keptFailures.get(index) !== pod;
}
