import type { JobStatus } from "../../api/batch/types.generated.ts";
import { isPodTerminal } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { counterOf, histogramOf, type MetricFamily, type MetricSource } from "../../base/metrics/family.ts";
import { exponentialBounds, histogramSeries, numberSeries } from "../../base/metrics/series.ts";
import type { EventHandler } from "../../client/informer.ts";
import type { Reconciled } from "../framework/controller.ts";
import type { Intent } from "../framework/intent.ts";
import { isIndexed, isTracked } from "./accounting.ts";
import { isJobFinished } from "./outcome.ts";
import { judgeFailure } from "./policies.ts";
import type { JobSnapshot } from "./reconcile.ts";

/** job_controller_*: upstream's stable and beta metrics of the Job controller, read off what it decided. */
export class JobMetrics implements MetricSource {
  readonly #syncs = numberSeries();
  readonly #syncSeconds = histogramSeries(exponentialBounds(0.004, 2, 15));
  readonly #finished = numberSeries();
  readonly #podsFinished = numberSeries();
  readonly #handled = numberSeries();
  readonly #tracked = numberSeries();

  reconciled({ snapshot: { job }, intents, failure, durationMs }: Reconciled<JobSnapshot>): void {
    if (job === undefined || isJobFinished(job)) return;
    const mode = isIndexed(job) ? "Indexed" : "NonIndexed";
    const labels = [mode, failure === undefined ? "success" : "error", actionOf(intents)];
    this.#syncs.of(...labels).value++;
    this.#syncSeconds.of(...labels).observe(durationMs / 1000);
    if (failure !== undefined) return;
    const written = intents.find((intent) => intent.action === "updateStatus");
    if (written !== undefined) this.#statusWritten(mode, job.status ?? {}, written.status);
    if (job.spec.podFailurePolicy === undefined) return;
    // Of each pod that is let go the failure is judged for the last time.
    for (const intent of intents) {
      if (intent.action !== "patch" || intent.type.resource !== "pods") continue;
      const pod = intent.object as Pod; // That is what the resource says.
      const { action } = judgeFailure(job, pod);
      if (pod.status?.phase === "Failed" && action !== undefined) this.#handled.of(action).value++;
    }
  }

  #statusWritten(mode: string, before: JobStatus, after: JobStatus): void {
    for (const [result, field] of podResults) {
      const more = (after[field] ?? 0) - (before[field] ?? 0);
      if (more > 0) this.#podsFinished.of(mode, result).value += more;
    }
    const last = (after.conditions ?? []).find(
      ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
    );
    if (last === undefined) return;
    this.#finished.of(mode, last.type === "Complete" ? "succeeded" : "failed", last.reason ?? "").value++;
  }

  /** Follows which ended pods still wait to be counted. */
  readonly podHandler: EventHandler<Pod> = {
    added: (pod) => this.#tell(false, isWaiting(pod)),
    updated: (old, pod) => this.#tell(isWaiting(old), isWaiting(pod)),
    deleted: (pod) => this.#tell(isWaiting(pod), false),
  };

  #tell(was: boolean, is: boolean): void {
    if (was !== is) this.#tracked.of(is ? "add" : "delete").value++;
  }

  families(): readonly MetricFamily[] {
    const heading = (name: string, help: string, labels: readonly string[]) => ({
      name: `job_controller_${name}`,
      help,
      labels,
    });
    const sync = ["completion_mode", "result", "action"];
    return [
      counterOf(heading("job_syncs_total", "[STABLE] The number of job syncs", sync), this.#syncs),
      histogramOf(
        heading("job_sync_duration_seconds", "[STABLE] The time it took to sync a job", sync),
        this.#syncSeconds,
      ),
      counterOf(
        heading("jobs_finished_total", "[STABLE] The number of finished jobs", [
          "completion_mode",
          "result",
          "reason",
        ]),
        this.#finished,
      ),
      counterOf(
        heading("job_pods_finished_total", "[STABLE] The number of finished Pods that are fully tracked", [
          "completion_mode",
          "result",
        ]),
        this.#podsFinished,
      ),
      counterOf(
        heading(
          "pod_failures_handled_by_failure_policy_total",
          "[BETA] The number of failed Pods by the action of the failure policy's rule that matched",
          ["action"],
        ),
        this.#handled,
      ),
      counterOf(
        heading(
          "terminated_pods_tracking_finalizer_total",
          "[BETA] The number of terminated pods (phase=Failed|Succeeded) that have the finalizer batch.kubernetes.io/job-tracking, by whether they came to have it or lost it",
          ["event"],
        ),
        this.#tracked,
      ),
    ];
  }
}

const podResults = [
  ["succeeded", "succeeded"],
  ["failed", "failed"],
] as const;

function actionOf(intents: readonly Intent[]): "pods_created" | "pods_deleted" | "tracking" {
  if (intents.some(({ action }) => action === "create")) return "pods_created";
  return intents.some(({ action }) => action === "delete") ? "pods_deleted" : "tracking";
}

const isWaiting = (pod: Pod) => isTracked(pod) && isPodTerminal(pod);
