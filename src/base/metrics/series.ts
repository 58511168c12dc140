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

/** What the labels so far lead to. */
interface Branch<T> {
  series?: T;
  readonly next: Map<string, Branch<T>>;
}

/** Numbers or histograms by the values of their labels. */
export class SeriesMap<T> {
  readonly #make: () => T;
  readonly #root: Branch<T> = { next: new Map() };
  readonly #all: { readonly labels: readonly string[]; readonly series: T }[] = [];

  constructor(make: () => T) {
    this.#make = make;
  }

  /** The series of these values; made with the first use. No text is made to find it. */
  of(...labels: readonly string[]): T {
    let branch: Branch<T> | undefined = this.#root;
    for (const label of labels) {
      branch = branch.next.get(label);
      if (branch === undefined) return this.#add(labels);
    }
    return branch.series ?? this.#add(labels);
  }

  #add(labels: readonly string[]): T {
    if (this.#all.length >= seriesLimit && labels.some((label) => label !== ""))
      return this.of(...labels.map(() => ""));
    let branch = this.#root;
    for (const label of labels) {
      const next: Branch<T> = branch.next.get(label) ?? { next: new Map() };
      branch.next.set(label, next);
      branch = next;
    }
    const series = this.#make();
    branch.series = series;
    this.#all.push({ labels, series });
    return series;
  }

  /** Calls back for each series. */
  visit(visit: (labels: readonly string[], series: T) => void): void {
    for (const { labels, series } of this.#all) visit(labels, series);
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
