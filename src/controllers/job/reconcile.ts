import type { Job, JobCondition, JobStatus } from "../../api/batch/types.generated.ts";
import { isPodReady } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { jobs, pods as podsType } from "../../api/resources.generated.ts";
import { rfc3339 } from "../../base/clock.ts";
import { hasCondition, omitEmpty } from "../framework/conditions.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { event, type Intent, requeueAfter, updateStatus } from "../framework/intent.ts";
import { claim } from "../framework/ownership.ts";
import type { Selection } from "../framework/selection.ts";
import { deletePod } from "../pods/pod-control.ts";
import { type Accounts, accountsOf, type Tracking, track, trackingFinalizer } from "./accounting.ts";
import type { FailureRecord } from "./backoff.ts";
import {
  deadlineInMs,
  ensureCondition,
  interimType,
  isJobFinished,
  jobCondition,
  type Outcome,
  outcomeOf,
} from "./outcome.ts";
import { type PodPlan, planPods, releasePod } from "./pods.ts";

export interface JobSnapshot {
  /** Undefined where it is gone: its pods are only let go. */
  readonly job: Job | undefined;
  readonly selects: Selection;
  /** Those it manages, and the orphans of its namespace. */
  readonly candidates: readonly Pod[];
  readonly canAdopt: boolean;
  readonly failures: FailureRecord;
}

/** Decides what one Job needs. */
export function reconcileJob(snapshot: JobSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { job, candidates, selects, canAdopt } = snapshot;
  if (job === undefined || isJobFinished(job)) return candidates.flatMap(releasePod);
  const { claimed, intents: claims } = claim(job, candidates, {
    type: podsType,
    matches: selects,
    finalizers: [trackingFinalizer],
    canAdopt,
  });
  const accounts = accountsOf(job, claimed);
  const outcome = outcomeOf(job, accounts, nowMs);
  return [...claims, ...proceed(job, accounts, outcome, snapshot.failures, nowMs)];
}

function proceed(
  job: Job,
  accounts: Accounts,
  outcome: Outcome | undefined,
  failures: FailureRecord,
  nowMs: number,
): Intent[] {
  const isStopped = outcome !== undefined && accounts.active.length > 0;
  const isOver = outcome === undefined || isStopped ? false : outcome.kind === "Failed" ? "failed" : "met";
  const tracking = track(job, accounts, isOver);
  const draft: Draft = { job, accounts, tracking, nowMs };
  if (outcome !== undefined) return finish(draft, outcome, isStopped);
  // First all that finished is on record, then new pods are started: a lost write can then not lose a count.
  if (tracking.release.length > 0) {
    return [writeStatus(draft, {}), ...tracking.release.flatMap(releasePod)];
  }
  return run(draft, failures);
}

interface Draft {
  readonly job: Job;
  readonly accounts: Accounts;
  readonly tracking: Tracking;
  readonly nowMs: number;
}

/** The outcome is known: stop what runs, count it, and say so once the last pod is gone. */
function finish(draft: Draft, outcome: Outcome, isStopped: boolean): Intent[] {
  const { job, accounts, tracking, nowMs } = draft;
  const stops = isStopped ? accounts.active.map((pod) => deletePod(job, pod)) : [];
  const interim = jobCondition(interimType[outcome.kind], "True", outcome, nowMs);
  const conditions = ensureCondition(job.status?.conditions ?? [], interim);
  const { succeeded = [], failed = [] } = tracking.status.uncountedTerminatedPods ?? {};
  const isInterimKnown = hasCondition(job.status?.conditions, interim.type);
  const isCounted = succeeded.length + failed.length + tracking.release.length === 0;
  const isDone = isInterimKnown && isCounted && stops.length === 0 && accounts.terminating === 0;
  if (!isDone) {
    const stopped = isStopped ? accounts.active : [];
    return [
      writeStatus(draft, { conditions }, { deleted: stopped }),
      ...stops,
      ...tracking.release.flatMap(releasePod),
    ];
  }
  const last = jobCondition(outcome.kind, "True", outcome, nowMs);
  const completion = outcome.kind === "Complete" ? { completionTime: rfc3339(nowMs) } : {};
  return [
    writeStatus(draft, { conditions: ensureCondition(conditions, last), ...completion }),
    ...finalEvents(job, tracking, outcome),
  ];
}

function finalEvents(job: Job, { status }: Tracking, { kind, reason, message }: Outcome): Intent[] {
  if (kind === "Failed") return [event(job, "Warning", reason, message)];
  const { completions } = job.spec;
  const tooMany = "Too many succeeded pods running after completion count reached";
  return [
    ...(completions !== undefined && (status.succeeded ?? 0) > completions
      ? [event(job, "Warning", "TooManySucceededPods", tooMany)]
      : []),
    event(job, "Normal", "Completed", "Job completed"),
  ];
}

const completionsReached: Outcome = {
  kind: "Complete",
  reason: "CompletionsReached",
  message: "Reached expected number of succeeded pods",
};

/** The job goes on: the right number of pods, and whether that makes it complete. */
function run(draft: Draft, failures: FailureRecord): Intent[] {
  const { job, accounts, nowMs } = draft;
  const isDeleted = job.metadata.deletionTimestamp !== undefined;
  const plan: PodPlan = isDeleted
    ? { intents: [], created: 0, deleted: [] }
    : planPods(job, accounts, failures, nowMs);
  if (isCompleteWith(job, accounts, plan)) {
    return finish(draft, completionsReached, false);
  }
  const suspension = isDeleted ? undefined : suspensionOf(job, nowMs);
  const startTime = suspension?.startTime ?? startTimeOf(job, nowMs);
  const leftMs = deadlineInMs(job, nowMs);
  const conditions = suspension?.conditions ?? job.status?.conditions ?? [];
  return [
    ...plan.intents,
    writeStatus(draft, { conditions, ...(startTime === undefined ? {} : { startTime }) }, plan),
    ...(suspension === undefined ? [] : [event(job, "Normal", suspension.reason, suspension.message)]),
    ...(leftMs === undefined ? [] : [requeueAfter(leftMs)]),
  ];
}

function isCompleteWith({ spec }: Job, { active, succeeded }: Accounts, plan: PodPlan): boolean {
  if (active.length - plan.deleted.length + plan.created > 0) return false;
  return spec.completions === undefined ? succeeded > 0 : succeeded >= spec.completions;
}

function startTimeOf({ spec, status }: Job, nowMs: number): string | undefined {
  return status?.startTime ?? (spec.suspend === true ? undefined : rfc3339(nowMs));
}

interface Suspension {
  readonly conditions: readonly JobCondition[];
  readonly reason: string;
  readonly message: string;
  readonly startTime?: string;
}

/** The change from running to suspended or back; undefined where there is none. */
function suspensionOf({ spec, status }: Job, nowMs: number): Suspension | undefined {
  const before = status?.conditions ?? [];
  const isSuspended = spec.suspend === true;
  const reason = isSuspended ? "Suspended" : "Resumed";
  const message = isSuspended ? "Job suspended" : "Job resumed";
  const wanted = jobCondition(
    "Suspended",
    isSuspended ? "True" : "False",
    { reason: `Job${reason}`, message },
    nowMs,
  );
  const conditions = ensureCondition(before, wanted);
  if (conditions === before) return undefined;
  // A deadline counts from the resumption.
  return { conditions, reason, message, ...(isSuspended ? {} : { startTime: rfc3339(nowMs) }) };
}

const keptWhenZero = ["ready", "terminating", "uncountedTerminatedPods"] as const;

function writeStatus(
  { job, accounts, tracking, nowMs }: Draft,
  changed: Partial<JobStatus>,
  plan: { readonly created?: number; readonly deleted?: readonly Pod[] } = {},
): Intent {
  const { created = 0, deleted = [] } = plan;
  const startTime = startTimeOf(job, nowMs);
  const counted = (createdPods: number) =>
    omitEmpty<JobStatus>(
      {
        ...job.status,
        ...(startTime === undefined ? {} : { startTime }),
        ...tracking.status,
        active: accounts.active.length - deleted.length + createdPods,
        ready: accounts.ready - deleted.filter(isPodReady).length,
        terminating: accounts.terminating + deleted.length,
        ...changed,
      },
      [...keptWhenZero, ...(tracking.status.failedIndexes === undefined ? [] : (["failedIndexes"] as const))],
    );
  return updateStatus(jobs, job, counted(created), { whenFailed: () => counted(0) });
}
