import type { HistogramSeries, NumberSeries, SeriesMap } from "./series.ts";

/** All series of one metric, as a scrape shows them. */
export type MetricFamily =
  | {
      readonly name: string;
      readonly help: string;
      readonly type: "counter" | "gauge";
      readonly labelNames: readonly string[];
      readonly points: Points<number>;
    }
  | {
      readonly name: string;
      readonly help: string;
      readonly type: "histogram";
      readonly labelNames: readonly string[];
      readonly points: Points<Buckets>;
    };

/** What a histogram shows of itself. */
export type Buckets = Pick<HistogramSeries, "bounds" | "counts" | "sum" | "count">;

/** Says what there is now: asked with each scrape. */
export interface MetricSource {
  families(): readonly MetricFamily[] | Promise<readonly MetricFamily[]>;
}

/** Upstream's name, help and labels of one metric. */
export interface MetricHeading {
  readonly name: string;
  /** Upstream's stability level leads the text, as there. */
  readonly help: string;
  readonly labels: readonly string[];
}

type Points<T> = readonly {
  readonly labels: readonly string[];
  readonly value: T;
  /** When it was measured; absent: with the scrape. */
  readonly timestampMs?: number;
}[];

export function counter(heading: MetricHeading, points: Points<number>): MetricFamily {
  return { ...parts(heading), type: "counter", points };
}

export function gauge(heading: MetricHeading, points: Points<number>): MetricFamily {
  return { ...parts(heading), type: "gauge", points };
}

export function histogram(heading: MetricHeading, points: Points<Buckets>): MetricFamily {
  return { ...parts(heading), type: "histogram", points };
}

export function counterOf(heading: MetricHeading, series: SeriesMap<NumberSeries>): MetricFamily {
  return counter(heading, numbersOf(series));
}

export function gaugeOf(heading: MetricHeading, series: SeriesMap<NumberSeries>): MetricFamily {
  return gauge(heading, numbersOf(series));
}

export function histogramOf(heading: MetricHeading, series: SeriesMap<HistogramSeries>): MetricFamily {
  const points: { labels: readonly string[]; value: Buckets }[] = [];
  series.visit((labels, value) => points.push({ labels, value }));
  return histogram(heading, points);
}

function numbersOf(series: SeriesMap<NumberSeries>): Points<number> {
  const points: { labels: readonly string[]; value: number }[] = [];
  series.visit((labels, { value }) => points.push({ labels, value }));
  return points;
}

function parts({ name, help, labels }: MetricHeading) {
  return { name, help, labelNames: labels };
}
