import { counterOf, gaugeOf, type MetricFamily } from "../../base/metrics/family.ts";
import { numberSeries } from "../../base/metrics/series.ts";

/** What the health checks said, for service level indicators: /metrics/slis. */
export class HealthMetrics {
  readonly #latest = numberSeries();
  readonly #total = numberSeries();

  /** `type`: "healthz", "livez" or "readyz". */
  observe(name: string, type: string, isOk: boolean): void {
    this.#latest.of(name, type).value = isOk ? 1 : 0;
    this.#total.of(name, isOk ? "success" : "error", type).value++;
  }

  families(): readonly MetricFamily[] {
    return [
      gaugeOf(
        {
          name: "kubernetes_healthcheck",
          help: "[STABLE] This metric records the result of a single healthcheck.",
          labels: ["name", "type"],
        },
        this.#latest,
      ),
      counterOf(
        {
          name: "kubernetes_healthchecks_total",
          help: "[STABLE] This metric records the results of all healthcheck.",
          labels: ["name", "status", "type"],
        },
        this.#total,
      ),
    ];
  }
}
