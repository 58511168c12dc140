import { HistogramSeries } from "../../base/metrics/series.ts";

const seatBounds = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];
const requestBounds = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1];
const demandBounds = [0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.7, 2, 2.8, 4, 6];

/** For how many nanoseconds a ratio stood at which value: upstream's TimingRatioHistogram. */
class TimedRatio {
  readonly histogram: HistogramSeries;
  #ratio = 0;

  constructor(bounds: readonly number[]) {
    this.histogram = new HistogramSeries(bounds);
  }

  /** It stood until now, and is another from now on. */
  change(amount: number, limit: number, elapsedMs: number): void {
    if (elapsedMs > 0) this.histogram.observe(this.#ratio, elapsedMs * 1e6);
    this.#ratio = limit > 0 ? amount / limit : 0;
  }
}

/** What a level is used for at a moment, and what it could be used for. */
export interface LevelUse {
  readonly seatsInUse: number;
  readonly seatsWanted: number;
  readonly executing: number;
  readonly waiting: number;
  readonly concurrencyLimit: number;
  readonly nominalSeats: number;
  /** Of all its queues together. */
  readonly queueCapacity: number;
}

/** How a level was used over time. */
export class LevelUtilization {
  readonly seats = new TimedRatio(seatBounds);
  readonly executing = new TimedRatio(requestBounds);
  readonly waiting = new TimedRatio(requestBounds);
  readonly demand = new TimedRatio(demandBounds);
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  note(use: LevelUse, nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#sinceMs);
    this.#sinceMs += elapsedMs;
    this.seats.change(use.seatsInUse, use.concurrencyLimit, elapsedMs);
    this.executing.change(use.executing, use.concurrencyLimit, elapsedMs);
    this.waiting.change(use.waiting, use.queueCapacity, elapsedMs);
    this.demand.change(use.seatsWanted, use.nominalSeats, elapsedMs);
  }
}
