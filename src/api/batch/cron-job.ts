import { showLabelSelector } from "../../apimachinery/labels.ts";
import {
  ageColumn,
  booleanColumn,
  integerColumn,
  nameColumn,
  stringColumn,
  templateColumns,
  wide,
} from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column } from "../definition.ts";
import { humanAge } from "../human-duration.ts";
import { cronJobs } from "../resources.generated.ts";
import { cronJobStrategy } from "./cron-job-strategy.ts";
import type { CronJob } from "./types.generated.ts";

const columns: readonly Column<CronJob>[] = [
  nameColumn,
  stringColumn("Schedule", "When it runs, in cron's form.", ({ spec }) => spec.schedule ?? ""),
  stringColumn("Timezone", "The zone of the schedule.", ({ spec }) => spec.timeZone ?? "<none>"),
  booleanColumn("Suspend", "Whether it is paused.", ({ spec }) =>
    spec.suspend === undefined ? "<unset>" : spec.suspend ? "True" : "False",
  ),
  integerColumn("Active", "Jobs that run.", ({ status }) => (status?.active ?? []).length),
  stringColumn("Last Schedule", "Time since it ran last.", ({ status }, { nowMs }) =>
    status?.lastScheduleTime === undefined ? "<none>" : humanAge(status.lastScheduleTime, nowMs),
  ),
  ageColumn,
  ...templateColumns<CronJob>(({ spec }) => spec.jobTemplate?.spec?.template?.spec?.containers ?? []),
  wide(
    stringColumn("Selector", "Labels of its pods.", ({ spec }) =>
      showLabelSelector(spec.jobTemplate?.spec?.selector),
    ),
  ),
];

export const cronJobDefinition = defineResource(cronJobs, {
  shortNames: ["cj"],
  categories: ["all"],
  hasStatus: true,
  columns,
  strategy: cronJobStrategy,
});
