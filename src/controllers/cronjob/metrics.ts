import { histogramOf, type MetricFamily, type MetricSource } from "../../base/metrics/family.ts";
import { exponentialBounds, histogramSeries } from "../../base/metrics/series.ts";
import type { Reconciled } from "../framework/controller.ts";
import { scheduledTimeAnnotation } from "./reconcile.ts";

/** cronjob_controller_*: how late jobs come to be. */
export class CronJobMetrics implements MetricSource {
  readonly #skew = histogramSeries(exponentialBounds(1, 2, 10));

  reconciled({ intents, failure, endedMs }: Reconciled): void {
    if (failure !== undefined) return;
    for (const intent of intents) {
      if (intent.action !== "create") continue;
      const scheduledMs = Date.parse(intent.object.metadata.annotations?.[scheduledTimeAnnotation] ?? "");
      if (!Number.isNaN(scheduledMs)) this.#skew.of().observe((endedMs - scheduledMs) / 1000);
    }
  }

  families(): readonly MetricFamily[] {
    return [
      histogramOf(
        {
          name: "cronjob_controller_job_creation_skew_duration_seconds",
          help: "[STABLE] Time between when a cronjob is scheduled to be run, and when the corresponding job is created",
          labels: [],
        },
        this.#skew,
      ),
    ];
  }
}
