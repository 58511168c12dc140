import type { Clock, Timer } from "./clock.ts";

/** As it is now: a test runner may replace the global one with a fake that never comes. */
const nextTurn = setImmediate;

interface PendingTimer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock that moves only when told to. Timers fire in the order of their due time, then of their creation;
 * between two of them all promise work that the first one caused has settled, so a run is the same every time.
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  #pending: PendingTimer[] = [];
  readonly #held: { readonly work: Promise<unknown>; deliver(): void }[] = [];
  #delivery: Promise<void> | undefined;
  #yielding = 0;

  constructor(options: { startMs?: number } = {}) {
    this.#nowMs = options.startMs ?? Date.UTC(2026, 0, 1);
  }

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    insertSorted(this.#pending, timer);
    return {
      cancel: () => {
        const index = this.#pending.indexOf(timer);
        if (index >= 0) this.#pending.splice(index, 1);
      },
    };
  }

  yield(): Promise<void> {
    this.#yielding++;
    return new Promise((resolve) => {
      nextTurn(() => {
        this.#yielding--;
        resolve();
      });
    });
  }

  /**
   * Whoever holds work gets its outcome once all that is held has ended and the rest is quiet, in the order in which it was
   * held: how long it really took (threads, disks) does not show.
   */
  hold<T>(work: Promise<T>): Promise<T> {
    // Its failure is for whoever gets the outcome.
    work.catch(() => undefined);
    return new Promise((resolve) => {
      this.#held.push({ work, deliver: () => resolve(work) });
      this.#delivery ??= this.#deliverHeld();
    });
  }

  async #deliverHeld(): Promise<void> {
    while (this.#held.length > 0) {
      await this.#quiet();
      const batch = [...this.#held];
      await Promise.allSettled(batch.map(({ work }) => work));
      for (const { deliver } of this.#held.splice(0, batch.length)) deliver();
    }
    this.#delivery = undefined;
  }

  /** How many timers wait: a closed component leaves none. */
  get pendingTimers(): number {
    return this.#pending.length;
  }

  /** Moves time forward by `durationMs`, firing what comes due on the way. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await this.settle();
    for (let next = this.#pending[0]; next !== undefined && next.atMs <= untilMs; next = this.#pending[0]) {
      this.#pending.shift();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  /** Advances timer by timer until `condition` holds; throws once `timeoutMs` of virtual time has passed. */
  async advanceUntil(
    condition: () => boolean | Promise<boolean>,
    options: { timeoutMs?: number } = {},
  ): Promise<void> {
    const untilMs = this.#nowMs + (options.timeoutMs ?? 3_600_000);
    await this.settle();
    while (!(await condition())) {
      const next = this.#pending[0];
      if (next === undefined)
        throw new Error("advanceUntil: no timer is pending and the condition does not hold");
      if (next.atMs > untilMs) throw new Error("advanceUntil: the condition did not hold in time");
      await this.advance(next.atMs - this.#nowMs);
    }
  }

  /** Waits until promise work has settled, held work included, without moving time. */
  async settle(): Promise<void> {
    await this.#quiet();
    while (this.#delivery !== undefined) {
      await this.#delivery;
      await this.#quiet();
    }
  }

  async #quiet(): Promise<void> {
    // A turn runs all promise work to its end, but what yields (a long list) goes on in the next.
    do await new Promise<void>((resolve) => nextTurn(resolve));
    while (this.#yielding > 0);
  }
}

function insertSorted(timers: PendingTimer[], timer: PendingTimer): void {
  let low = 0;
  let high = timers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = timers[middle] as PendingTimer; // low <= middle < high <= length
    if (other.atMs <= timer.atMs) low = middle + 1;
    else high = middle;
  }
  timers.splice(low, 0, timer);
}
