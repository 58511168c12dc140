import {
  counterOf,
  gauge,
  gaugeOf,
  histogramOf,
  type MetricFamily,
  type MetricSource,
} from "../../base/metrics/family.ts";
import { exponentialBounds, histogramSeries, numberSeries } from "../../base/metrics/series.ts";
import type { WorkQueueMetrics } from "../../client/work-queue.ts";

const bounds = exponentialBounds(1e-8, 10, 10);

/** workqueue_*: the queues of the components in this process, under client-go's names. */
export class QueueMetrics implements MetricSource {
  readonly #depth = numberSeries();
  readonly #adds = numberSeries();
  readonly #retries = numberSeries();
  readonly #waited = histogramSeries(bounds);
  readonly #worked = histogramSeries(bounds);
  readonly #running = new Map<string, () => readonly number[]>();

  /** What a queue of this name tells. */
  of(name: string): WorkQueueMetrics {
    const depth = this.#depth.of(name);
    const adds = this.#adds.of(name);
    const retries = this.#retries.of(name);
    const waited = this.#waited.of(name);
    const worked = this.#worked.of(name);
    return {
      depth(length) {
        depth.value = length;
      },
      added: () => void adds.value++,
      retried: () => void retries.value++,
      waited: (durationMs) => waited.observe(durationMs / 1000),
      worked: (durationMs) => worked.observe(durationMs / 1000),
      attached: ({ runningMs }) => void this.#running.set(name, runningMs),
    };
  }

  families(): readonly MetricFamily[] {
    const named = (name: string, help: string) => ({
      name: `workqueue_${name}`,
      help: `[BETA] ${help}`,
      labels: ["name"],
    });
    const running = (value: (all: readonly number[]) => number) =>
      [...this.#running].map(([name, ask]) => ({ labels: [name], value: value(ask()) / 1000 }));
    return [
      gaugeOf(named("depth", "Current depth of workqueue"), this.#depth),
      counterOf(named("adds_total", "Total number of adds handled by workqueue"), this.#adds),
      counterOf(named("retries_total", "Total number of retries handled by workqueue"), this.#retries),
      histogramOf(
        named(
          "queue_duration_seconds",
          "How long in seconds an item stays in workqueue before being requested.",
        ),
        this.#waited,
      ),
      histogramOf(
        named("work_duration_seconds", "How long in seconds processing an item from workqueue takes."),
        this.#worked,
      ),
      gauge(
        named(
          "unfinished_work_seconds",
          "How many seconds of work has done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.",
        ),
        running((all) => all.reduce((sum, durationMs) => sum + durationMs, 0)),
      ),
      gauge(
        named(
          "longest_running_processor_seconds",
          "How many seconds has the longest running processor for workqueue been running.",
        ),
        running((all) => Math.max(0, ...all)),
      ),
    ];
  }
}
