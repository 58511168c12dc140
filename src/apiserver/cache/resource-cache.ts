import { expired, serviceUnavailable } from "../../apimachinery/api-error.ts";
import { abortable } from "../../base/abortable.ts";
import { backoffDelayMs } from "../../base/backoff.ts";
import { sleep, type Timer } from "../../base/clock.ts";
import {
  ClosedError,
  type KeyValue,
  type StorageEvent,
  type StorageWatch,
  type StorageWatchBatch,
  UnreadableValueError,
} from "../../storage/storage.ts";
import { CacheEvent } from "./cache-event.ts";
import { CachedObject, withRevision } from "./cached-object.ts";
import { ChangeHistory, defaultHistoryLimits } from "./change-history.ts";
import { Freshness } from "./freshness.ts";
import { eventsOf, initialEvents } from "./initial-events.ts";
import { assertKept, listPast, listPresent } from "./listing.ts";
import { ObjectChange } from "./object-change.ts";
import { type CacheStats, ObjectSizes } from "./object-sizes.ts";
import { PresentObjects } from "./present-objects.ts";
import { Scope } from "./scope.ts";
import { SharedFields } from "./shared-fields.ts";
import type {
  CacheList,
  CacheListOptions,
  CacheWatchOptions,
  ReadOptions,
  WatchCache,
  WatchCacheDependencies,
} from "./watch-cache.ts";
import { Watcher } from "./watcher.ts";
import { WatcherIndex } from "./watcher-index.ts";

const defaultBufferLimit = 10_000;
const bookmarkPeriodMs = 60_000;
/** Before a watch's timeout, so that its client resumes from as late as can be. */
const lastBookmarkMs = 2000;
const retry = { initialMs: 200, factor: 2, limitMs: 10_000, jitter: 0.5 };
/** Objects are decoded this long at a stretch when a cache begins: there may be tens of thousands. */
const loadSliceMs = 5;

export function createWatchCache(dependencies: WatchCacheDependencies): WatchCache {
  return new ResourceCache(dependencies);
}

class ResourceCache implements WatchCache {
  readonly #dependencies: WatchCacheDependencies;
  readonly #scope: Scope;
  readonly #sizes = new ObjectSizes();
  readonly #fields = new SharedFields();
  #objects: PresentObjects;
  readonly #history: ChangeHistory;
  readonly #watchers: WatcherIndex<Watcher>;
  readonly #freshness: Freshness;
  readonly #closing = new AbortController();
  #storageWatch: StorageWatch | undefined;
  #running: Promise<void> | undefined;
  #loaded = Promise.withResolvers<void>();
  #isLoaded = false;
  #bookmarkTimer: Timer | undefined;

  constructor(dependencies: WatchCacheDependencies) {
    this.#dependencies = dependencies;
    this.#objects = this.#noObjects();
    this.#scope = new Scope(dependencies.prefix, dependencies.namespaced);
    this.#history = new ChangeHistory(dependencies.historyLimits ?? defaultHistoryLimits);
    this.#watchers = new WatcherIndex(this.#fieldOf);
    this.#freshness = new Freshness(dependencies.clock, () => this.#storageWatch?.requestProgress());
    this.#loaded.promise.catch(() => {}); // those who wait for it hear of it
  }

  get revision(): number {
    return this.#freshness.revision;
  }

  readonly #fieldOf = (cached: CachedObject, field: string): string =>
    this.#dependencies.fieldOf?.(cached.object, field) ?? "";

  begin(): void {
    if (!this.#closing.signal.aborted) this.#running ??= this.#run();
  }

  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#isLoaded) return;
    if (this.#closing.signal.aborted) throw closedError();
    this.begin();
    await abortable(this.#loaded.promise, options.signal);
  }

  async get(key: string, options: ReadOptions = {}): Promise<CachedObject | undefined> {
    const { minRevision } = options;
    if (minRevision === undefined) {
      const keyValue = await this.#dependencies.storage.get(key);
      return keyValue && this.hold(keyValue);
    }
    await this.#reach(minRevision, options);
    return this.#objects.get(key);
  }

  async list(options: CacheListOptions): Promise<CacheList> {
    const { storage, clock } = this.#dependencies;
    const asked = options.exactRevision ?? (await this.#reach(options.minRevision, options));
    if (!this.#isLoaded) await this.ready(options);
    const revision = asked ?? this.revision;
    const isPresent = revision >= this.#history.latest && revision <= this.revision;
    if (!isPresent) return listPast(storage, this.hold, this.#scope, revision, options);
    // Nothing changed since, but a token lasts no longer than storage's history: clients rely on it to be told.
    if (options.exactRevision !== undefined) await assertKept(storage, this.#scope, options);
    return listPresent(this.#objects, revision, this.#scope, clock, options);
  }

  async watch(options: CacheWatchOptions): Promise<AsyncIterable<readonly CacheEvent[]>> {
    const { selection, signal } = options;
    const { afterRevision, initial } = await this.#beginning(options);
    const { completeAfter } = this.#history;
    if (afterRevision < completeAfter)
      throw expired(`too old resource version: ${afterRevision} (${completeAfter})`);
    const selects = this.#scope.selector(selection);
    const timers: Timer[] = [];
    const watcher: Watcher = new Watcher({
      selection,
      selects,
      bookmarks: options.bookmarks ?? false,
      afterRevision,
      initial: eventsOf(initial, this.#history.after(afterRevision), selects),
      bufferLimit: this.#dependencies.bufferLimit ?? defaultBufferLimit,
      release: () => {
        this.#watchers.delete(watcher);
        signal.removeEventListener("abort", onAbort);
        for (const timer of timers) timer.cancel();
        if (this.#watchers.size === 0) this.#stopBookmarks();
      },
    });
    const onAbort = () => watcher.cut();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#watchers.add(watcher);
    if (options.timeoutMs !== undefined) timers.push(...this.#endAfter(watcher, options.timeoutMs));
    if (watcher.bookmarks) this.#startBookmarks();
    // Given up, or closed, while it waited to begin: nobody will ever read it.
    if (signal.aborted || this.#closing.signal.aborted) watcher.cut();
    return watcher;
  }

  async waitUntilFresh(
    revision: number,
    options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
  ): Promise<void> {
    await this.ready(options);
    await this.#freshness.reach(revision, options);
  }

  readonly hold = (keyValue: KeyValue): CachedObject =>
    this.#hold(keyValue, keyValue.createRevision === keyValue.modRevision ? "ADDED" : "MODIFIED");

  stats(): CacheStats | undefined {
    return this.#isLoaded ? this.#sizes.stats(this.#objects, this.#scope.range) : undefined;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stopBookmarks();
    this.#endWatchers();
    this.#loaded.reject(closedError());
    await this.#running;
  }

  #hold(keyValue: KeyValue, frameType: "ADDED" | "MODIFIED"): CachedObject {
    const { key, value, modRevision } = keyValue;
    const { derived } = value;
    const { decode, budget } = this.#dependencies;
    if (
      derived instanceof CachedObject &&
      derived.revision === modRevision &&
      derived.key === key &&
      derived.reader === decode
    )
      return derived;
    // What storage holds is an object of the API, as the registry wrote it.
    const stored = this.#fields.share(value.object as CachedObject["object"]);
    value.keep(stored);
    const decoded = decode === undefined ? stored : decode(keyValue);
    const written = value.takeWritten();
    // What is read in another form than it was written in is not served as it was written.
    const encoding = { frameType, budget, reader: decode, written: decoded === stored ? written : undefined };
    const held = new CachedObject(key, modRevision, withRevision(decoded, modRevision), encoding);
    value.derived = held;
    return held;
  }

  /**
   * Waits until the cache is as new as a read must be: absent means as of now, 0 whatever is at hand. Where storage's watch
   * cannot be asked for progress, a read as of now is answered from storage instead: then this is the revision to read.
   */
  async #reach(
    minRevision: number | undefined,
    options: { readonly signal?: AbortSignal },
  ): Promise<number | undefined> {
    const { storage } = this.#dependencies;
    if (!this.#isLoaded) await this.ready(options);
    if (minRevision === 0) return undefined;
    const wanted = minRevision ?? (await storage.currentRevision());
    if (wanted <= this.revision) return undefined;
    if (minRevision === undefined && !storage.supportsProgress) return wanted;
    await this.#freshness.reach(wanted, options);
    return undefined;
  }

  /** What a watch tells first, and the revision after which it goes on with the history. */
  async #beginning(
    options: CacheWatchOptions,
  ): Promise<{ readonly afterRevision: number; readonly initial: Iterable<CacheEvent> }> {
    const { selection, afterRevision, minRevision, signal } = options;
    if (afterRevision !== undefined) {
      await this.ready({ signal });
      return { afterRevision, initial: [] };
    }
    if (options.skipInitialEvents) {
      const revision = await this.#reach(minRevision, options);
      return { afterRevision: revision ?? this.revision, initial: [] };
    }
    const state = await this.list({
      selection,
      signal,
      ...(minRevision === undefined ? {} : { minRevision }),
    });
    const end = options.initialEventsEnd
      ? this.#bookmark(state.revision, { "k8s.io/initial-events-end": "true" })
      : undefined;
    return { afterRevision: state.revision, initial: initialEvents(state.items, end) };
  }

  async #run(): Promise<void> {
    const { clock, logger, random, prefix } = this.#dependencies;
    const { signal } = this.#closing;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#follow(signal, () => {
          attempt = 0;
        });
      } catch (error) {
        if (signal.aborted || error instanceof ClosedError) return;
        logger.warn({ prefix, error: String(error) }, "the watch of storage failed; the cache starts over");
        if (error instanceof UnreadableValueError) this.#refuse(error);
      }
      // Clients resume from storage's present: what they missed meanwhile they get by listing.
      this.#endWatchers();
      await sleep(clock, backoffDelayMs(retry, attempt, random), { signal }).catch(() => {});
    }
  }

  /** Loads the present and follows it for as long as storage's watch holds. */
  async #follow(signal: AbortSignal, succeeded: () => void): Promise<void> {
    const { storage } = this.#dependencies;
    const { items, revision } = await storage.range(this.#scope.range);
    const objects = await this.#load(items, signal);
    if (signal.aborted) return;
    // All at once: until here, readers had the state before.
    this.#endWatchers();
    this.#objects = objects;
    this.#history.reset(revision);
    const watch = storage.watch(this.#scope.range, { fromRevision: revision + 1, signal });
    this.#storageWatch = watch;
    this.#freshness.advance(revision);
    this.#isLoaded = true;
    this.#loaded.resolve();
    succeeded();
    for await (const batch of watch) this.#apply(batch);
  }

  /** Those who wait for a cache that cannot be loaded learn why; the next to come wait for the next attempt. */
  #refuse(error: Error): void {
    if (this.#isLoaded) return;
    const { reject } = this.#loaded;
    this.#loaded = Promise.withResolvers();
    this.#loaded.promise.catch(() => {});
    reject(error);
  }

  async #load(items: readonly KeyValue[], signal: AbortSignal): Promise<PresentObjects> {
    const { clock } = this.#dependencies;
    const objects = this.#noObjects();
    let sliceEnd = clock.now() + loadSliceMs;
    for (const keyValue of items) {
      const held = this.#decoded(keyValue, "ADDED");
      if (held !== undefined) objects.set(held);
      if (clock.now() < sliceEnd) continue;
      await clock.yield();
      if (signal.aborted) break;
      sliceEnd = clock.now() + loadSliceMs;
    }
    return objects;
  }

  #noObjects(): PresentObjects {
    return new PresentObjects(this.#dependencies.indexedFields ?? [], this.#fieldOf);
  }

  /**
   * Undefined for what cannot be decoded: one spoilt object must not take the others with it. What cannot be decrypted is
   * another matter: a wrong key must not make a cluster's secrets look deleted. Throws `UnreadableValueError`.
   */
  #decoded(keyValue: KeyValue, frameType: "ADDED" | "MODIFIED"): CachedObject | undefined {
    try {
      return this.#hold(keyValue, frameType);
    } catch (error) {
      if (error instanceof UnreadableValueError)
        throw new UnreadableValueError(
          `unable to transform key ${JSON.stringify(keyValue.key)}: ${error.message}`,
          { cause: error },
        );
      const { logger } = this.#dependencies;
      logger.error({ key: keyValue.key, error: String(error) }, "a stored object cannot be decoded");
      return undefined;
    }
  }

  #apply({ events, revision }: StorageWatchBatch): void {
    const seenAtMs = this.#dependencies.clock.now();
    const touched = new Set<Watcher>();
    for (const event of events) {
      const change = this.#change(event, seenAtMs);
      this.#history.add(change);
      this.#watchers.visit(change, (watcher) => {
        if (watcher.offer(change)) touched.add(watcher);
      });
    }
    this.#freshness.advance(revision);
    for (const watcher of touched) watcher.flush();
  }

  #change(event: StorageEvent, seenAtMs: number): ObjectChange {
    const { key, revision } = event;
    const previous = this.#objects.get(key);
    const current =
      event.current && this.#decoded(event.current, previous === undefined ? "ADDED" : "MODIFIED");
    if (current === undefined) this.#objects.delete(key);
    else this.#objects.set(current);
    return new ObjectChange({ revision, place: this.#scope.placeOf(key), current, previous, seenAtMs });
  }

  #endWatchers(): void {
    for (const watcher of [...this.#watchers]) watcher.end();
  }

  #endAfter(watcher: Watcher, timeoutMs: number): Timer[] {
    const { clock } = this.#dependencies;
    const end = clock.setTimer(timeoutMs, () => watcher.end());
    if (!watcher.bookmarks || timeoutMs <= lastBookmarkMs) return [end];
    return [end, clock.setTimer(timeoutMs - lastBookmarkMs, () => void this.#sendBookmarks([watcher]))];
  }

  #startBookmarks(): void {
    this.#bookmarkTimer ??= this.#dependencies.clock.setTimer(bookmarkPeriodMs, () => {
      this.#bookmarkTimer = undefined;
      const wanting = [...this.#watchers].filter(({ bookmarks }) => bookmarks);
      if (wanting.length === 0) return;
      this.#startBookmarks();
      void this.#sendBookmarks(wanting);
    });
  }

  #stopBookmarks(): void {
    this.#bookmarkTimer?.cancel();
    this.#bookmarkTimer = undefined;
  }

  /** A quiet resource's bookmarks follow the store's revision, so that its clients never find their own too old. */
  async #sendBookmarks(watchers: readonly Watcher[]): Promise<void> {
    try {
      if (this.#dependencies.storage.supportsProgress)
        await this.#reach(undefined, { signal: this.#closing.signal });
    } catch {
      // Storage does not answer: a bookmark at what is known is true as well.
    }
    const bookmark = this.#bookmark(this.revision);
    for (const watcher of watchers) watcher.offerBookmark(bookmark);
  }

  #bookmark(revision: number, annotations?: Readonly<Record<string, string>>): CacheEvent {
    const { apiVersion, kind, budget, prefix } = this.#dependencies;
    const metadata = { resourceVersion: String(revision), ...(annotations && { annotations }) };
    const object = { kind, apiVersion, metadata };
    return new CacheEvent(
      "BOOKMARK",
      new CachedObject(prefix, revision, object, { frameType: "BOOKMARK", budget }),
    );
  }
}

function closedError() {
  return serviceUnavailable("the watch cache is closed");
}
