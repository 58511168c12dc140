import { compareUtf8 } from "../sorted-map.ts";
import type { KeyRange, StorageEvent, StorageWatch, StorageWatchBatch, WatchOptions } from "../storage.ts";

/** What a watch asks of the store it watches. */
interface WatchedStore {
  readonly revision: number;
  eventsFrom(revision: number): readonly StorageEvent[];
}

/** The open watches of a store. An event finds the ranges it lies in by binary search, however many there are. */
export class RangeWatches {
  /** In the order of their starts. */
  readonly #watches: RangeWatch[] = [];
  /** For each watch the greatest end of it and of all before it: where a search backwards may stop. */
  #greatestEnds: string[] | undefined;

  get size(): number {
    return this.#watches.length;
  }

  open(store: WatchedStore, range: KeyRange, options: WatchOptions): StorageWatch {
    const watch = new RangeWatch(store, range, options, () => this.#remove(watch));
    if (!watch.ended) this.#insert(watch);
    return watch;
  }

  /** Hands out what a commit changed; `revision` is the store's afterwards. */
  publish(events: readonly StorageEvent[], revision: number): void {
    if (this.#watches.length === 0) return;
    const touched = new Set<RangeWatch>();
    for (const event of events)
      this.#visitMatching(event.key, (watch) => {
        watch.add(event);
        touched.add(watch);
      });
    for (const watch of touched) watch.deliver(revision);
  }

  close(): void {
    for (const watch of [...this.#watches]) watch.end();
  }

  #visitMatching(key: string, visit: (watch: RangeWatch) => void): void {
    const greatestEnds = this.#ends();
    for (let index = this.#positionAfter(key) - 1; index >= 0; index--) {
      if (compareUtf8(greatestEnds[index] ?? "", key) <= 0) return;
      const watch = this.#watches[index];
      if (watch !== undefined && compareUtf8(key, watch.endKey) < 0) visit(watch);
    }
  }

  /** How many watches start at or before the key. */
  #positionAfter(key: string): number {
    let low = 0;
    let high = this.#watches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareUtf8(this.#watches[middle]?.start ?? "", key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #ends(): readonly string[] {
    if (this.#greatestEnds !== undefined) return this.#greatestEnds;
    let greatest = "";
    this.#greatestEnds = this.#watches.map((watch) => {
      if (compareUtf8(watch.endKey, greatest) > 0) greatest = watch.endKey;
      return greatest;
    });
    return this.#greatestEnds;
  }

  #insert(watch: RangeWatch): void {
    this.#watches.splice(this.#positionAfter(watch.start), 0, watch);
    this.#greatestEnds = undefined;
  }

  #remove(watch: RangeWatch): void {
    const index = this.#watches.indexOf(watch);
    if (index < 0) return;
    this.#watches.splice(index, 1);
    this.#greatestEnds = undefined;
  }
}

type Step = IteratorResult<StorageWatchBatch, undefined>;
const done: Step = { done: true, value: undefined };

class RangeWatch implements StorageWatch, AsyncIterator<StorageWatchBatch, undefined> {
  readonly start: string;
  /** A single key's range ends right after it. */
  readonly endKey: string;
  readonly #store: WatchedStore;
  readonly #fromRevision: number;
  readonly #signal: AbortSignal;
  readonly #release: () => void;
  #events: StorageEvent[] = [];
  /** The store's revision that the reader does not know of yet; 0: nothing is new. */
  #news = 0;
  #failure: unknown;
  #waiting: PromiseWithResolvers<Step> | undefined;
  ended = false;

  constructor(store: WatchedStore, range: KeyRange, options: WatchOptions, release: () => void) {
    this.start = range.start;
    this.endKey = range.end ?? `${range.start}\0`;
    this.#store = store;
    this.#fromRevision = options.fromRevision ?? 0;
    this.#signal = options.signal;
    this.#release = release;
    if (options.signal.aborted) this.ended = true;
    else this.#catchUp();
    if (!this.ended) options.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): AsyncIterator<StorageWatchBatch, undefined> {
    return this;
  }

  next(): Promise<Step> {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#news > 0 && !this.ended) return Promise.resolve(this.#take());
    if (this.ended) return Promise.resolve(done);
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<Step> {
    this.end();
    return Promise.resolve(done);
  }

  requestProgress(): void {
    if (!this.ended) this.deliver(this.#store.revision);
  }

  add(event: StorageEvent): void {
    if (event.revision >= this.#fromRevision) this.#events.push(event);
  }

  deliver(revision: number): void {
    this.#news = revision;
    if (this.#waiting === undefined) return;
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(this.#take());
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#events = [];
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#release();
    this.#waiting?.resolve(done);
    this.#waiting = undefined;
  }

  readonly #onAbort = () => this.end();

  #catchUp(): void {
    if (this.#fromRevision === 0 || this.#fromRevision > this.#store.revision) return;
    try {
      for (const event of this.#store.eventsFrom(this.#fromRevision))
        if (compareUtf8(this.start, event.key) <= 0 && compareUtf8(event.key, this.endKey) < 0)
          this.#events.push(event);
      this.#news = this.#store.revision;
    } catch (error) {
      this.#failure = error;
      this.ended = true;
    }
  }

  #take(): Step {
    const batch = { events: this.#events, revision: this.#news };
    this.#events = [];
    this.#news = 0;
    return { done: false, value: batch };
  }
}
