import { histogramOf, type MetricFamily } from "../../base/metrics/family.ts";
import { histogramSeries } from "../../base/metrics/series.ts";

const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long the rules of custom kinds take: apiserver_cel_*. */
export class RuleMetrics {
  readonly #compiled = histogramSeries(bounds);
  readonly #evaluated = histogramSeries(bounds);
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    // Known before there is a rule, as upstream's.
    this.#compiled.of();
    this.#evaluated.of();
  }

  /** Times the compiling of one schema's rules. */
  readonly compile = <T>(work: () => T): T => this.#time(this.#compiled, work);

  /** Times the rules over one object. */
  readonly evaluate = <T>(work: () => T): T => this.#time(this.#evaluated, work);

  #time<T>(series: ReturnType<typeof histogramSeries>, work: () => T): T {
    const startMs = this.#now();
    try {
      return work();
    } finally {
      series.of().observe((this.#now() - startMs) / 1000);
    }
  }

  families(): readonly MetricFamily[] {
    return [
      histogramOf(
        {
          name: "apiserver_cel_compilation_duration_seconds",
          help: "[BETA] CEL compilation time in seconds.",
          labels: [],
        },
        this.#compiled,
      ),
      histogramOf(
        {
          name: "apiserver_cel_evaluation_duration_seconds",
          help: "[BETA] CEL evaluation time in seconds.",
          labels: [],
        },
        this.#evaluated,
      ),
    ];
  }
}
