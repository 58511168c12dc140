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

export function validateCronJobUpdate(cronJob: CronJob): Errors {
  return validateCronSpec(cronJob);
}

function validateCronSpec({ spec }: CronJob): Errors {
  const { schedule = "", timeZone, jobTemplate } = spec;
  const template = field.child("spec", "jobTemplate", "spec");
  return [
    ...(schedule === "" ? [field.required("spec.schedule")] : scheduleErrors("spec.schedule", schedule)),
    ...(timeZone === undefined ? [] : timeZoneErrors("spec.timeZone", timeZone)),
    ...field.nonNegative("spec.startingDeadlineSeconds", spec.startingDeadlineSeconds),
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

function scheduleErrors(path: string, schedule: string): Errors {
  if (schedule.includes("TZ"))
    return [
      field.invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
    ];
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
