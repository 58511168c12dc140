/**
 * A token bucket as a plain value: `burst` tokens at first, `perSecond` new ones, never more than `burst`. Reserving may
 * take the bucket below zero; the debt is the time to wait.
 */
export interface TokenBucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** So many a second in the long run, and `burst` at once after a rest. */
export interface TokenBucketPolicy {
  readonly perSecond: number;
  readonly burst: number;
}

export function fullBucket(policy: TokenBucketPolicy, nowMs: number): TokenBucket {
  return { tokens: policy.burst, atMs: nowMs };
}

function refilled(bucket: TokenBucket, policy: TokenBucketPolicy, nowMs: number): TokenBucket {
  // A clock set back must not take tokens away.
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  return {
    tokens: Math.min(policy.burst, bucket.tokens + (elapsedMs / 1000) * policy.perSecond),
    atMs: nowMs,
  };
}

/** Takes one token whether or not there is one; `delayMs` is how long its holder has to wait. */
export function reserveToken(
  bucket: TokenBucket,
  policy: TokenBucketPolicy,
  nowMs: number,
): { readonly bucket: TokenBucket; readonly delayMs: number } {
  const { tokens } = refilled(bucket, policy, nowMs);
  const left = tokens - 1;
  return {
    bucket: { tokens: left, atMs: nowMs },
    delayMs: left >= 0 ? 0 : (-left / policy.perSecond) * 1000,
  };
}

/** Takes one token if there is one. */
export function tryToken(
  bucket: TokenBucket,
  policy: TokenBucketPolicy,
  nowMs: number,
): { readonly bucket: TokenBucket; readonly accepted: boolean } {
  const current = refilled(bucket, policy, nowMs);
  if (current.tokens < 1) return { bucket: current, accepted: false };
  return { bucket: { tokens: current.tokens - 1, atMs: nowMs }, accepted: true };
}
