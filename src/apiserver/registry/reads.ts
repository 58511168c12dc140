import type { AnyObject } from "../../apimachinery/meta.ts";
import type { WatchEvent } from "../../client/exchange.ts";

/**
 * What the registry asks of whoever answers its reads. Objects handed out carry their resourceVersion, are shared and
 * immutable: the same stored object is the same JavaScript object for every reader.
 */
export interface ResourceReads {
  /** The object now, at least as new as `minRevision` (0: whatever is known; absent: as of now). */
  get(key: string, options?: { readonly minRevision?: number }): Promise<AnyObject | undefined>;
  list(options: ListReadOptions): Promise<ListRead>;
  /** Ends when the signal aborts. Throws `CompactedError` when history does not reach back to the revision. */
  watch(options: WatchReadOptions): Promise<AsyncIterable<readonly WatchEvent[]>>;
}

/** Decides whether an object is wanted, and narrows where it can be. */
export interface Selection {
  /** Absent: everything. */
  readonly matches?: (object: AnyObject) => boolean;
  /** Only this object, where the selectors say so much. */
  readonly name?: string;
  /** "": all namespaces. */
  readonly namespace: string;
  /** Fields the selector requires to have exactly this value (`spec.nodeName`): watch indexes may use them. */
  readonly exactFields?: Readonly<Record<string, string>>;
}

export interface ListReadOptions {
  readonly selection: Selection;
  readonly limit?: number;
  /** The list is taken from here on, at exactly `revision`. */
  readonly continueKey?: string;
  /** The state at exactly this revision. */
  readonly exactRevision?: number;
  /** Not older than this; 0: whatever is at hand; absent: as of now. */
  readonly minRevision?: number;
}

export interface ListRead {
  readonly items: readonly AnyObject[];
  readonly revision: number;
  /** Where the next page begins; absent: this was the last. */
  readonly nextKey?: string;
  /** How many keys the range holds past this page, where that is known (no selector). */
  readonly remaining?: number;
}

export interface WatchReadOptions {
  readonly selection: Selection;
  /** Events after this revision; absent: the present state as ADDED events first. */
  readonly afterRevision?: number;
  /** With the initial state: not older than this. */
  readonly minRevision?: number;
  readonly bookmarks: boolean;
  /** After the initial state comes a bookmark with the annotation `k8s.io/initial-events-end`. */
  readonly initialEventsEnd: boolean;
  readonly signal: AbortSignal;
  /** Of a bookmark's object. */
  readonly apiVersion: string;
  readonly kind: string;
}
