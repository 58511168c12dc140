import type { CronJob, CronJobStatus, Job } from "../../api/batch/types.generated.ts";
import type { ObjectReference } from "../../api/core/types.generated.ts";
import { cronJobs, jobs as jobsType } from "../../api/resources.generated.ts";
import { rfc3339 } from "../../base/clock.ts";
import { hasCondition } from "../framework/conditions.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { create, event, type Intent, remove, requeueAfter, updateStatus } from "../framework/intent.ts";
import { isNamespaceTerminating } from "../framework/namespace-terminating.ts";
import { controllerReference } from "../framework/ownership.ts";
import { parseSchedule, type Schedule, ScheduleError } from "./schedule.ts";

export interface CronJobSnapshot {
  readonly cronJob: CronJob;
  /** Those it made. */
  readonly jobs: readonly Job[];
}

/** Of a job: the time that its schedule named. */
export const scheduledTimeAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/** A little after the moment itself, so that it has come whatever the rounding. */
const lateByMs = 100;

/** Past so many missed runs something is wrong with the clock or the schedule, and it is said. */
const tooManyMissed = 100;

/** Decides what one CronJob needs. */
export function reconcileCronJob({ cronJob, jobs }: CronJobSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const cleaning = cleanUp(cronJob, jobs);
  const history = noteFinished(cronJob, jobs);
  const status = statusOf(cronJob, jobs);
  const settle = (more: readonly Intent[] = []) => [
    ...cleaning,
    ...history,
    ...more,
    updateStatus(cronJobs, cronJob, status),
  ];
  const { schedule: text, timeZone, suspend } = cronJob.spec;
  if (cronJob.metadata.deletionTimestamp !== undefined || suspend === true) return settle();
  const schedule = readSchedule(text, timeZone);
  if ("reason" in schedule) return settle([event(cronJob, "Warning", schedule.reason, schedule.message)]);

  const nextMs = schedule.next(nowMs);
  const again = nextMs === undefined ? [] : [requeueAfter(nextMs - nowMs + lateByMs)];
  const due = dueTime(cronJob, schedule, nowMs);
  if (due === undefined) return [...settle(), ...again];
  const run = start(cronJob, jobs, due, nowMs);
  if (!run.starts) return [...settle([...due.events, ...run.intents]), ...again];
  const started = { ...status, active: run.keptActive, lastScheduleTime: rfc3339(due.atMs) };
  return [
    ...cleaning,
    ...history,
    ...due.events,
    ...run.intents,
    updateStatus(cronJobs, cronJob, started, { whenFailed: () => status }),
    ...again,
  ];
}

function readSchedule(
  text: string,
  timeZone: string | undefined,
): Schedule | { reason: string; message: string } {
  try {
    return parseSchedule(text, timeZone);
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    return error.message.startsWith("unknown time zone")
      ? { reason: "UnknownTimeZone", message: `invalid timeZone: "${timeZone}": ${error.message}` }
      : { reason: "UnparseableSchedule", message: `unparseable schedule: "${text}" : ${error.message}` };
  }
}

interface Due {
  readonly atMs: number;
  readonly events: readonly Intent[];
}

/** The last time the schedule named since the last run, if there is one that has not been dealt with. */
function dueTime(cronJob: CronJob, schedule: Schedule, nowMs: number): Due | undefined {
  const { creationTimestamp } = cronJob.metadata;
  const { startingDeadlineSeconds } = cronJob.spec;
  const lastRun = cronJob.status?.lastScheduleTime ?? creationTimestamp ?? rfc3339(nowMs);
  const fromDeadlineMs =
    startingDeadlineSeconds === undefined ? Number.NEGATIVE_INFINITY : nowMs - startingDeadlineSeconds * 1000;
  const earliestMs = Math.max(Date.parse(lastRun), fromDeadlineMs);
  const firstMs = schedule.next(earliestMs);
  if (firstMs === undefined || firstMs > nowMs) return undefined;
  const secondMs = schedule.next(firstMs) ?? Number.POSITIVE_INFINITY;
  if (secondMs > nowMs) return { atMs: firstMs, events: [] };
  const periodMs = Math.max(1000, secondMs - firstMs);
  const missed = Math.floor((nowMs - firstMs) / periodMs) + 1;
  // Near the end at once: after a long stop there may be a million times in between.
  let atMs = Math.max(firstMs, firstMs + (Math.floor((nowMs - firstMs) / periodMs) - 1) * periodMs - 1);
  for (let next = schedule.next(atMs); next !== undefined && next <= nowMs; next = schedule.next(next))
    atMs = next;
  const message =
    "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
  return {
    atMs,
    events: missed > tooManyMissed ? [event(cronJob, "Warning", "TooManyMissedTimes", message)] : [],
  };
}

interface Run {
  readonly starts: boolean;
  readonly intents: readonly Intent[];
  /** What stays in the list of active jobs. */
  readonly keptActive: readonly ObjectReference[];
}

function start(cronJob: CronJob, jobs: readonly Job[], due: Due, nowMs: number): Run {
  const { startingDeadlineSeconds, concurrencyPolicy } = cronJob.spec;
  const active = jobs.filter(isActive);
  const isTooLate =
    startingDeadlineSeconds !== undefined && due.atMs + startingDeadlineSeconds * 1000 < nowMs;
  if (isTooLate) {
    const message = `Missed scheduled time to start a job: ${new Date(due.atMs).toUTCString()}`;
    return { starts: false, intents: [event(cronJob, "Warning", "MissSchedule", message)], keptActive: [] };
  }
  const name = jobName(cronJob, due.atMs);
  if (jobs.some(({ metadata }) => metadata.name === name))
    return { starts: false, intents: [], keptActive: [] };
  if (concurrencyPolicy === "Forbid" && active.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    return {
      starts: false,
      intents: [event(cronJob, "Normal", "JobAlreadyActive", message)],
      keptActive: [],
    };
  }
  const isReplacing = concurrencyPolicy === "Replace";
  const replaced = isReplacing ? active.map((job) => deleteJob(cronJob, job)) : [];
  return {
    starts: true,
    intents: [...replaced, createJob(cronJob, name, due.atMs)],
    keptActive: isReplacing ? [] : active.map(referenceTo),
  };
}

/** One name for each time: whoever comes second finds the job there. */
function jobName(cronJob: CronJob, atMs: number): string {
  return `${cronJob.metadata.name}-${Math.floor(atMs / 60_000)}`;
}

function createJob(cronJob: CronJob, name: string, atMs: number): Intent {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  const { namespace } = cronJob.metadata;
  const job: Job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
      annotations: { ...metadata?.annotations, [scheduledTimeAnnotation]: rfc3339(atMs) },
      ownerReferences: [controllerReference(cronJob)],
    },
    spec,
  };
  return create(jobsType, job, {
    ignore: ["AlreadyExists"],
    report: {
      regarding: cronJob,
      succeeded: (made) => ({
        type: "Normal",
        reason: "SuccessfulCreate",
        message: `Created job ${made?.metadata.name}`,
      }),
      failed: (error) =>
        isNamespaceTerminating(error)
          ? undefined
          : { type: "Warning", reason: "FailedCreate", message: `Error creating job: ${error.message}` },
    },
  });
}

function deleteJob(cronJob: CronJob, job: Job): Intent {
  const { name } = job.metadata;
  return remove(jobsType, job, {
    options: { propagationPolicy: "Background" },
    report: {
      regarding: cronJob,
      succeeded: () => ({ type: "Normal", reason: "SuccessfulDelete", message: `Deleted job ${name}` }),
      failed: (error) => ({
        type: "Warning",
        reason: "FailedDelete",
        message: `Deleted job: ${error.message}`,
      }),
    },
  });
}

function isSucceeded({ status }: Job): boolean {
  return hasCondition(status?.conditions, "Complete");
}

function isFailed({ status }: Job): boolean {
  return hasCondition(status?.conditions, "Failed");
}

function isActive(job: Job): boolean {
  return !isSucceeded(job) && !isFailed(job) && job.metadata.deletionTimestamp === undefined;
}

function referenceTo({ apiVersion, kind, metadata }: Job): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    apiVersion,
    kind,
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

/** Says which active jobs came to their end, or went missing, since the last look. */
function noteFinished(cronJob: CronJob, jobs: readonly Job[]): Intent[] {
  return (cronJob.status?.active ?? []).flatMap(({ uid, name }) => {
    const job = jobs.find(({ metadata }) => metadata.uid === uid);
    if (job === undefined)
      return [event(cronJob, "Normal", "MissingJob", `Active job went missing: ${name}`)];
    if (!isSucceeded(job) && !isFailed(job)) return [];
    const condition = isSucceeded(job) ? "Complete" : "Failed";
    return [
      event(cronJob, "Normal", "SawCompletedJob", `Saw completed job: ${name}, condition: ${condition}`),
    ];
  });
}

function statusOf({ status }: CronJob, jobs: readonly Job[]): CronJobStatus {
  const known = new Map((status?.active ?? []).map((reference) => [reference.uid, reference]));
  // A reference keeps the version it was made with: the list changes only when the jobs do.
  const active = jobs.filter(isActive).map((job) => known.get(job.metadata.uid ?? "") ?? referenceTo(job));
  const completions = jobs.filter(isSucceeded).map((job) => job.status?.completionTime ?? "");
  const lastSuccessfulTime = [...completions, status?.lastSuccessfulTime ?? ""].sort().at(-1);
  const { active: _, ...rest } = status ?? {};
  return {
    ...rest,
    ...(active.length === 0 ? {} : { active }),
    ...(lastSuccessfulTime ? { lastSuccessfulTime } : {}),
  };
}

/** Deletes the oldest finished jobs past the limits. */
function cleanUp(cronJob: CronJob, jobs: readonly Job[]): Intent[] {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec;
  const surplus = (finished: readonly Job[], limit: number | undefined) =>
    limit === undefined ? [] : finished.toSorted(byStart).slice(0, Math.max(0, finished.length - limit));
  return [
    ...surplus(jobs.filter(isSucceeded), successfulJobsHistoryLimit),
    ...surplus(jobs.filter(isFailed), failedJobsHistoryLimit),
  ]
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((job) => deleteJob(cronJob, job));
}

function byStart(left: Job, right: Job): number {
  const at = ({ status, metadata }: Job) => [status?.startTime ?? "", metadata.name ?? ""].join(" ");
  return at(left) < at(right) ? -1 : 1;
}
