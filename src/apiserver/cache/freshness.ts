import type { ApiError } from "../../apimachinery/api-error.ts";
import { failure } from "../../apimachinery/api-error.ts";
import type { Clock, Timer } from "../../base/clock.ts";

/** How long a request waits for a revision that has not arrived, as upstream. */
const defaultTimeoutMs = 3000;
/** While requests wait, storage is asked again for progress this often. */
const askAgainMs = 100;

/** The revision a cache has reached, and the requests that wait for a later one. */
export class Freshness {
  readonly #clock: Clock;
  readonly #requestProgress: () => void;
  readonly #waiting = new Set<{ readonly revision: number; readonly resolve: () => void }>();
  #revision = 0;
  #askAgain: Timer | undefined;

  constructor(clock: Clock, requestProgress: () => void) {
    this.#clock = clock;
    this.#requestProgress = requestProgress;
  }

  get revision(): number {
    return this.#revision;
  }

  advance(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    for (const waiter of this.#waiting)
      if (waiter.revision <= revision) {
        this.#waiting.delete(waiter);
        waiter.resolve();
      }
    if (this.#waiting.size === 0) this.#stopAsking();
  }

  /** Throws 504 Timeout when the revision is not reached in time. */
  async reach(
    revision: number,
    options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
  ): Promise<void> {
    if (revision <= this.#revision) return;
    const { signal, timeoutMs = defaultTimeoutMs } = options;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { revision, resolve };
    const giveUp = () => reject(signal?.reason);
    const timer = this.#clock.setTimer(timeoutMs, () => reject(tooLargeRevision(revision, this.#revision)));
    signal?.addEventListener("abort", giveUp, { once: true });
    this.#waiting.add(waiter);
    this.#ask();
    try {
      await promise;
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", giveUp);
      this.#waiting.delete(waiter);
      if (this.#waiting.size === 0) this.#stopAsking();
    }
  }

  #ask(): void {
    this.#requestProgress();
    this.#askAgain ??= this.#clock.setTimer(askAgainMs, () => {
      this.#askAgain = undefined;
      if (this.#waiting.size > 0) this.#ask();
    });
  }

  #stopAsking(): void {
    this.#askAgain?.cancel();
    this.#askAgain = undefined;
  }
}

/** A revision that this server has not seen: the client has talked to one that is ahead, or made it up. */
export function tooLargeRevision(wanted: number, current: number): ApiError {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
  return failure(504, "Timeout", message, {
    retryAfterSeconds: 1,
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
  });
}
