import { showLabelSelector } from "../../apimachinery/labels.ts";
import { ageColumn, nameColumn, stringColumn, templateColumns, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column, ColumnContext } from "../definition.ts";
import { humanDuration } from "../human-duration.ts";
import { jobs } from "../resources.generated.ts";
import { isJobConditionTrue } from "./job-conditions.ts";
import { jobStrategy } from "./job-strategy.ts";
import type { Job } from "./types.generated.ts";

function state(job: Job): string {
  if (isJobConditionTrue(job, "Complete")) return "Complete";
  if (isJobConditionTrue(job, "Failed")) return "Failed";
  if (job.metadata.deletionTimestamp !== undefined) return "Terminating";
  const stage = (["Suspended", "FailureTarget", "SuccessCriteriaMet"] as const).find((type) =>
    isJobConditionTrue(job, type),
  );
  return stage ?? "Running";
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration({ status }: Job, { nowMs }: ColumnContext): string {
  if (status?.startTime === undefined) return "";
  const endMs = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime);
  return humanDuration(endMs - Date.parse(status.startTime));
}

const columns: readonly Column<Job>[] = [
  nameColumn,
  stringColumn("Status", "How far the job is.", state),
  stringColumn("Completions", "Pods that succeeded, of those wanted.", completions),
  stringColumn("Duration", "How long it took, or takes.", duration),
  ageColumn,
  ...templateColumns<Job>(({ spec }) => spec.template?.spec?.containers ?? []),
  wide(stringColumn("Selector", "Labels of its pods.", ({ spec }) => showLabelSelector(spec.selector))),
];

export const jobDefinition = defineResource(jobs, {
  categories: ["all"],
  hasStatus: true,
  columns,
  strategy: jobStrategy,
  selectableFields: { "status.successful": ({ status }) => String(status?.succeeded ?? 0) },
});
