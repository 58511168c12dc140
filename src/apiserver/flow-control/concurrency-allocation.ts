/** A level's wish: `target` seats, never less than `lower` nor more than `upper`. */
export interface AllocationItem {
  readonly target: number;
  readonly lower: number;
  readonly upper: number;
}

export interface Allocation {
  /** In the order of the items; their sum is what was to be given out. */
  readonly seats: readonly number[];
  /** The fraction of its target that everybody gets whose bounds do not forbid it. */
  readonly fairFraction: number;
}

/** A target of nothing would take no share at all. */
const minTarget = 0.001;
const rounding = 1e-7;

/**
 * Gives `total` seats out: each level gets the same fraction of its target, kept between its bounds (upstream's
 * computeConcurrencyAllocation). Undefined where the bounds do not let the sum come out.
 */
export function allocate(total: number, items: readonly AllocationItem[]): Allocation | undefined {
  const targets = items.map(({ target }) => Math.max(target, minTarget));
  const sumAt = (fraction: number) =>
    items.reduce((sum, item, index) => sum + bounded(item, fraction * (targets[index] ?? 0)), 0);
  const lowest = items.reduce((sum, { lower }) => sum + lower, 0);
  const highest = items.reduce((sum, { upper }) => sum + upper, 0);
  if (items.some(({ lower, upper }) => lower < 0 || upper < lower)) return undefined;
  if (lowest - total > rounding || total - highest > rounding) return undefined;
  const fraction = fractionFor(total, items, targets, sumAt);
  return {
    seats: items.map((item, index) => bounded(item, fraction * (targets[index] ?? 0))),
    fairFraction: fraction,
  };
}

function bounded({ lower, upper }: AllocationItem, seats: number): number {
  return Math.max(lower, Math.min(upper, seats));
}

/** Between the fractions at which a bound begins or ends to matter, the sum grows on a straight line. */
function fractionFor(
  total: number,
  items: readonly AllocationItem[],
  targets: readonly number[],
  sumAt: (fraction: number) => number,
): number {
  const bends = items
    .flatMap(({ lower, upper }, index) => [lower / (targets[index] ?? 1), upper / (targets[index] ?? 1)])
    .sort((left, right) => left - right);
  let before = bends[0] ?? 0;
  for (const bend of bends) {
    const reached = sumAt(bend);
    if (reached >= total - rounding) {
      const start = sumAt(before);
      return reached - start <= rounding
        ? before
        : before + ((total - start) / (reached - start)) * (bend - before);
    }
    before = bend;
  }
  return before;
}
