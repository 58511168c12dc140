/**
 * What may be reported of a job (KEP-4368): whoever manages it, its clients can rely on how it ends. Of the rules that
 * came later than the kind itself only those are asked that a change touches, so that old objects can still be written.
 */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import { isJobConditionTrue, isJobFinished, type JobConditionType } from "./job-conditions.ts";
import { countIndexes } from "./job-policy-validation.ts";
import type { Job, JobStatus } from "./types.generated.ts";

type Errors = readonly FieldError[];

const path = "status.conditions";

export function validateJobStatusUpdate(job: Job, old: Job): Errors {
  return [
    ...countErrors(job.status ?? {}),
    ...uncountedErrors(job.status?.uncountedTerminatedPods),
    ...conditionErrors(job, old),
    ...timeErrors(job, old),
    ...finishedErrors(job, old),
    ...indexErrors(job, old),
    ...transitionErrors(job, old),
  ];
}

function countErrors(status: JobStatus): Errors {
  const names = ["active", "succeeded", "failed", "ready", "terminating"] as const;
  return names.flatMap((name) => field.nonNegative(`status.${name}`, status[name]));
}

function uncountedErrors(uncounted: JobStatus["uncountedTerminatedPods"]): Errors {
  const seen = new Set<string>();
  return (["succeeded", "failed"] as const).flatMap((name) =>
    field.each(`status.uncountedTerminatedPods.${name}`, uncounted?.[name], (uid, at) => {
      if (uid === "") return [field.invalid(at, uid, "must not be empty")];
      if (seen.has(uid)) return [field.duplicate(at, uid)];
      seen.add(uid);
      return [];
    }),
  );
}

function conditionErrors(job: Job, old: Job): Errors {
  const is = (type: JobConditionType) => isJobConditionTrue(job, type);
  const turned = (type: JobConditionType) => is(type) !== isJobConditionTrue(old, type);
  const rules: readonly (readonly [boolean, string])[] = [
    [
      (turned("Complete") || turned("Failed")) && is("Complete") && is("Failed"),
      "cannot set Complete=True and Failed=true conditions",
    ],
    [
      (turned("Complete") || turned("FailureTarget")) && is("Complete") && is("FailureTarget"),
      "cannot set Complete=True and FailureTarget=true conditions",
    ],
    [
      turned("Failed") && is("Failed") && !is("FailureTarget"),
      "cannot set Failed=True condition without the FailureTarget=true condition",
    ],
    [
      turned("Complete") && is("Complete") && !is("SuccessCriteriaMet"),
      "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
    ],
    [
      is("SuccessCriteriaMet") && is("Failed"),
      "cannot set SuccessCriteriaMet=True and Failed=true conditions",
    ],
    [
      is("SuccessCriteriaMet") && is("FailureTarget"),
      "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
    ],
  ];
  return rules.flatMap(([isBroken, detail]) => (isBroken ? [field.invalidState(path, detail)] : []));
}

function timeErrors(job: Job, old: Job): Errors {
  const { startTime, completionTime } = job.status ?? {};
  const isComplete = isJobConditionTrue(job, "Complete");
  const completionChanged = completionTime !== old.status?.completionTime;
  const startChanged = startTime !== old.status?.startTime;
  const at = "status.completionTime";
  const errors: FieldError[] = [];
  if (completionChanged || isComplete !== isJobConditionTrue(old, "Complete")) {
    if (completionTime !== undefined && !isComplete) {
      const detail = "cannot set completionTime when there is no Complete=True condition";
      errors.push(field.invalid(at, completionTime, detail));
    }
    if (completionTime === undefined && isComplete)
      errors.push(field.required(at, "completionTime is required for Complete jobs"));
  }
  const isBackwards =
    startTime !== undefined &&
    completionTime !== undefined &&
    Date.parse(completionTime) < Date.parse(startTime);
  if ((startChanged || completionChanged) && isBackwards)
    errors.push(field.invalid(at, completionTime, "completionTime cannot be set before startTime"));
  if (completionChanged && completionTime !== undefined && old.status?.completionTime !== undefined)
    errors.push(field.invalid(at, completionTime, "completionTime cannot be mutated"));
  if (startChanged && old.status?.startTime !== undefined && job.spec.suspend !== true)
    errors.push(field.required("status.startTime", "startTime cannot be removed for unsuspended job"));
  return errors;
}

/** Nothing is left to do, or to count, for a job that is over. */
function finishedErrors(job: Job, old: Job): Errors {
  const { active = 0, ready = 0, terminating = 0, startTime, uncountedTerminatedPods } = job.status ?? {};
  const errors: FieldError[] = [];
  const changed = (name: keyof JobStatus) => !field.semanticEqual(job.status?.[name], old.status?.[name]);
  if ((changed("ready") || changed("active")) && ready > active)
    errors.push(field.invalid("status.ready", ready, "cannot set more ready pods than active"));
  if (!isJobFinished(job)) return errors;
  const turned = !isJobFinished(old);
  if ((turned || changed("active")) && active > 0)
    errors.push(field.invalid("status.active", active, "active>0 is invalid for finished job"));
  if ((turned || changed("terminating")) && terminating > 0)
    errors.push(
      field.invalid("status.terminating", terminating, "terminating>0 is invalid for finished job"),
    );
  const neverStarts = job.spec.suspend === true && job.spec.completions === 0;
  if ((turned || changed("startTime")) && startTime === undefined && !neverStarts)
    errors.push(field.required("status.startTime", "startTime is required for finished job"));
  const { succeeded = [], failed = [] } = uncountedTerminatedPods ?? {};
  if ((turned || changed("uncountedTerminatedPods")) && succeeded.length + failed.length > 0)
    errors.push(
      field.invalid(
        "status.uncountedTerminatedPods",
        inGoForm("UncountedTerminatedPods", uncountedTerminatedPods),
        "uncountedTerminatedPods needs to be empty for finished job",
      ),
    );
  return errors;
}

function indexErrors(job: Job, old: Job): Errors {
  const { completions, completionMode, backoffLimitPerIndex } = job.spec;
  const { completedIndexes = "", failedIndexes } = job.status ?? {};
  const errors: FieldError[] = [];
  const parse = (name: string, text: string) => {
    const problem = text === "" || completions === undefined ? 0 : countIndexes(text, completions);
    if (typeof problem === "string")
      errors.push(field.invalid(`status.${name}`, text, `error parsing ${name}: ${problem}`));
  };
  if (completedIndexes !== (old.status?.completedIndexes ?? "")) {
    parse("completedIndexes", completedIndexes);
    if (completedIndexes !== "" && completionMode !== "Indexed") {
      const detail = "cannot set non-empty completedIndexes when non-indexed completion mode";
      errors.push(field.invalid("status.completedIndexes", completedIndexes, detail));
    }
  }
  if (failedIndexes === undefined || failedIndexes === old.status?.failedIndexes) return errors;
  if (backoffLimitPerIndex === undefined) {
    const detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
    errors.push(field.invalid("status.failedIndexes", failedIndexes, detail));
  } else parse("failedIndexes", failedIndexes);
  return errors;
}

/** What was said once and for all stays said. */
function transitionErrors(job: Job, old: Job): Errors {
  const { failed = 0, succeeded = 0 } = job.status ?? {};
  const errors: FieldError[] = [];
  for (const type of ["Failed", "Complete", "FailureTarget"] as const)
    if (isJobConditionTrue(old, type) && !isJobConditionTrue(job, type))
      errors.push(field.invalidState(path, `cannot disable the terminal ${type}=True condition`));
  if (failed < (old.status?.failed ?? 0))
    errors.push(field.invalid("status.failed", failed, "cannot decrease the failed counter"));
  // An indexed job that is made smaller forgets the indexes it has no more.
  const isElastic = job.spec.completionMode === "Indexed" && job.spec.completions === job.spec.parallelism;
  if (!isElastic && succeeded < (old.status?.succeeded ?? 0))
    errors.push(field.invalid("status.succeeded", succeeded, "cannot decrease the succeeded counter"));
  const [was, is] = [old, job].map((each) => isJobConditionTrue(each, "SuccessCriteriaMet"));
  if (was === true && is === false)
    errors.push(field.invalidState(path, "cannot disable the SuccessCriteriaMet=True condition"));
  if (isJobConditionTrue(old, "Complete") && was === false && is === true)
    errors.push(
      field.invalidState(
        path,
        "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
      ),
    );
  return errors;
}
