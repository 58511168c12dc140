import type { Random } from "./random.ts";

/** Delays that grow from `initialMs` by `factor` up to `limitMs`. */
export interface BackoffPolicy {
  readonly initialMs: number;
  readonly factor: number;
  readonly limitMs: number;
  /** A delay d becomes d * [1, 1 + jitter). */
  readonly jitter: number;
}

/** The delay before retry number `attempt` (the first retry is 0). */
export function backoffDelayMs(policy: BackoffPolicy, attempt: number, random: Random): number {
  const plain = Math.min(policy.limitMs, policy.initialMs * policy.factor ** attempt);
  return plain * (1 + policy.jitter * random.next());
}
