import type { CacheEvent } from "./cache-event.ts";
import type { CachedObject } from "./cached-object.ts";
import type { ObjectChange } from "./object-change.ts";
import type { Selection } from "./selection.ts";

type Step = IteratorResult<readonly CacheEvent[], undefined>;
const done: Step = { done: true, value: undefined };

/** Events handed over at once while the initial ones last, so that a long list does not hold the event loop. */
const initialBatch = 500;

export interface WatcherOptions {
  readonly selection: Selection;
  readonly bookmarks: boolean;
  /** Changes up to this revision are not for this watcher. */
  readonly afterRevision: number;
  /** What comes first; drawn as the reader asks. */
  readonly initial: Iterator<CacheEvent>;
  /** How many events may wait for the reader. */
  readonly bufferLimit: number;
  readonly selects: (cached: CachedObject) => boolean;
  /** Called once when the watch is over. */
  readonly release: () => void;
}

/** One watch: the events that wait for its reader, who gets all of them at each turn. */
export class Watcher implements AsyncIterableIterator<readonly CacheEvent[], undefined> {
  readonly selection: Selection;
  readonly bookmarks: boolean;
  readonly #afterRevision: number;
  readonly #selects: (cached: CachedObject) => boolean;
  readonly #bufferLimit: number;
  readonly #release: () => void;
  #initial: Iterator<CacheEvent> | undefined;
  #buffer: CacheEvent[] = [];
  #waiting: PromiseWithResolvers<Step> | undefined;
  #ended = false;

  constructor(options: WatcherOptions) {
    this.selection = options.selection;
    this.bookmarks = options.bookmarks;
    this.#afterRevision = options.afterRevision;
    this.#selects = options.selects;
    this.#bufferLimit = options.bufferLimit;
    this.#release = options.release;
    this.#initial = options.initial;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    const batch = this.#take();
    if (batch.length > 0) return Promise.resolve({ done: false, value: batch });
    if (this.#ended) return Promise.resolve(done);
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<Step> {
    this.cut();
    return Promise.resolve(done);
  }

  /** Buffers what the change means here; true: there is something to `flush`. */
  offer(change: ObjectChange): boolean {
    if (this.#ended || change.revision <= this.#afterRevision) return false;
    const event = change.eventFor(this.#selects);
    if (event === undefined) return false;
    if (this.#buffer.length >= this.#bufferLimit) this.end();
    else this.#buffer.push(event);
    return true;
  }

  /** A bookmark for what was buffered before it; a newer one takes the place of one that still waits. */
  offerBookmark(bookmark: CacheEvent): void {
    if (this.#ended || bookmark.revision < this.#afterRevision) return;
    if (this.#buffer.at(-1)?.type === "BOOKMARK") this.#buffer.pop();
    this.#buffer.push(bookmark);
    this.flush();
  }

  /** Hands over what waits, if the reader is there. */
  flush(): void {
    if (this.#waiting === undefined) return;
    const batch = this.#take();
    if (batch.length === 0 && !this.#ended) return;
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(batch.length > 0 ? { done: false, value: batch } : done);
  }

  /** The reader gets what waits, and then the end. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    this.flush();
  }

  /** The reader wants no more. */
  cut(): void {
    this.#initial = undefined;
    this.#buffer = [];
    this.end();
  }

  #take(): readonly CacheEvent[] {
    if (this.#initial !== undefined) {
      const first: CacheEvent[] = [];
      while (first.length < initialBatch) {
        const { value, done } = this.#initial.next();
        if (done) {
          this.#initial = undefined;
          break;
        }
        first.push(value);
      }
      if (first.length > 0) return first;
    }
    const batch = this.#buffer;
    if (batch.length > 0) this.#buffer = [];
    return batch;
  }
}
