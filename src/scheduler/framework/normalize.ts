import { maxNodeScore } from "./plugin.ts";

/** Scales so that the largest score becomes 100; `reverse` gives the least the most (upstream's DefaultNormalizeScore). */
export function normalizeToMax(
  scores: Float64Array,
  count: number,
  options: { readonly reverse?: boolean } = {},
): void {
  const { reverse = false } = options;
  let largest = 0;
  for (let at = 0; at < count; at++) largest = Math.max(largest, scores[at] ?? 0);
  if (largest === 0) {
    if (reverse) scores.fill(maxNodeScore, 0, count);
    return;
  }
  for (let at = 0; at < count; at++) {
    const score = Math.trunc((maxNodeScore * (scores[at] ?? 0)) / largest);
    scores[at] = reverse ? maxNodeScore - score : score;
  }
}
