import { workloadWarnings } from "../core/pod-warnings.ts";
import type { Strategy } from "../definition.ts";
import { validateCronJob, validateCronJobUpdate } from "./cron-job-validation.ts";
import { defaultCronJob } from "./job-defaults.ts";
import type { CronJob } from "./types.generated.ts";

export const cronJobStrategy: Strategy<CronJob> = {
  defaults: defaultCronJob,
  warnings: (object, old) =>
    workloadWarnings("spec.jobTemplate.spec.template", object.spec.jobTemplate.spec.template, object, old),
  prepareForCreate: (cronJob) => ({ ...cronJob, status: {} }),
  validate: validateCronJob,
  validateUpdate: validateCronJobUpdate,
};
