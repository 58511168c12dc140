import type { Clock } from "../../base/clock.ts";
import { LruCache } from "../../base/lru-cache.ts";
import type { TokenAuthenticator, TokenResult } from "./token-authenticator.ts";

export interface CachedTokensOptions {
  readonly clock: Clock;
  /** How long a success, and how long a "not mine", is believed; 0: not at all. Errors are never kept. */
  readonly successTtlMs: number;
  readonly failureTtlMs: number;
}

/** About a kilobyte each. */
const maxEntries = 4096;

interface Entry {
  readonly result: TokenResult | undefined;
  readonly expiresAtMs: number;
}

/** Remembers answers that are costly to get; those who ask for the same token at once wait for one answer. */
export function cachedTokens(inner: TokenAuthenticator, options: CachedTokensOptions): TokenAuthenticator {
  const { clock, successTtlMs, failureTtlMs } = options;
  const entries = new LruCache<string, Entry>(maxEntries);
  const underWay = new Map<string, Promise<TokenResult | undefined>>();

  const keep = (key: string, result: TokenResult | undefined): TokenResult | undefined => {
    if (result !== undefined && "error" in result) return result;
    const ttlMs = result === undefined ? failureTtlMs : successTtlMs;
    if (ttlMs > 0) entries.set(key, { result, expiresAtMs: clock.now() + ttlMs });
    return result;
  };

  return {
    authenticateToken(token, audiences) {
      const key = JSON.stringify([token, ...(audiences ?? [])]);
      const known = entries.get(key);
      if (known !== undefined && clock.now() < known.expiresAtMs) return known.result;
      const waiting = underWay.get(key);
      if (waiting !== undefined) return waiting;
      const asked = inner.authenticateToken(token, audiences);
      if (!(asked instanceof Promise)) return keep(key, asked);
      const answer = asked.then((result) => keep(key, result)).finally(() => underWay.delete(key));
      underWay.set(key, answer);
      return answer;
    },
  };
}
