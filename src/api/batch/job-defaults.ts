/** What jobs have that their authors left out (upstream's SetDefaults functions of batch/v1). */
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import { fillAbsent, fillEmpty, mapField, mapItems } from "../fill.ts";
import type { CronJob, Job, JobSpec } from "./types.generated.ts";

const maxInt32 = 2_147_483_647;

export function defaultJob(job: Job): Job {
  const spec = defaultJobSpec(job.spec ?? {});
  const labels = spec.template.metadata?.labels;
  const isUnlabelled = Object.keys(job.metadata.labels ?? {}).length === 0;
  const metadata = labels !== undefined && isUnlabelled ? { ...job.metadata, labels } : job.metadata;
  const filled = fillAbsent(spec, {
    // Both absent is a job of one pod; completions alone absent is a queue of work.
    ...(spec.parallelism === undefined && spec.completions === undefined ? { completions: 1 } : {}),
    parallelism: 1,
    backoffLimit: spec.backoffLimitPerIndex === undefined ? 6 : maxInt32,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed",
    manualSelector: false,
  });
  return { ...job, metadata, spec: filled, status: job.status ?? {} };
}

/** What jobs and the templates of cron jobs share. */
function defaultJobSpec(given: Partial<JobSpec>): JobSpec {
  const spec = { ...given, template: defaultPodTemplate(given.template) };
  return mapField(spec, "podFailurePolicy", (policy) =>
    mapField(policy, "rules", (rules) =>
      mapItems(rules, (rule) =>
        mapField(rule, "onPodConditions", (patterns) =>
          mapItems(patterns, (pattern) => fillEmpty(pattern, { status: "True" })),
        ),
      ),
    ),
  );
}

export function defaultCronJob(cronJob: CronJob): CronJob {
  const given = cronJob.spec ?? {};
  const jobTemplate = { ...given.jobTemplate, spec: defaultJobSpec(given.jobTemplate?.spec ?? {}) };
  const spec = fillAbsent(
    { ...given, jobTemplate },
    { suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 },
  );
  return { ...cronJob, spec: fillEmpty(spec, { concurrencyPolicy: "Allow" }), status: cronJob.status ?? {} };
}
