/**
 * Storage with etcd v3's semantics, which the API server and every engine agree on: one revision counter for the
 * whole store, compare-and-commit transactions, ranges at a revision, watches from a revision. The compliance
 * suite (`test-support/compliance.ts`) is the contract in executable form; every engine passes it.
 */

import { type WrittenJson, writeJson } from "./written-json.ts";

/**
 * An immutable value in whichever form it is at hand: the object in process, its JSON from a disk or a wire. It is shared
 * by everyone who holds it: storage, watch cache, responses, informers. Only one form is kept at a time, so that a
 * store of large objects is not twice as large; bytes worth keeping are kept by the watch cache, within its budget.
 */
export class StoredValue {
  #object: object | undefined;
  #bytes: Uint8Array | undefined;
  #sealed: SealedBytes | undefined;
  #written: WrittenJson | undefined;
  /** What sealed the value where it lies at rest; undefined: unknown, or in the clear. */
  sealedBy: string | undefined;
  /** What the layer above made of this value (its cached form), to find it again wherever the value turns up. */
  derived: object | undefined;

  private constructor(
    object: object | undefined,
    bytes: Uint8Array | undefined,
    sealed: SealedBytes | undefined,
  ) {
    this.#object = object;
    this.#bytes = bytes;
    this.#sealed = sealed;
    this.#written = undefined;
    this.sealedBy = undefined;
    this.derived = undefined;
  }

  /** `object` must never change afterwards. */
  static ofObject(object: object): StoredValue {
    return new StoredValue(object, undefined, undefined);
  }

  /** `bytes` are UTF-8 JSON of one object and must never change afterwards. */
  static ofBytes(bytes: Uint8Array): StoredValue {
    return new StoredValue(undefined, bytes, undefined);
  }

  /** Encrypted at rest: opened when it is first read, so that one that cannot be opened harms no other. */
  static ofSealed(sealed: SealedBytes): StoredValue {
    return new StoredValue(undefined, undefined, sealed);
  }

  /** What must be waited for before the value is read for the first time; undefined: nothing. */
  prepare(): Promise<void> | undefined {
    return this.#sealed?.prepare?.();
  }

  /** Parsed once; the same object from then on. Throws `UnreadableValueError`. */
  get object(): object {
    if (this.#object === undefined) {
      const bytes = this.#bytes ?? this.#unseal();
      // No JSON begins like this.
      if (bytes?.[0] === sealedFirstByte)
        throw new UnreadableValueError("identity transformer tried to read encrypted data");
      this.#object = JSON.parse(decoder.decode(bytes)) as object;
      this.#bytes = undefined;
      this.#sealed = undefined;
    }
    return this.#object;
  }

  /** Keeps an equal object in the place of the one it has: one that shares more of its memory with others. */
  keep(equal: object): void {
    if (this.#object !== undefined) this.#object = equal;
  }

  #unseal(): Uint8Array | undefined {
    const opened = this.#sealed?.open();
    this.sealedBy = opened?.sealedBy;
    return opened?.bytes;
  }

  /** Made anew at each call once the object exists: for a writer to a disk or a wire, which needs them once. */
  get bytes(): Uint8Array {
    if (this.#bytes !== undefined) return this.#bytes;
    this.#written = writeJson(this.object);
    return this.#written.bytes;
  }

  /** The JSON that was made for a writer, for whoever comes first; it is not kept here any longer. */
  takeWritten(): WrittenJson | undefined {
    const written = this.#written;
    this.#written = undefined;
    return written;
  }
}

/** What lies at rest encrypted begins with "k8s:enc:". */
const sealedFirstByte = 0x6b;

/** A value's bytes in the clear, and the id of what seals or sealed them ("" for nothing). */
export interface UnsealedBytes {
  readonly bytes: Uint8Array;
  readonly sealedBy: string;
}

/** A value as it lies encrypted. */
export interface SealedBytes {
  /** Throws `UnreadableValueError`. */
  open(): UnsealedBytes;
  /** Fetches what `open` needs and has not; never rejects. */
  prepare?(): Promise<void> | undefined;
}

/** Values can be read once this resolves. */
export async function prepared(values: Iterable<KeyValue | undefined>): Promise<void> {
  const waits = [...values].flatMap((each) => each?.value.prepare() ?? []);
  if (waits.length > 0) await Promise.all(waits);
}

/** How values lie at rest: encryption, by the key they lie at. */
export interface ValueTransformer {
  /** The bytes as they are to lie at `key` from now on, and what sealed them. */
  seal(key: string, bytes: Uint8Array): { readonly bytes: Uint8Array; readonly sealedBy: string };
  /** Throws `UnreadableValueError`. */
  open(key: string, bytes: Uint8Array): UnsealedBytes;
  /** What would seal a value that is written at `key` now. */
  sealerOf(key: string): string;
  /** Fetches the keys that `open` will need for these bytes, where those are not in this process; never rejects. */
  prepare?(key: string, bytes: Uint8Array): Promise<void> | undefined;
  /** Throws `UnsealableValueError` where a value at `key` cannot be sealed now: to be asked before a write is decided. */
  assertSealable?(key: string): void;
}

/** A value that a transformer opens. */
export function sealedValue(transformer: ValueTransformer, key: string, bytes: Uint8Array): StoredValue {
  const open = () => transformer.open(key, bytes);
  if (transformer.prepare === undefined) return StoredValue.ofSealed({ open });
  return StoredValue.ofSealed({ open, prepare: () => transformer.prepare?.(key, bytes) });
}

const decoder = new TextDecoder();

export interface KeyValue {
  readonly key: string;
  readonly value: StoredValue;
  /** The store's revision when the key was created. */
  readonly createRevision: number;
  /** The store's revision when the key was last written: an object's resourceVersion. */
  readonly modRevision: number;
}

/** Keys in [start, end), in the order of their UTF-8 bytes; `end` absent means the one key `start`. */
export interface KeyRange {
  readonly start: string;
  readonly end?: string;
}

/** The range of all keys that begin with `prefix`, which is not empty. */
export function prefixRange(prefix: string): KeyRange {
  const characters = [...prefix];
  const last = characters.pop()?.codePointAt(0) ?? 0;
  // The surrogates are no characters: U+E000 follows U+D7FF.
  const next = last === 0xd7ff ? 0xe000 : last + 1;
  return { start: prefix, end: characters.join("") + String.fromCodePoint(next) };
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
  /**
   * All of them or none; they share one revision. No key occurs twice. A delete of an absent key changes nothing; when
   * nothing changes, the store's revision stays and is the result's.
   */
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

/** Events of one or more whole revisions, in order. All up to `revision` was seen; with no events that is the news. */
export interface StorageWatchBatch {
  readonly events: readonly StorageEvent[];
  readonly revision: number;
}

export interface StorageWatch extends AsyncIterable<StorageWatchBatch, undefined> {
  /**
   * Asks for a batch soon, without events if there are none, whose revision is at least the store's of now. Does nothing
   * where the store does not support progress.
   */
  requestProgress(): void;
}

export interface Storage {
  /** The last committed revision this engine knows of. */
  readonly revision: number;
  /**
   * Whether a watch can be asked how far it has come. Without (an etcd before 3.4.31 or 3.5.13, whose answer may overtake
   * events), a reader that may miss nothing reads the range again.
   */
  readonly supportsProgress: boolean;
  /** The last committed revision, whoever committed it: what a read must reach that may miss nothing. */
  currentRevision(): Promise<number>;
  /** Sees every commit that was acknowledged before the call, and none that is not yet durable. */
  get(key: string): Promise<KeyValue | undefined>;
  /** Throws `CompactedError` for a revision below the compacted one, `FutureRevisionError` above the store's. */
  range(range: KeyRange, options?: RangeOptions): Promise<RangeResult>;
  /**
   * Resolves once the writes are durable (as durable as the engine is). A transaction takes effect after all that were
   * acknowledged before it was called; those that are under way together, in some order (in an embedded engine, in that of the
   * calls). Rejects when the writes could not be made durable, or nobody knows: then they may still turn out to have
   * been written, after a crash or on the far side of a broken connection.
   */
  commit(transaction: Transaction): Promise<CommitResult>;
  /**
   * Every event of the range from `fromRevision` on (which may lie in the future), none twice, none missing, until the
   * signal aborts (the iterable then ends). Its iteration throws `CompactedError` when history no longer reaches back. A
   * reader that lags makes the engine buffer without dropping; the watch cache above is the only reader and never lags for
   * long.
   */
  watch(range: KeyRange, options: WatchOptions): StorageWatch;
  /**
   * Whether the value at `key` lies at rest in another way than it would be written now, so that it is worth writing though
   * nothing changes (keys of encryption were rotated). Absent: never.
   */
  isStale?(key: string): Promise<boolean>;
  /**
   * Forgets history below `revision`: what exists stays, and reads at `revision` still work. A revision that is already
   * compacted changes nothing; one above the store's throws `FutureRevisionError`.
   */
  compact(revision: number): Promise<void>;
  /** Finishes what was begun and releases everything. Watches end; later calls reject with `ClosedError`. */
  close(): Promise<void>;
}

export class ClosedError extends Error {
  constructor() {
    super("the store is closed");
    this.name = "ClosedError";
  }
}

/** Encryption at rest stands in the way. */
export class EncryptionError extends Error {}

/** What lies at rest cannot be turned back into an object: no key fits, or it was tampered with. */
export class UnreadableValueError extends EncryptionError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnreadableValueError";
  }
}

/** A value cannot be encrypted now: the plugin that keeps the key cannot be asked. */
export class UnsealableValueError extends EncryptionError {
  constructor(message: string) {
    super(message);
    this.name = "UnsealableValueError";
  }
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
