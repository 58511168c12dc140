import type { Job, JobCondition } from "../../api/batch/types.generated.ts";
import { rfc3339 } from "../../base/clock.ts";
import { conditionOf, hasCondition } from "../framework/conditions.ts";
import { type Accounts, isFailedFor, isIndexed } from "./accounting.ts";
import { judgeFailure, matchSuccessPolicy } from "./policies.ts";

/** How a job ends. */
export interface Outcome {
  readonly kind: "Complete" | "Failed";
  readonly reason: string;
  readonly message: string;
}

/** The condition that says how a job will end, while its pods are still on their way out. */
export const interimType = { Complete: "SuccessCriteriaMet", Failed: "FailureTarget" } as const;

export function isJobFinished(job: Job): boolean {
  return hasCondition(job.status?.conditions, "Complete") || hasCondition(job.status?.conditions, "Failed");
}

/** What the status says already; otherwise what policies, limits and deadlines say now. Undefined: the job goes on. */
export function outcomeOf(job: Job, accounts: Accounts, nowMs: number): Outcome | undefined {
  return settledOutcome(job) ?? policyOutcome(job, accounts, nowMs) ?? indexOutcome(job, accounts);
}

function settledOutcome({ status }: Job): Outcome | undefined {
  for (const kind of ["Complete", "Failed"] as const) {
    const condition = conditionOf(status?.conditions, interimType[kind]);
    if (condition?.status !== "True") continue;
    return { kind, reason: condition.reason ?? "", message: condition.message ?? "" };
  }
  return undefined;
}

function policyOutcome(job: Job, { pods, failed }: Accounts, nowMs: number): Outcome | undefined {
  for (const pod of pods) {
    const message = isFailedFor(job, pod) ? judgeFailure(job, pod).failsJob : undefined;
    if (message !== undefined) return { kind: "Failed", reason: "PodFailurePolicy", message };
  }
  if (failed > backoffLimitOf(job) || isPastRestartLimit(job, pods)) {
    return {
      kind: "Failed",
      reason: "BackoffLimitExceeded",
      message: "Job has reached the specified backoff limit",
    };
  }
  const leftMs = deadlineInMs(job, nowMs);
  if (leftMs !== undefined && leftMs <= 0) {
    return {
      kind: "Failed",
      reason: "DeadlineExceeded",
      message: "Job was active longer than specified deadline",
    };
  }
  return undefined;
}

function indexOutcome(job: Job, { failedIndexes, succeededIndexes }: Accounts): Outcome | undefined {
  if (!isIndexed(job)) return undefined;
  const { maxFailedIndexes, completions = 0 } = job.spec;
  if (maxFailedIndexes !== undefined && failedIndexes.size > maxFailedIndexes) {
    const message = "Job has exceeded the specified maximal number of failed indexes";
    return { kind: "Failed", reason: "MaxFailedIndexesExceeded", message };
  }
  if (failedIndexes.size > 0 && failedIndexes.size + succeededIndexes.size >= completions) {
    return { kind: "Failed", reason: "FailedIndexes", message: "Job has failed indexes" };
  }
  const met = matchSuccessPolicy(job, succeededIndexes);
  return met === undefined ? undefined : { kind: "Complete", reason: "SuccessPolicy", message: met };
}

function backoffLimitOf({ spec }: Job): number {
  // With a limit for each index there is none over all, unless one is given.
  return spec.backoffLimit ?? (spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1);
}

/** Where the kubelet restarts containers in place, its restarts count like failed pods. */
function isPastRestartLimit(job: Job, pods: Accounts["pods"]): boolean {
  if (job.spec.template.spec.restartPolicy !== "OnFailure") return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== "Running" && status?.phase !== "Pending") continue;
    for (const each of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
      restarts += each.restartCount;
    }
  }
  const limit = backoffLimitOf(job);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** How long the job may still run; undefined without a deadline, or while it does not run. */
export function deadlineInMs({ spec, status }: Job, nowMs: number): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || spec.suspend === true) return undefined;
  const startMs = status?.startTime === undefined ? nowMs : Date.parse(status.startTime);
  return startMs + spec.activeDeadlineSeconds * 1000 - nowMs;
}

/** A condition as new; `reason` and `message` may be empty and are then left out. */
export function jobCondition(
  type: string,
  status: "True" | "False",
  { reason, message }: { readonly reason: string; readonly message: string },
  nowMs: number,
): JobCondition {
  const at = rfc3339(nowMs);
  return {
    type,
    status,
    ...(reason === "" ? {} : { reason }),
    ...(message === "" ? {} : { message }),
    lastProbeTime: at,
    lastTransitionTime: at,
  };
}

/** The conditions with this one as it is to be; one that would only say "False" is not added. */
export function ensureCondition(
  conditions: readonly JobCondition[],
  wanted: JobCondition,
): readonly JobCondition[] {
  const current = conditionOf(conditions, wanted.type);
  if (current === undefined) return wanted.status === "False" ? conditions : [...conditions, wanted];
  const isSame =
    current.status === wanted.status &&
    (current.reason ?? "") === (wanted.reason ?? "") &&
    (current.message ?? "") === (wanted.message ?? "");
  return isSame ? conditions : conditions.map((each) => (each === current ? wanted : each));
}
