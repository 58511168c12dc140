import { counterOf, histogramOf, type MetricFamily, type MetricSource } from "../../base/metrics/family.ts";
import { exponentialBounds, histogramSeries, numberSeries } from "../../base/metrics/series.ts";
import type { Reconciled } from "../framework/controller.ts";
import type { AutoscalerSnapshot, Proposal, Scale } from "./reconcile.ts";

const bounds = exponentialBounds(0.001, 2, 15);

/** horizontal_pod_autoscaler_controller_*: upstream's beta metrics. */
export class AutoscalerMetrics implements MetricSource {
  readonly #reconciliations = numberSeries();
  readonly #reconciliationSeconds = histogramSeries(bounds);
  readonly #computations = numberSeries();
  readonly #computationSeconds = histogramSeries(bounds);

  reconciled({ snapshot, intents, failure, durationMs }: Reconciled<AutoscalerSnapshot>): void {
    const isBroken =
      failure !== undefined ||
      "error" in snapshot.target ||
      snapshot.proposals.some((proposal) => "error" in proposal);
    const resize = intents.find((intent) => intent.action === "update" && intent.subresource === "scale");
    const action =
      resize?.action === "update" ? actionOf(replicasIn(resize.from), replicasIn(resize.object)) : "none";
    const labels = [action, isBroken ? "internal" : "none"];
    this.#reconciliations.of(...labels).value++;
    this.#reconciliationSeconds.of(...labels).observe(durationMs / 1000);
  }

  /** One metric of an autoscaler was read and worked out. */
  computed(type: string, proposal: Proposal, currentReplicas: number, durationMs: number): void {
    const isBroken = "error" in proposal;
    const action = isBroken ? "none" : actionOf(currentReplicas, proposal.replicas);
    const labels = [action, isBroken ? "internal" : "none", type];
    this.#computations.of(...labels).value++;
    this.#computationSeconds.of(...labels).observe(durationMs / 1000);
  }

  families(): readonly MetricFamily[] {
    const heading = (name: string, help: string, labels: readonly string[]) => ({
      name: `horizontal_pod_autoscaler_controller_${name}`,
      help: `[BETA] ${help}`,
      labels,
    });
    const whole = ["action", "error"];
    const single = ["action", "error", "metric_type"];
    return [
      counterOf(
        heading("reconciliations_total", "Number of reconciliations of HPA controller.", whole),
        this.#reconciliations,
      ),
      histogramOf(
        heading(
          "reconciliation_duration_seconds",
          "The time(seconds) that the HPA controller takes to reconcile once.",
          whole,
        ),
        this.#reconciliationSeconds,
      ),
      counterOf(
        heading("metric_computation_total", "Number of metric computations.", single),
        this.#computations,
      ),
      histogramOf(
        heading(
          "metric_computation_duration_seconds",
          "The time(seconds) that the HPA controller takes to calculate one metric.",
          single,
        ),
        this.#computationSeconds,
      ),
    ];
  }
}

const replicasIn = (scale: object) => (scale as Scale).spec?.replicas ?? 0; // The subresource's own kind.

function actionOf(before: number, after: number): "scale_up" | "scale_down" | "none" {
  if (after === before) return "none";
  return after > before ? "scale_up" : "scale_down";
}
