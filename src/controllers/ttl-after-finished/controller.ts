import type { Job } from "../../api/batch/types.generated.ts";
import { jobs } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { objectKey, splitObjectKey } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { conditionOf } from "../framework/conditions.ts";
import { type Controller, type ReconcileContext, watch } from "../framework/controller.ts";
import { type Intent, remove, requeueAfter } from "../framework/intent.ts";

/** When a job came to its end, in epoch milliseconds; undefined while it runs. */
export function finishedAtMs({ status }: Job): number | undefined {
  for (const type of ["Complete", "Failed"]) {
    const condition = conditionOf(status?.conditions, type);
    if (condition?.status === "True" && condition.lastTransitionTime !== undefined) {
      return Date.parse(condition.lastTransitionTime);
    }
  }
  return undefined;
}

/** Deletes a finished job, with its pods, when its `ttlSecondsAfterFinished` is over. */
export function reconcileExpiry(job: Job, { nowMs }: ReconcileContext): Intent[] {
  const ttlSeconds = job.spec.ttlSecondsAfterFinished;
  const finishedMs = finishedAtMs(job);
  if (ttlSeconds === undefined || finishedMs === undefined || job.metadata.deletionTimestamp !== undefined) {
    return [];
  }
  const leftMs = finishedMs + ttlSeconds * 1000 - nowMs;
  if (leftMs > 0) return [requeueAfter(leftMs)];
  const options = { propagationPolicy: "Foreground" } as const;
  return [remove(jobs, job, { options, onlyIfUnchanged: true })];
}

/** Keys are those of jobs. */
export function ttlAfterFinishedController({
  client,
  informers,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
}): Controller<Job> {
  const jobInformer = informers.informer(jobs);
  return {
    name: "ttl-after-finished-controller",
    watches: [
      watch(jobInformer, (job) =>
        job.spec.ttlSecondsAfterFinished !== undefined && finishedAtMs(job) !== undefined
          ? [objectKey(job)]
          : [],
      ),
    ],
    async observe(key) {
      const job = jobInformer.lister.get(key);
      if (job === undefined) return undefined;
      // The time may have been made longer, or the job be another by now: a deletion cannot be taken back.
      try {
        const live = await client.get(jobs, splitObjectKey(key));
        return live.metadata.uid === job.metadata.uid ? live : undefined;
      } catch (error) {
        if (isApiError(error, "NotFound")) return undefined;
        throw error;
      }
    },
    reconcile: reconcileExpiry,
  };
}
