import type { Clock } from "../base/clock.ts";

export interface RestartBackoffOptions {
  /** Upstream: 10 s. */
  readonly initialMs?: number;
  /** Upstream: 300 s. */
  readonly limitMs?: number;
}

/** The growing pause between restarts of one thing that keeps failing: a container's crash loop, an image's pulls. */
export class RestartBackoff {
  readonly #clock: Clock;
  readonly #initialMs: number;
  readonly #limitMs: number;
  readonly #entries = new Map<string, { delayMs: number; updatedAtMs: number }>();

  constructor(clock: Clock, options: RestartBackoffOptions = {}) {
    this.#clock = clock;
    this.#initialMs = options.initialMs ?? 10_000;
    this.#limitMs = options.limitMs ?? 300_000;
  }

  /** The pause that is in force for `key`, in milliseconds; 0: none. */
  delayMs(key: string): number {
    return this.#live(key)?.delayMs ?? 0;
  }

  /** How long to wait still, for something that failed at `failedAtMs`; 0: it may be tried now. */
  remainingMs(key: string, failedAtMs: number): number {
    const entry = this.#live(key);
    if (entry === undefined) return 0;
    return Math.max(0, failedAtMs + entry.delayMs - this.#clock.now());
  }

  /** Another try begins: the next pause is twice as long. */
  grow(key: string): void {
    const entry = this.#live(key);
    const delayMs = entry === undefined ? this.#initialMs : Math.min(entry.delayMs * 2, this.#limitMs);
    this.#entries.set(key, { delayMs, updatedAtMs: this.#clock.now() });
  }

  reset(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets everything about keys that begin with `prefix`: the pod is gone. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  /** What went well for twice the longest pause has its past forgiven. */
  #live(key: string) {
    const entry = this.#entries.get(key);
    if (entry !== undefined && this.#clock.now() - entry.updatedAtMs > 2 * this.#limitMs) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry;
  }
}
