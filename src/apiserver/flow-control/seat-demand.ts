/** How many seats a level wanted over a period: average and deviation weighted by time, and the most at any moment. */
export interface SeatDemandResults {
  readonly durationMs: number;
  readonly average: number;
  readonly deviation: number;
  readonly highWatermark: number;
}

/** Integrates a number over time. */
export class SeatDemand {
  #value = 0;
  #sinceMs: number;
  #durationMs = 0;
  #integral = 0;
  #integralOfSquares = 0;
  #highest = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  set(value: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#value = value;
    if (value > this.#highest) this.#highest = value;
  }

  /** What it was since the last call. */
  take(nowMs: number): SeatDemandResults {
    this.#advance(nowMs);
    const average = this.#durationMs > 0 ? this.#integral / this.#durationMs : 0;
    const variance =
      this.#durationMs > 0 ? this.#integralOfSquares / this.#durationMs - average * average : 0;
    const results = {
      durationMs: this.#durationMs,
      average,
      deviation: Math.sqrt(Math.max(0, variance)),
      highWatermark: this.#highest,
    };
    this.#durationMs = 0;
    this.#integral = 0;
    this.#integralOfSquares = 0;
    this.#highest = this.#value;
    return results;
  }

  #advance(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs <= 0) return;
    this.#sinceMs = nowMs;
    this.#durationMs += elapsedMs;
    this.#integral += this.#value * elapsedMs;
    this.#integralOfSquares += this.#value * this.#value * elapsedMs;
  }
}
