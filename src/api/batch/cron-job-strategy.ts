import { workloadWarnings } from "../core/pod-warnings.ts";
import type { Strategy } from "../definition.ts";
import { validateCronJob, validateCronJobUpdate } from "./cron-job-validation.ts";
import { defaultCronJob } from "./job-defaults.ts";
import { manyIndexesWarnings } from "./job-strategy.ts";
import type { CronJob } from "./types.generated.ts";

/** The path is upstream's. */
const zoneInSchedule =
  "CRON_TZ or TZ used in spec.spec.schedule is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";

export const cronJobStrategy: Strategy<CronJob> = {
  defaults: defaultCronJob,
  warnings: (object, old) => [
    ...manyIndexesWarnings("spec.jobTemplate.spec", object.spec.jobTemplate.spec, object, old),
    ...workloadWarnings("spec.jobTemplate.spec.template", object.spec.jobTemplate.spec.template, object, old),
    ...(old !== undefined && object.spec.schedule.includes("TZ") ? [zoneInSchedule] : []),
  ],
  prepareForCreate: (cronJob) => ({ ...cronJob, status: {} }),
  validate: validateCronJob,
  validateUpdate: validateCronJobUpdate,
};
