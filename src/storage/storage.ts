/**
 * Storage with etcd v3's semantics, which the API server and every engine agree on: one revision counter for the
 * whole store, compare-and-commit transactions, ranges at a revision, watches from a revision. The compliance
 * suite (`compliance.ts`) is the contract in executable form; every engine passes it.
 */

/**
 * An immutable value in both its forms. Whichever form it was made from, the other is made at most once and shared
 * by everyone who holds the value: storage, watch cache, responses, informers.
 */
export class StoredValue {
  #object: object | undefined;
  #bytes: Uint8Array | undefined;

  private constructor(object: object | undefined, bytes: Uint8Array | undefined) {
    this.#object = object;
    this.#bytes = bytes;
  }

  /** `object` must never change afterwards. */
  static ofObject(object: object): StoredValue {
    return new StoredValue(object, undefined);
  }

  /** `bytes` are UTF-8 JSON of one object and must never change afterwards. */
  static ofBytes(bytes: Uint8Array): StoredValue {
    return new StoredValue(undefined, bytes);
  }

  get object(): object {
    this.#object ??= JSON.parse(decoder.decode(this.#bytes)) as object;
    return this.#object;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= encoder.encode(JSON.stringify(this.#object));
    return this.#bytes;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface KeyValue {
  readonly key: string;
  readonly value: StoredValue;
  /** The store's revision when the key was created. */
  readonly createRevision: number;
  /** The store's revision when the key was last written: an object's resourceVersion. */
  readonly modRevision: number;
}

/** Keys in [start, end), in byte order; `end` absent means the one key `start`. */
export interface KeyRange {
  readonly start: string;
  readonly end?: string;
}

/** The range of all keys that begin with `prefix`. */
export function prefixRange(prefix: string): KeyRange {
  const last = prefix.charCodeAt(prefix.length - 1);
  return { start: prefix, end: prefix.slice(0, -1) + String.fromCharCode(last + 1) };
}

export interface RangeOptions {
  /** At most this many items; 0 or absent means all. */
  readonly limit?: number;
  /** Read the store as it was at this revision; absent means now. */
  readonly revision?: number;
  /** Count only: items is empty. */
  readonly countOnly?: boolean;
}

export interface RangeResult {
  readonly items: readonly KeyValue[];
  /** How many keys the whole range holds at that revision, whatever the limit. */
  readonly count: number;
  /** The revision that was read: the one asked for, or the store's. */
  readonly revision: number;
}

/** Holds when the key's last write was at this revision; 0: when the key does not exist. */
export interface Compare {
  readonly key: string;
  readonly modRevision: number;
}

export type Write =
  | {
      readonly type: "put";
      readonly key: string;
      readonly value: StoredValue;
      /** The key is deleted by the store itself after this long (events). */
      readonly ttlSeconds?: number;
    }
  | { readonly type: "delete"; readonly key: string };

export interface Transaction {
  readonly compare: readonly Compare[];
  /** All of them or none; they share one revision. A delete of an absent key changes nothing. */
  readonly writes: readonly Write[];
}

export type CommitResult =
  | { readonly committed: true; readonly revision: number }
  /** A comparison did not hold; `current` is what stands at each compared key, in order. */
  | {
      readonly committed: false;
      readonly revision: number;
      readonly current: readonly (KeyValue | undefined)[];
    };

export interface StorageEvent {
  readonly type: "put" | "delete";
  readonly key: string;
  /** For a delete: the revision of the deletion. */
  readonly revision: number;
  /** What was written; absent for a delete. */
  readonly current?: KeyValue;
  /** What stood there before; absent when the key was created. */
  readonly previous?: KeyValue;
}

export interface WatchOptions {
  /** The first revision whose events are wanted; absent means those after now. */
  readonly fromRevision?: number;
  readonly signal: AbortSignal;
}

/** Events of one or more whole revisions, in order. With no events it is progress: all up to `revision` was seen. */
export interface StorageWatchBatch {
  readonly events: readonly StorageEvent[];
  readonly revision: number;
}

export interface Storage {
  /** The last committed revision this engine knows of. */
  readonly revision: number;
  get(key: string): Promise<KeyValue | undefined>;
  /** Throws `CompactedError` for a revision below the compacted one, `FutureRevisionError` above the store's. */
  range(range: KeyRange, options?: RangeOptions): Promise<RangeResult>;
  /** Resolves once the writes are durable (as durable as the engine is). */
  commit(transaction: Transaction): Promise<CommitResult>;
  /**
   * Every event of the range from `fromRevision` on, none twice, none missing, until the signal aborts (the iterable
   * then ends). Throws `CompactedError` when history no longer reaches back. A reader that lags makes the engine
   * buffer without dropping; the watch cache above is the only reader and never lags for long.
   */
  watch(range: KeyRange, options: WatchOptions): AsyncIterable<StorageWatchBatch>;
  /** Forgets history below `revision`: what exists stays. */
  compact(revision: number): Promise<void>;
  /** Finishes what was begun and releases everything. Watches end. */
  close(): Promise<void>;
}

export class CompactedError extends Error {
  readonly compactRevision: number;
  constructor(compactRevision: number) {
    super("required revision has been compacted");
    this.name = "CompactedError";
    this.compactRevision = compactRevision;
  }
}

export class FutureRevisionError extends Error {
  readonly currentRevision: number;
  constructor(currentRevision: number) {
    super("required revision is a future revision");
    this.name = "FutureRevisionError";
    this.currentRevision = currentRevision;
  }
}
