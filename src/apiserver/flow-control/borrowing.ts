import { allocate } from "./concurrency-allocation.ts";
import type { SeatDemandResults } from "./seat-demand.ts";

/** A level's limits, in seats, as its configuration says. */
export interface SeatLimits {
  readonly nominal: number;
  /** What it never lends. */
  readonly lower: number;
  /** With all it may borrow. */
  readonly upper: number;
}

export interface BorrowingLevel extends SeatLimits {
  readonly isExempt: boolean;
  readonly current: number;
  /** The most seats it wanted at any moment since the last time. */
  readonly highWatermark: number;
  /** What it is expected to want. */
  readonly smoothed: number;
}

export interface AdjustedLevel {
  readonly current: number;
  readonly target: number;
}

/** How slowly a level's demand is forgotten: a quarter of an hour after ten periods of ten seconds it still shows. */
const smoothing = 0.977;

/** Demand grows at once, and falls slowly. */
export function smoothedDemand(
  before: number,
  { durationMs, average, deviation }: SeatDemandResults,
): number {
  if (durationMs <= 0) return before;
  const envelope = average + deviation;
  return Math.max(envelope, smoothing * before + (1 - smoothing) * envelope);
}

/**
 * What each level may use until the next adjustment: seats that some do not need are lent to those that do, and everybody
 * who wants more than there is gets the same fraction of it.
 */
export function adjustBorrowing(levels: readonly BorrowingLevel[]): {
  readonly levels: readonly AdjustedLevel[];
  readonly fairFraction: number;
} {
  const total = levels.reduce((sum, { nominal }) => sum + nominal, 0);
  const needs = levels.map(leastNeed);
  const limited = levels.flatMap((level, index) =>
    level.isExempt ? [] : [{ level, need: needs[index] ?? 0 }],
  );
  const exempt = levels.reduce((sum, { isExempt }, index) => sum + (isExempt ? (needs[index] ?? 0) : 0), 0);
  const remaining = total - exempt;
  const lowerSum = limited.reduce((sum, { level }) => sum + level.lower, 0);
  const needSum = limited.reduce((sum, { need }) => sum + need, 0);
  const targetOf = (level: BorrowingLevel, need: number) => Math.max(need, level.smoothed);
  const give = (currentOf: (level: BorrowingLevel, need: number) => number, fairFraction: number) => ({
    levels: levels.map((level, index) => {
      const need = needs[index] ?? 0;
      return {
        current: level.isExempt ? need : Math.round(currentOf(level, need)),
        target: targetOf(level, need),
      };
    }),
    fairFraction,
  });
  if (remaining <= lowerSum) return give(({ lower }) => lower, 0);
  if (remaining <= needSum) {
    const share = (remaining - lowerSum) / (needSum - lowerSum);
    return give(({ lower }, need) => lower + (need - lower) * share, 0);
  }
  const allocation = allocate(
    total,
    limited.map(({ level, need }) => ({ lower: need, upper: level.upper, target: targetOf(level, need) })),
  );
  const seats = new Map(
    limited.map(({ level }, index) => [level, allocation?.seats[index] ?? level.current]),
  );
  return give((level) => seats.get(level) ?? level.current, allocation?.fairFraction ?? 0);
}

function leastNeed({ isExempt, lower, nominal, highWatermark }: BorrowingLevel): number {
  return Math.max(lower, isExempt ? highWatermark : Math.min(nominal, highWatermark));
}
