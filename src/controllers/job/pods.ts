import type { Job } from "../../api/batch/types.generated.ts";
import type { Container, Pod } from "../../api/core/types.generated.ts";
import { pods as podsType } from "../../api/resources.generated.ts";
import { type Intent, patch, requeueAfter } from "../framework/intent.ts";
import { podsToDelete } from "../pods/deletion-preference.ts";
import { createPod, deletePod, podFromTemplate } from "../pods/pod-control.ts";
import {
  type Accounts,
  failureCountsOf,
  isIndexed,
  isTracked,
  replacesOnlyFailed,
  successorAnnotations,
  trackingFinalizer,
} from "./accounting.ts";
import { type FailureRecord, finishedMs, remainingBackoffMs } from "./backoff.ts";
import { completionIndexName, completionIndexOf, firstFreeIndexes } from "./indexes.ts";

/** The most pods created or deleted in one go. */
const burst = 500;

const longestPrefix = 58;

export interface PodPlan {
  readonly intents: readonly Intent[];
  readonly created: number;
  readonly deleted: readonly Pod[];
}

const nothing: PodPlan = { intents: [], created: 0, deleted: [] };

/** Brings the number of running pods to what the job wants now. */
export function planPods(job: Job, accounts: Accounts, record: FailureRecord, nowMs: number): PodPlan {
  const { active } = accounts;
  const wanted = job.spec.suspend === true ? 0 : wantedActive(job, accounts);
  const surplus = podsForRemoval(job, active, Math.max(0, active.length - wanted), nowMs).slice(0, burst);
  // One direction at a time; deletion goes first.
  if (surplus.length > 0) {
    // Let go before they are deleted: these do not count as failed.
    const intents = [...surplus.flatMap(releasePod), ...surplus.map((pod) => deletePod(job, pod))];
    return { intents, created: 0, deleted: surplus };
  }
  const terminating = replacesOnlyFailed(job) ? accounts.terminating : 0;
  const missing = Math.min(wanted - terminating - active.length, burst);
  return missing > 0 ? planCreation(job, accounts, missing, record, nowMs) : nothing;
}

function wantedActive({ spec }: Job, { active, succeeded }: Accounts): number {
  const { parallelism = 1, completions } = spec;
  // Without a number of completions the first success ends the job: what runs may run on, nothing new starts.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

function planCreation(
  job: Job,
  accounts: Accounts,
  missing: number,
  record: FailureRecord,
  nowMs: number,
): PodPlan {
  if (job.spec.backoffLimitPerIndex === undefined) {
    const waitMs = remainingBackoffMs(record, nowMs);
    if (waitMs > 0) return { ...nothing, intents: [requeueAfter(waitMs)] };
  }
  if (!isIndexed(job)) {
    const pod = podOf(job);
    return {
      intents: Array.from({ length: missing }, () => createPod(job, pod)),
      created: missing,
      deleted: [],
    };
  }
  const pending = pendingIndexes(job, accounts, missing);
  const waits = pending.map((index) => indexBackoffMs(accounts.keptFailures.get(index), nowMs));
  const due = pending.filter((_, position) => (waits[position] ?? 0) === 0);
  if (due.length === 0)
    return pending.length === 0 ? nothing : { ...nothing, intents: [requeueAfter(Math.min(...waits))] };
  const intents = due.map((index) =>
    createPod(job, indexedPod(job, index, accounts.keptFailures.get(index))),
  );
  return { intents, created: due.length, deleted: [] };
}

function pendingIndexes(job: Job, accounts: Accounts, count: number): number[] {
  const occupied = replacesOnlyFailed(job)
    ? accounts.pods.filter(
        ({ metadata, status }) => metadata.deletionTimestamp !== undefined && status?.phase !== "Failed",
      )
    : [];
  const taken = new Set<number>();
  for (const pod of [...accounts.active, ...occupied]) {
    const index = completionIndexOf(pod);
    if (index !== undefined) taken.add(index);
  }
  const { completions = 0 } = job.spec;
  return firstFreeIndexes(count, completions, [taken, accounts.succeededIndexes, accounts.failedIndexes]);
}

function indexBackoffMs(failed: Pod | undefined, nowMs: number): number {
  if (failed === undefined) return 0;
  const { failures, ignored } = failureCountsOf(failed);
  return remainingBackoffMs({ failures: failures + ignored + 1, lastFailureMs: finishedMs(failed) }, nowMs);
}

function podOf(job: Job): Pod {
  const pod = podFromTemplate(job, job.spec.template);
  const others = (pod.metadata.finalizers ?? []).filter((name) => name !== trackingFinalizer);
  return { ...pod, metadata: { ...pod.metadata, finalizers: [...others, trackingFinalizer] } };
}

function indexedPod(job: Job, index: number, failed: Pod | undefined): Pod {
  const pod = podOf(job);
  const text = String(index);
  const { name = "" } = job.metadata;
  const counts = job.spec.backoffLimitPerIndex === undefined ? {} : successorAnnotations(job, failed);
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      generateName: `${name.slice(0, longestPrefix - text.length - 2)}-${text}-`,
      annotations: { ...pod.metadata.annotations, [completionIndexName]: text, ...counts },
      labels: { ...pod.metadata.labels, [completionIndexName]: text },
    },
    spec: {
      ...pod.spec,
      hostname: `${name}-${text}`,
      containers: containers.map(withIndexVariable),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(withIndexVariable) }),
    },
  };
}

function withIndexVariable(container: Container): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === "JOB_COMPLETION_INDEX")) return container;
  const fieldPath = `metadata.labels['${completionIndexName}']`;
  return {
    ...container,
    env: [...env, { name: "JOB_COMPLETION_INDEX", valueFrom: { fieldRef: { fieldPath } } }],
  };
}

/** Of an Indexed job first those that no index needs: without one, past the last, a second one of the same. */
function podsForRemoval(job: Job, active: readonly Pod[], atLeast: number, nowMs: number): Pod[] {
  if (!isIndexed(job)) return podsToDelete(active, [], atLeast, nowMs);
  const byIndex = new Map<number, Pod[]>();
  const removed: Pod[] = [];
  for (const pod of active) {
    const index = completionIndexOf(pod);
    if (index === undefined || index >= (job.spec.completions ?? 0)) removed.push(pod);
    else byIndex.set(index, [...(byIndex.get(index) ?? []), pod]);
  }
  for (const [index, pods] of byIndex) {
    const repeated = podsToDelete(pods, [], pods.length - 1, nowMs);
    removed.push(...repeated);
    byIndex.set(
      index,
      pods.filter((pod) => !repeated.includes(pod)),
    );
  }
  const left = [...byIndex.values()].flat();
  return [...removed, ...podsToDelete(left, [], Math.max(0, atLeast - removed.length), nowMs)];
}

/** Lets a pod go: it has been counted, or does not count. */
export function releasePod(pod: Pod): Intent[] {
  if (!isTracked(pod)) return [];
  const metadata = { "$deleteFromPrimitiveList/finalizers": [trackingFinalizer] };
  return [patch(podsType, pod, { type: "strategic", patch: { metadata } }, { ignore: ["NotFound"] })];
}
