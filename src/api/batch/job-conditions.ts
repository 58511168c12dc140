import type { Job, JobCondition } from "./types.generated.ts";

export type JobConditionType = "Complete" | "Failed" | "Suspended" | "FailureTarget" | "SuccessCriteriaMet";

function jobCondition(job: Job, type: JobConditionType): JobCondition | undefined {
  return job.status?.conditions?.find((condition) => condition.type === type);
}

export function isJobConditionTrue(job: Job, type: JobConditionType): boolean {
  return jobCondition(job, type)?.status === "True";
}

/** Complete or failed: nothing more will happen. */
export function isJobFinished(job: Job): boolean {
  return isJobConditionTrue(job, "Complete") || isJobConditionTrue(job, "Failed");
}
