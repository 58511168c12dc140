import { semanticEqual } from "../../apimachinery/validation.ts";
import { workloadWarnings } from "../core/pod-warnings.ts";
import type { Strategy } from "../definition.ts";
import { defaultJob } from "./job-defaults.ts";
import { jobLabels } from "./job-labels.ts";
import { validateJobStatusUpdate } from "./job-status-validation.ts";
import { validateJob, validateJobUpdate } from "./job-validation.ts";
import type { CronJob, Job, JobSpec } from "./types.generated.ts";

export const jobStrategy: Strategy<Job> = {
  // What deletes without a word leaves the pods, as in the first versions.
  defaultPropagation: "Orphan",
  defaults: defaultJob,
  warnings: (object, old) => [
    ...manyIndexesWarnings("spec", object.spec, object, old),
    ...workloadWarnings("spec.template", object.spec.template, object, old),
  ],
  prepareForCreate: (job) => ({ ...withGeneratedSelector(job), status: {} }),
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: validateJobStatusUpdate,
};

const manyCompletions = 100_000;
const manyAtOnce = 10_000;

/** So many indexes are more than a status can tell of when they fail here and there. */
export function manyIndexesWarnings(
  path: string,
  { completionMode, completions = 0, parallelism = 0 }: JobSpec,
  object: Job | CronJob,
  old?: Job | CronJob,
): readonly string[] {
  if (old !== undefined && old.metadata.generation === object.metadata.generation) return [];
  if (completionMode !== "Indexed" || completions <= manyCompletions || parallelism <= manyAtOnce) return [];
  return [
    `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
  ];
}

/**
 * A job selects its pods by its own uid, so that no two jobs share pods; a selector written by hand is for those who
 * say that they mean it. What the author set already is left, for validation to judge.
 */
function withGeneratedSelector(job: Job): Job {
  if (job.spec.manualSelector === true) return job;
  const { name = "", uid = "" } = job.metadata;
  const { template, selector } = job.spec;
  const labels = {
    [jobLabels.legacyJobName]: name,
    [jobLabels.jobName]: name,
    [jobLabels.legacyControllerUid]: uid,
    [jobLabels.controllerUid]: uid,
    ...template.metadata?.labels,
  };
  const matchLabels = { [jobLabels.controllerUid]: uid, ...selector?.matchLabels };
  // A job that has its labels from the template has these as well.
  const isLabelledAlike = semanticEqual(job.metadata.labels, template.metadata?.labels);
  return {
    ...job,
    ...(isLabelledAlike ? { metadata: { ...job.metadata, labels } } : {}),
    spec: {
      ...job.spec,
      selector: { ...selector, matchLabels },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}
