import type { Job } from "../../api/batch/types.generated.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { jobs, pods } from "../../api/resources.generated.ts";
import { controllerOf, objectKey, splitObjectKey } from "../../apimachinery/meta.ts";
import type { MetricSources } from "../../base/metrics/metric-sources.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory, SharedInformer } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { controlledBy, indexByController, mayAdopt, orphansIn } from "../framework/ownership.ts";
import { selectionOf } from "../framework/selection.ts";
import { accountsOf, isTracked } from "./accounting.ts";
import { type FailureRecord, noFailures, withFinished } from "./backoff.ts";
import { JobMetrics } from "./metrics.ts";
import { isJobFinished } from "./outcome.ts";
import { type JobSnapshot, reconcileJob } from "./reconcile.ts";

/** Jobs that name another controller are left to it. */
const controllerName = "kubernetes.io/job-controller";

/** Before a key: the pods of a job of that name that is gone, whether or not there is a new one. */
const goneBefore = "gone ";

interface Seen {
  record: FailureRecord;
  /** UIDs of finished pods the record holds already. */
  readonly pods: Set<string>;
}

/** Runs a Job's pods to completion. */
export function jobController({
  client,
  informers,
  metrics: sources,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly metrics?: MetricSources | undefined;
}): Controller<JobSnapshot> {
  const metrics = new JobMetrics();
  sources?.add(metrics);
  const jobInformer = informers.informer(jobs);
  const podInformer = informers.informer(pods);
  indexByController(podInformer);
  const failures = new Map<string, Seen>();

  return {
    name: "job-controller",
    watches: [
      watch(jobInformer, (job) => {
        const key = objectKey(job);
        const isCurrent = jobInformer.lister.get(key)?.metadata.uid === job.metadata.uid;
        return isCurrent ? [key] : [key, goneBefore + key];
      }),
      watch(podInformer, (pod) => jobsOf(pod, jobInformer)),
    ],
    async observe(key) {
      if (key.startsWith(goneBefore))
        return leftBehind(jobInformer, podInformer, key.slice(goneBefore.length));
      const job = jobInformer.lister.get(key);
      if (job === undefined) {
        failures.delete(key);
        return undefined;
      }
      if ((job.spec.managedBy ?? controllerName) !== controllerName) return undefined;
      const own = controlledBy(podInformer, job);
      if (isJobFinished(job)) {
        failures.delete(key);
        const candidates = own.filter(isTracked);
        return { job, candidates, selects: () => false, canAdopt: false, failures: noFailures };
      }
      const selects = selectionOf(job.spec.selector, { emptySelectsNothing: true });
      const orphans = orphansIn(podInformer, job.metadata.namespace ?? "").filter(selects);
      return {
        job,
        selects,
        candidates: [...own, ...orphans],
        canAdopt: orphans.length > 0 && (await mayAdopt(client, jobs, job)),
        failures: noteFinished(failures, key, job, own),
      };
    },
    reconcile: reconcileJob,
    reconciled: (told) => metrics.reconciled(told),
    attach: (_, signal) => {
      const registration = podInformer.addHandler(metrics.podHandler);
      signal.addEventListener("abort", () => registration.remove(), { once: true });
    },
  };
}

function jobsOf(pod: Pod, jobInformer: SharedInformer<Job>): string[] {
  const { namespace = "" } = pod.metadata;
  const controller = controllerOf(pod);
  if (controller !== undefined) {
    if (controller.kind !== jobs.kind) return [];
    const key = `${namespace}/${controller.name}`;
    const isCurrent = jobInformer.lister.get(key)?.metadata.uid === controller.uid;
    return isCurrent || !isTracked(pod) ? [key] : [key, goneBefore + key];
  }
  return jobInformer.lister
    .list({ namespace })
    .filter(({ spec }) => selectionOf(spec.selector, { emptySelectsNothing: true })(pod))
    .map(objectKey);
}

/** Pods of jobs that are gone, which would wait for ever to be counted. */
function leftBehind(
  jobInformer: SharedInformer<Job>,
  podInformer: SharedInformer<Pod>,
  key: string,
): JobSnapshot {
  const { namespace, name } = splitObjectKey(key);
  const uid = jobInformer.lister.get(key)?.metadata.uid;
  const isLeft = (pod: Pod) => {
    const controller = controllerOf(pod);
    const isOfName = controller?.kind === jobs.kind && controller.name === name;
    return isTracked(pod) && isOfName && controller.uid !== uid;
  };
  return {
    job: undefined,
    selects: () => false,
    candidates: podInformer.lister.list({ namespace }).filter(isLeft),
    canAdopt: false,
    failures: noFailures,
  };
}

function noteFinished(
  failures: Map<string, Seen>,
  key: string,
  job: Job,
  own: readonly Pod[],
): FailureRecord {
  const seen = failures.get(key) ?? { record: noFailures, pods: new Set<string>() };
  const { newSucceeded, newFailed } = accountsOf(job, own);
  const isUnseen = ({ metadata: { uid = "" } }: Pod) => !seen.pods.has(uid);
  const succeeded = newSucceeded.filter(isUnseen);
  const failed = newFailed.filter(isUnseen);
  seen.record = withFinished(seen.record, succeeded, failed);
  const present = new Set(own.map(({ metadata: { uid = "" } }) => uid));
  for (const uid of seen.pods) if (!present.has(uid)) seen.pods.delete(uid);
  for (const { metadata } of [...succeeded, ...failed]) seen.pods.add(metadata.uid ?? "");
  failures.set(key, seen);
  return seen.record;
}
