/** Cron jobs (upstream's `pkg/apis/batch/validation`). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { CronSyntaxError, parseCronSchedule } from "./cron-schedule.ts";
import { validateShared } from "./job-validation.ts";
import type { CronJob } from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxCronJobNameBytes = 52;

export function validateCronJob(cronJob: CronJob): Errors {
  const name = cronJob.metadata.name ?? "";
  // The jobs it makes have names with eleven characters more.
  const tooLong = byteLength(name) > maxCronJobNameBytes;
  return [
    ...validateCronSpec(cronJob),
    ...(tooLong
      ? [field.invalid("metadata.name", name, `must be no more than ${maxCronJobNameBytes} characters`)]
      : []),
  ];
}

export function validateCronJobUpdate(cronJob: CronJob, old: CronJob): Errors {
  return validateCronSpec(cronJob, old);
}

function validateCronSpec({ spec }: CronJob, old?: CronJob): Errors {
  const { schedule = "", timeZone, jobTemplate } = spec;
  const template = field.child("spec", "jobTemplate", "spec");
  return [
    ...(schedule === ""
      ? [field.required("spec.schedule")]
      : scheduleErrors(schedule, timeZone, old?.spec.schedule)),
    ...field.nonNegative("spec.startingDeadlineSeconds", spec.startingDeadlineSeconds),
    ...(timeZone === undefined || timeZone === old?.spec.timeZone
      ? []
      : timeZoneErrors("spec.timeZone", timeZone)),
    ...field.oneOf("spec.concurrencyPolicy", spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"], {
      required: true,
    }),
    ...validateShared(template, jobTemplate.spec),
    ...(jobTemplate.spec.selector === undefined
      ? []
      : [
          field.invalid(
            field.child(template, "selector"),
            jobTemplate.spec.selector,
            "`selector` will be auto-generated",
          ),
        ]),
    ...(jobTemplate.spec.manualSelector === true
      ? [field.notSupported(field.child(template, "manualSelector"), true, ["nil", "false"])]
      : []),
    ...field.nonNegative("spec.successfulJobsHistoryLimit", spec.successfulJobsHistoryLimit),
    ...field.nonNegative("spec.failedJobsHistoryLimit", spec.failedJobsHistoryLimit),
  ];
}

function scheduleErrors(schedule: string, timeZone: string | undefined, before = ""): Errors {
  const path = "spec.schedule";
  if (!schedule.includes("TZ")) return syntaxErrors(path, schedule);
  // What stands in the schedule since before there was a field for it may stay there.
  if (!before.includes("TZ"))
    return [
      field.invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
    ];
  return timeZone === undefined
    ? []
    : [field.invalid(path, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule")];
}

function syntaxErrors(path: string, schedule: string): Errors {
  try {
    parseCronSchedule(schedule);
    return [];
  } catch (error) {
    if (error instanceof CronSyntaxError) return [field.invalid(path, schedule, error.message)];
    throw error;
  }
}

function timeZoneErrors(path: string, timeZone: string): Errors {
  if (timeZone === "") return [field.invalid(path, timeZone, "timeZone must be nil or non-empty string")];
  if (timeZone.toLowerCase() === "local")
    return [
      field.invalid(
        path,
        timeZone,
        "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
      ),
    ];
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return [];
  } catch {
    return [field.invalid(path, timeZone, `unknown time zone ${timeZone}`)];
  }
}
