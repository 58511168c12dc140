import { cronJobs, jobs } from "../../api/resources.generated.ts";
import { controllerOf, objectKey } from "../../apimachinery/meta.ts";
import type { MetricSources } from "../../base/metrics/metric-sources.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { controlledBy, indexByController } from "../framework/ownership.ts";
import { CronJobMetrics } from "./metrics.ts";
import { type CronJobSnapshot, reconcileCronJob } from "./reconcile.ts";

/** Starts Jobs at the times a schedule names. */
export function cronJobController({
  informers,
  metrics: sources,
}: {
  readonly informers: InformerFactory;
  readonly metrics?: MetricSources | undefined;
}): Controller<CronJobSnapshot> {
  const metrics = new CronJobMetrics();
  sources?.add(metrics);
  const cronJobInformer = informers.informer(cronJobs);
  const jobInformer = informers.informer(jobs);
  indexByController(jobInformer);
  return {
    name: "cronjob-controller",
    watches: [
      watch(cronJobInformer, (cronJob) => [objectKey(cronJob)]),
      watch(jobInformer, (job) => {
        const owner = controllerOf(job);
        return owner?.kind === cronJobs.kind ? [`${job.metadata.namespace}/${owner.name}`] : [];
      }),
    ],
    observe(key) {
      const cronJob = cronJobInformer.lister.get(key);
      return cronJob && { cronJob, jobs: controlledBy(jobInformer, cronJob) };
    },
    reconcile: reconcileCronJob,
    reconciled: (told) => metrics.reconciled(told),
  };
}
