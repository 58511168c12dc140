import { type BackoffPolicy, backoffDelayMs } from "../base/backoff.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { FifoMap } from "../base/fifo-map.ts";
import { Heap } from "../base/heap.ts";
import type { Random } from "../base/random.ts";
import { fullBucket, reserveToken, type TokenBucketPolicy } from "../base/token-bucket.ts";

/**
 * client-go's `util/workqueue`: keys that need work. A key is handed out to one worker at a time; added again meanwhile,
 * it comes back once that worker is done with it; added twice before, it comes out once.
 */
export interface WorkQueue {
  /** A key that waits already keeps its place, or moves up if this priority is higher. */
  add(key: string, options?: AddOptions): void;
  /** Adds once `delayMs` are over; of two delays of one key the shorter counts. */
  addAfter(key: string, delayMs: number, options?: AddOptions): void;
  /** Adds after this key's own exponential back-off. */
  addRateLimited(key: string, options?: AddOptions): void;
  /** The key succeeded: its back-off starts over. */
  forget(key: string): void;
  /** How often addRateLimited was called since the last forget. */
  requeues(key: string): number;
  /** The next key; undefined once the queue is shut down and empty. */
  get(): Promise<string | undefined>;
  /** Every key from get must be handed back. */
  done(key: string): void;
  /** Keys that could be handed out now. */
  readonly length: number;
  /** Takes no more keys; those that wait are still handed out, those that are delayed are dropped. */
  shutDown(): void;
  /** Resolves once the queue is shut down, empty, and every key was handed back. */
  drained(): Promise<void>;
}

/** Where a key comes to stand among those that wait. */
export interface AddOptions {
  /** Higher comes out first; 0 unless said. Within one priority the order is that of adding. */
  readonly priority?: number;
}

/** Both limits apply to addRateLimited; the longer delay counts. */
export interface RateLimit {
  readonly perItem: BackoffPolicy;
  /** Over all keys; absent: no such limit. */
  readonly overall?: TokenBucketPolicy;
}

/** client-go's DefaultTypedControllerRateLimiter: 5 ms doubling to 1000 s a key, and 10/s with a burst of 100 over all. */
export const defaultRateLimit: RateLimit = {
  perItem: { initialMs: 5, factor: 2, limitMs: 1_000_000, jitter: 0 },
  overall: { perSecond: 10, burst: 100 },
};

/** Hooks under the meaning of client-go's workqueue metrics; durations in milliseconds. */
export interface WorkQueueMetrics {
  depth?(depth: number): void;
  added?(): void;
  /** From adding to handing out. */
  waited?(durationMs: number): void;
  /** From handing out to done. */
  worked?(durationMs: number): void;
  /** By addRateLimited or addAfter. */
  retried?(): void;
  /** Called once with how to ask, at any time, for how long each key at work has been so. */
  attached?(queue: { runningMs(): readonly number[] }): void;
}

/** What a queue is made of; `name` is for its metrics. */
export interface WorkQueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly rateLimit?: RateLimit;
  readonly metrics?: WorkQueueMetrics;
}

/** An empty queue. It needs no signal: `shutDown` ends it, and its one timer with it. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new RateLimitingQueue(options);
}

interface Waiting {
  readonly priority: number;
  readonly sinceMs: number;
}

interface Delayed {
  readonly key: string;
  readonly atMs: number;
  readonly order: number;
  readonly priority: number;
}

class RateLimitingQueue implements WorkQueue {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #metrics: WorkQueueMetrics;
  readonly #rateLimit: RateLimit;
  /** Keys that need work: those in #ready, and those whose worker is still busy with an older round. */
  readonly #dirty = new Map<string, Waiting>();
  /** Keys at work, and since when. */
  readonly #processing = new Map<string, number>();
  readonly #ready = new PriorityLanes();
  readonly #getters: ((key: string | undefined) => void)[] = [];
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Heap<Delayed>(
    (left, right) => left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order),
  );
  /** The one entry of #delayed that counts for a key; others are left over from a later time. */
  readonly #delayedByKey = new Map<string, Delayed>();
  #delayOrder = 0;
  #timer: { readonly atMs: number; readonly handle: Timer } | undefined;
  #bucket;
  #shutDown = false;
  #drainWaiters: (() => void)[] = [];

  constructor({ clock, random, metrics = {}, rateLimit = defaultRateLimit }: WorkQueueOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#metrics = metrics;
    this.#rateLimit = rateLimit;
    this.#bucket = fullBucket(rateLimit.overall ?? { perSecond: 0, burst: 0 }, clock.monotonicMs());
    metrics.attached?.({
      runningMs: () => [...this.#processing.values()].map((sinceMs) => clock.monotonicMs() - sinceMs),
    });
  }

  get length(): number {
    return this.#ready.size;
  }

  add(key: string, { priority = 0 }: AddOptions = {}): void {
    if (this.#shutDown) return;
    const waiting = this.#dirty.get(key);
    if (waiting !== undefined) {
      if (priority <= waiting.priority) return;
      this.#dirty.set(key, { ...waiting, priority });
      if (!this.#processing.has(key)) this.#ready.move(key, waiting.priority, priority);
      return;
    }
    this.#metrics.added?.();
    this.#dirty.set(key, { priority, sinceMs: this.#clock.monotonicMs() });
    if (!this.#processing.has(key)) this.#makeReady(key, priority);
  }

  addAfter(key: string, delayMs: number, { priority = 0 }: AddOptions = {}): void {
    if (this.#shutDown) return;
    this.#metrics.retried?.();
    if (delayMs <= 0) {
      this.add(key, { priority });
      return;
    }
    const known = this.#delayedByKey.get(key);
    const atMs = Math.min(this.#clock.monotonicMs() + delayMs, known?.atMs ?? Number.POSITIVE_INFINITY);
    if (known !== undefined && known.atMs === atMs && known.priority >= priority) return;
    const entry = {
      key,
      atMs,
      order: this.#delayOrder++,
      priority: Math.max(priority, known?.priority ?? priority),
    };
    this.#delayedByKey.set(key, entry);
    this.#delayed.push(entry);
    this.#armTimer();
  }

  addRateLimited(key: string, options: AddOptions = {}): void {
    if (this.#shutDown) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const { perItem, overall } = this.#rateLimit;
    const itemDelayMs = backoffDelayMs(perItem, failures, this.#random);
    let overallDelayMs = 0;
    if (overall !== undefined) {
      const reserved = reserveToken(this.#bucket, overall, this.#clock.monotonicMs());
      this.#bucket = reserved.bucket;
      overallDelayMs = reserved.delayMs;
    }
    this.addAfter(key, Math.max(itemDelayMs, overallDelayMs), options);
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  requeues(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  get(): Promise<string | undefined> {
    const key = this.#ready.shift();
    if (key !== undefined) {
      this.#start(key);
      return Promise.resolve(key);
    }
    if (this.#shutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#getters.push(resolve));
  }

  done(key: string): void {
    const sinceMs = this.#processing.get(key);
    if (sinceMs === undefined) return;
    this.#processing.delete(key);
    this.#metrics.worked?.(this.#clock.monotonicMs() - sinceMs);
    const again = this.#dirty.get(key);
    if (again !== undefined) this.#makeReady(key, again.priority);
    this.#settleDrain();
  }

  shutDown(): void {
    this.#shutDown = true;
    this.#timer?.handle.cancel();
    this.#timer = undefined;
    for (const getter of this.#getters.splice(0)) getter(undefined);
    this.#settleDrain();
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drainWaiters.push(resolve);
      this.#settleDrain();
    });
  }

  #makeReady(key: string, priority: number): void {
    const getter = this.#getters.shift();
    if (getter === undefined) {
      this.#ready.push(key, priority);
      this.#metrics.depth?.(this.#ready.size);
    } else {
      this.#start(key);
      getter(key);
    }
  }

  #start(key: string): void {
    const nowMs = this.#clock.monotonicMs();
    const waiting = this.#dirty.get(key);
    if (waiting !== undefined) this.#metrics.waited?.(nowMs - waiting.sinceMs);
    this.#dirty.delete(key);
    this.#processing.set(key, nowMs);
    this.#metrics.depth?.(this.#ready.size);
  }

  /** One timer for the earliest delayed key, whatever their number. */
  #armTimer(): void {
    const next = this.#delayed.peek();
    if (next === undefined || (this.#timer !== undefined && this.#timer.atMs <= next.atMs)) return;
    this.#timer?.handle.cancel();
    const handle = this.#clock.setTimer(next.atMs - this.#clock.monotonicMs(), () => this.#releaseDue());
    this.#timer = { atMs: next.atMs, handle };
  }

  #releaseDue(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let next = this.#delayed.peek(); next !== undefined; next = this.#delayed.peek()) {
      const counts = this.#delayedByKey.get(next.key) === next;
      if (counts && next.atMs > nowMs) break;
      this.#delayed.pop();
      if (!counts) continue;
      this.#delayedByKey.delete(next.key);
      this.add(next.key, next);
    }
    this.#armTimer();
  }

  #settleDrain(): void {
    if (!this.#shutDown || this.#ready.size > 0 || this.#processing.size > 0) return;
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }
}

/** First in, first out within a priority; the highest priority first. */
class PriorityLanes {
  readonly #lanes = new Map<number, FifoMap<string, true>>();
  /** Priorities in use, highest first. */
  #priorities: number[] = [];
  size = 0;

  push(key: string, priority: number): void {
    let lane = this.#lanes.get(priority);
    if (lane === undefined) {
      lane = new FifoMap();
      this.#lanes.set(priority, lane);
      this.#priorities = [...this.#lanes.keys()].sort((left, right) => right - left);
    }
    lane.set(key, true);
    this.size++;
  }

  shift(): string | undefined {
    for (const priority of this.#priorities) {
      const next = this.#lanes.get(priority)?.shift();
      if (next === undefined) continue;
      this.size--;
      return next[0];
    }
    return undefined;
  }

  move(key: string, from: number, to: number): void {
    if (this.#lanes.get(from)?.delete(key) !== true) return;
    this.size--;
    this.push(key, to);
  }
}
