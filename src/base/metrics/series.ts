/** A histogram's numbers: observing one changes three of them, and nothing else is made. */
export class HistogramSeries {
  /** Upper bounds, ascending; one more bucket holds the rest. */
  readonly bounds: readonly number[];
  /** Not cumulative. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** `times`: so many observations of the same value. */
  observe(value: number, times = 1): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
    counts[bucket] = (counts[bucket] ?? 0) + times;
    this.sum += value * times;
    this.count += times;
  }
}

/** Beyond this many series the rest is counted as one: hostile names must not fill memory. */
const seriesLimit = 2000;

/** Numbers or histograms by the values of their labels. */
export class SeriesMap<T> {
  readonly #make: () => T;
  readonly #byKey = new Map<string, { readonly labels: readonly string[]; readonly series: T }>();

  constructor(make: () => T) {
    this.#make = make;
  }

  /** The series of these values; made with the first use. Keep it where it is used for every request. */
  of(...labels: readonly string[]): T {
    const key = labels.join("\u0000");
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.series;
    if (this.#byKey.size >= seriesLimit && labels.some((label) => label !== ""))
      return this.of(...labels.map(() => ""));
    const series = this.#make();
    this.#byKey.set(key, { labels, series });
    return series;
  }

  /** Calls back for each series. */
  visit(visit: (labels: readonly string[], series: T) => void): void {
    for (const { labels, series } of this.#byKey.values()) visit(labels, series);
  }
}

/** A number that is counted up, or set. */
export interface NumberSeries {
  value: number;
}

export function numberSeries(): SeriesMap<NumberSeries> {
  return new SeriesMap(() => ({ value: 0 }));
}

export function histogramSeries(bounds: readonly number[]): SeriesMap<HistogramSeries> {
  return new SeriesMap(() => new HistogramSeries(bounds));
}

/** `count` bounds that grow from `first` by `factor`. */
export function exponentialBounds(first: number, factor: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => first * factor ** index);
}
