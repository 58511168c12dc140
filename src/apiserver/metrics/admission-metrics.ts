import { histogramOf, type MetricFamily } from "../../base/metrics/family.ts";
import { type HistogramSeries, histogramSeries } from "../../base/metrics/series.ts";
import type { AdmissionOperation } from "../stages.ts";
import { AdmissionHookMetrics } from "./admission-hook-metrics.ts";

const bounds = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const operations: readonly AdmissionOperation[] = ["CREATE", "UPDATE", "DELETE", "CONNECT"];

/** Of one plugin, or of a whole step: how long it took where it let the request pass, and where it did not. */
export interface AdmissionTimes {
  readonly passed: HistogramSeries;
  readonly rejected: HistogramSeries;
}

export type TimesByOperation = Readonly<Record<AdmissionOperation, AdmissionTimes>>;

/** How long admission takes. */
export class AdmissionMetrics {
  readonly #controllers = histogramSeries(bounds);
  readonly #steps = histogramSeries(bounds);
  /** Of webhooks and policies. */
  readonly hooks = new AdmissionHookMetrics();

  controller(name: string, type: "admit" | "validate"): TimesByOperation {
    return byOperation((operation, rejected) => this.#controllers.of(name, type, operation, rejected));
  }

  step(type: "admit" | "validate"): TimesByOperation {
    return byOperation((operation, rejected) => this.#steps.of(type, operation, rejected));
  }

  families(): readonly MetricFamily[] {
    const own = [
      histogramOf(
        {
          name: "apiserver_admission_controller_admission_duration_seconds",
          help: "[STABLE] Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
          labels: ["name", "type", "operation", "rejected"],
        },
        this.#controllers,
      ),
      histogramOf(
        {
          name: "apiserver_admission_step_admission_duration_seconds",
          help: "[STABLE] Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).",
          labels: ["type", "operation", "rejected"],
        },
        this.#steps,
      ),
    ];
    return [...own.map(withoutEmpty), ...this.hooks.families()];
  }
}

function byOperation(
  seriesOf: (operation: AdmissionOperation, rejected: string) => HistogramSeries,
): TimesByOperation {
  // Each of the four is there.
  return Object.fromEntries(
    operations.map((operation) => [
      operation,
      { passed: seriesOf(operation, "false"), rejected: seriesOf(operation, "true") },
    ]),
  ) as unknown as TimesByOperation;
}

/** Series are made before their first use here: they show when they have one. */
function withoutEmpty(family: MetricFamily): MetricFamily {
  return family.type === "histogram"
    ? { ...family, points: family.points.filter(({ value }) => value.count > 0) }
    : family;
}
