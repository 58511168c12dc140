import type { AnyObject } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { KeyValue, Storage } from "../../storage/storage.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { CacheEvent } from "./cache-event.ts";
import type { CachedObject } from "./cached-object.ts";
import type { HistoryLimits } from "./change-history.ts";
import type { CacheStats } from "./object-sizes.ts";
import type { Selection } from "./selection.ts";

export interface WatchCacheDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Shared by all caches of a process. */
  readonly budget: ByteBudget;
  /** What begins every key of the resource: "/registry/core/pods/". Then comes "namespace/name" or "name". */
  readonly prefix: string;
  readonly namespaced: boolean;
  /** Of a bookmark's object. */
  readonly apiVersion: string;
  readonly kind: string;
  /** A stored value as an object of `apiVersion`; the resourceVersion is set by the cache. Absent: `value.object`. */
  readonly decode?: (keyValue: KeyValue) => AnyObject;
  /** The value of a selectable field, "" for absence: watchers are indexed by those of `Selection.exactFields`. */
  readonly fieldOf?: (object: AnyObject, field: string) => string;
  /** Fields whose exact values lists are often asked for: `spec.nodeName`. */
  readonly indexedFields?: readonly string[];
  /** How many events may wait for a watch's reader before the watch is ended. */
  readonly bufferLimit?: number;
  readonly historyLimits?: HistoryLimits;
}

export interface ReadOptions {
  /** Not older than this; 0: whatever is at hand; absent: as of now. */
  readonly minRevision?: number;
  readonly signal?: AbortSignal;
}

export interface CacheListOptions extends ReadOptions {
  readonly selection: Selection;
  /** At most this many items; absent or 0: all. */
  readonly limit?: number;
  /** Take the list from this storage key on; goes with `exactRevision`, or with neither revision (inconsistent). */
  readonly continueKey?: string;
  /** The state at exactly this revision. */
  readonly exactRevision?: number;
}

export interface CacheList {
  /** In the order of their keys. */
  readonly items: readonly CachedObject[];
  /** The one point in time of the whole list: its resourceVersion. */
  readonly revision: number;
  /** Where the next page begins; absent: this was the last. */
  readonly nextKey?: string;
  /** How many objects follow this page, where that is known (a selection without `matches`). */
  readonly remaining?: number;
}

export interface CacheWatchOptions {
  readonly selection: Selection;
  /** Events after this revision; absent: the present state as ADDED events first. */
  readonly afterRevision?: number;
  /** With the present state: not older than this; 0: whatever is at hand; absent: as of now. */
  readonly minRevision?: number;
  /** Without `afterRevision`: start from the present state, but leave its ADDED events out. */
  readonly skipInitialEvents?: boolean;
  /** Send a bookmark every minute, and one shortly before `timeoutMs`. */
  readonly bookmarks?: boolean;
  /** After the present state comes a bookmark with the annotation `k8s.io/initial-events-end`. */
  readonly initialEventsEnd?: boolean;
  /** The watch ends after this long. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/**
 * The objects of one resource and their recent history, kept by one watch of storage (upstream's Cacher). Starts with the
 * first call and answers from then on without I/O, except for pages of a list and for exact revisions of the past.
 * Failures are ApiErrors in upstream's words: 410 Expired for a past that is gone, 504 Timeout for a revision that is
 * not reached within 3 s.
 */
export interface WatchCache {
  /** Everything up to this storage revision is in the cache. */
  readonly revision: number;
  /** Starts it, where nothing has: what is written from now on can be watched. */
  begin(): void;
  /** Resolves when the cache holds the present state. Other methods wait for it by themselves. */
  ready(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** The object under this storage key. */
  get(key: string, options?: ReadOptions): Promise<CachedObject | undefined>;
  list(options: CacheListOptions): Promise<CacheList>;
  /**
   * Rejects where the watch cannot begin. The iterable then yields batches until the signal aborts or the timeout passes; it
   * also ends when its reader lags so far behind that its buffer is full: the client then resumes or lists again.
   */
  watch(options: CacheWatchOptions): Promise<AsyncIterable<readonly CacheEvent[]>>;
  /** Resolves when the cache has seen everything up to `revision`. */
  waitUntilFresh(
    revision: number,
    options?: { readonly signal?: AbortSignal; readonly timeoutMs?: number },
  ): Promise<void>;
  /** The shared record of a stored state, such as the one just written: what readers and watchers get is the same. */
  hold(keyValue: KeyValue): CachedObject;
  /** How much there is; undefined while the cache has not been filled. */
  stats(): CacheStats | undefined;
  /** Ends all watches and the watch of storage. */
  close(): Promise<void>;
}
