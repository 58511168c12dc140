import { cronJobs, jobs } from "../../api/resources.generated.ts";
import { controllerOf, objectKey } from "../../apimachinery/meta.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { controlledBy, indexByController } from "../framework/ownership.ts";
import { type CronJobSnapshot, reconcileCronJob } from "./reconcile.ts";

/** Starts Jobs at the times a schedule names. */
export function cronJobController({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<CronJobSnapshot> {
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
  };
}
