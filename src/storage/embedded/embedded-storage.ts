import type { Clock } from "../../base/clock.ts";
import {
  ClosedError,
  type CommitResult,
  type KeyRange,
  type KeyValue,
  prepared,
  type RangeOptions,
  type RangeResult,
  type Storage,
  type StorageEvent,
  type StorageWatch,
  type Transaction,
  type ValueTransformer,
  type WatchOptions,
} from "../storage.ts";
import { Expirations } from "./expirations.ts";
import { RangeWatches } from "./range-watches.ts";
import { exists, putVersion, tombstone, type Version, VersionedKeys } from "./versioned-keys.ts";

/** What a journal holds of one key. */
export interface JournalRecord {
  readonly keyValue: KeyValue;
  /** When the key is deleted by itself, in milliseconds since the epoch. */
  readonly expiresAtMs?: number;
}

export interface JournalWrite {
  readonly version: Version;
  readonly expiresAtMs: number | undefined;
}

/** Whole transactions that become durable together. */
export interface JournalBatch {
  /** The store's revision after the batch. */
  readonly revision: number;
  /** The last state of each key that changed. */
  readonly writes: Iterable<JournalWrite>;
}

/** Where an embedded store's state survives it. */
export interface Journal {
  /** Resolves when the batch is durable; on rejection none of it counts. Called again only after it settled. */
  write(batch: JournalBatch): Promise<void>;
  close(): Promise<void>;
}

export interface EmbeddedStorageOptions {
  readonly clock: Clock;
  /** Absent: the state lives as long as the process. */
  readonly journal?: Journal;
  readonly revision?: number;
  readonly records?: Iterable<JournalRecord>;
  /** Past states kept for reads and watches from a revision, however little is compacted. */
  readonly historyLimit?: number;
  /** How the journal encrypts values. */
  readonly transformer?: ValueTransformer;
}

interface PendingCommit {
  readonly versions: readonly Version[];
  readonly expirations: readonly (number | undefined)[];
  readonly result: (store: VersionedKeys) => CommitResult;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

const defaultHistoryLimit = 50_000;
/** Transactions of one batch: enough to fill a disk's write, few enough to be acknowledged soon. */
const batchLimit = 512;
const pendingLimit = 100_000;
const expiryRetryMs = 1000;

/**
 * A store that holds its whole state in this process and decides every transaction itself, in the order of the calls.
 * With a journal, what is decided waits there until it is durable; all that is decided while a batch is being written
 * goes with the next one (group commit). Reads and watches see durable state only; decisions see what is under way too.
 */
export class EmbeddedStorage implements Storage {
  readonly #clock: Clock;
  readonly #journal: Journal | undefined;
  readonly #historyLimit: number;
  readonly #transformer: ValueTransformer | undefined;
  readonly #keys: VersionedKeys;
  readonly #watches = new RangeWatches();
  readonly #expirations: Expirations;
  /** The last version of each key that is decided and not yet durable. */
  readonly #undurable = new Map<string, Version>();
  #decidedRevision: number;
  #queue: PendingCommit[] = [];
  #flushing: Promise<void> | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(options: EmbeddedStorageOptions) {
    const { clock, journal, revision = 1, records = [], historyLimit = defaultHistoryLimit } = options;
    this.#clock = clock;
    this.#journal = journal;
    this.#historyLimit = historyLimit;
    this.#transformer = options.transformer;
    this.#keys = new VersionedKeys(revision);
    this.#decidedRevision = revision;
    this.#expirations = new Expirations(clock, (key, modRevision) => this.#expire(key, modRevision));
    for (const { keyValue, expiresAtMs } of records) {
      this.#keys.load(keyValue);
      if (expiresAtMs !== undefined) this.#expirations.add(keyValue.key, keyValue.modRevision, expiresAtMs);
    }
  }

  readonly supportsProgress = true;

  get revision(): number {
    return this.#keys.revision;
  }

  async currentRevision(): Promise<number> {
    this.#checkOpen();
    return this.#keys.revision;
  }

  async get(key: string): Promise<KeyValue | undefined> {
    this.#checkOpen();
    const found = this.#keys.get(key);
    if (this.#fetchesKeys) await prepared([found]);
    return found;
  }

  async range(range: KeyRange, options?: RangeOptions): Promise<RangeResult> {
    this.#checkOpen();
    const result = this.#keys.range(range, options);
    if (this.#fetchesKeys) await prepared(result.items);
    return result;
  }

  /** Whether values may have to be prepared before they are read. */
  get #fetchesKeys(): boolean {
    return this.#transformer?.prepare !== undefined;
  }

  async isStale(key: string): Promise<boolean> {
    const standing = this.#transformer && this.#keys.get(key);
    if (standing === undefined) return false;
    await prepared([standing]);
    void standing.value.object; // what sealed it is known once it is opened
    return standing.value.sealedBy !== this.#transformer?.sealerOf(key);
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    this.#keys.compact(revision);
  }

  watch(range: KeyRange, options: WatchOptions): StorageWatch {
    this.#checkOpen();
    return this.#watches.open(this.#keys, range, options);
  }

  commit(transaction: Transaction): Promise<CommitResult> {
    const committing = this.#commit(transaction);
    if (!this.#fetchesKeys) return committing;
    return committing.then(async (result) => {
      if (!result.committed) await prepared(result.current);
      return result;
    });
  }

  #commit(transaction: Transaction): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.#checkOpen();
      for (const { type, key } of transaction.writes)
        if (type === "put") this.#transformer?.assertSealable?.(key);
      if (this.#queue.length >= pendingLimit)
        throw new Error("the store is overloaded: too many commits wait");
      const commit = this.#decide(transaction, resolve, reject);
      // What is answered without a write may still rest on one that is not durable: it waits its turn.
      if (this.#journal === undefined || (commit.versions.length === 0 && this.#undurable.size === 0))
        this.#conclude([commit]);
      else this.#enqueue(commit);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    this.#closed = true;
    this.#expirations.close();
    await this.#flushing;
    this.#watches.close();
    await this.#journal?.close();
  }

  #decide(
    { compare, writes }: Transaction,
    resolve: PendingCommit["resolve"],
    reject: PendingCommit["reject"],
  ): PendingCommit {
    for (const { key, modRevision } of compare)
      if ((this.#decided(key)?.modRevision ?? 0) !== modRevision)
        return { versions: [], expirations: [], resolve, reject, result: refusal(compare) };
    checkDistinct(writes);
    const next = this.#decidedRevision + 1;
    const versions: Version[] = [];
    const expirations: (number | undefined)[] = [];
    for (const write of writes) {
      const standing = this.#decided(write.key);
      if (write.type === "put") {
        const createRevision = standing?.createRevision ?? next;
        versions.push(putVersion(write.key, write.value, { createRevision, modRevision: next }));
        expirations.push(write.ttlSeconds && this.#clock.now() + write.ttlSeconds * 1000);
      } else if (standing !== undefined) {
        versions.push(tombstone(write.key, next));
        expirations.push(undefined);
      }
    }
    if (versions.length > 0) this.#decidedRevision = next;
    if (this.#journal !== undefined)
      for (const version of versions) this.#undurable.set(version.key, version);
    const revision = this.#decidedRevision;
    return { versions, expirations, resolve, reject, result: () => ({ committed: true, revision }) };
  }

  /** A key as the transactions decided so far leave it. */
  #decided(key: string): KeyValue | undefined {
    const version = this.#undurable.get(key);
    if (version === undefined) return this.#keys.get(key);
    return exists(version) ? version : undefined;
  }

  #enqueue(commit: PendingCommit): void {
    this.#queue.push(commit);
    this.#flushing ??= this.#flush();
  }

  async #flush(): Promise<void> {
    // Commits of the same turn of the event loop share the first batch too.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, batchLimit);
      try {
        await this.#persist(batch);
      } catch (error) {
        this.#abandon(batch, error);
        continue;
      }
      this.#conclude(batch);
    }
    this.#flushing = undefined;
  }

  async #persist(batch: readonly PendingCommit[]): Promise<void> {
    const writes = new Map<string, JournalWrite>();
    let revision = 0;
    for (const { versions, expirations } of batch)
      versions.forEach((version, index) => {
        revision = version.modRevision;
        writes.set(version.key, { version, expiresAtMs: expirations[index] });
      });
    if (revision > 0) await this.#journal?.write({ revision, writes: writes.values() });
  }

  /** Makes durable transactions visible, tells the watches, then the callers. */
  #conclude(batch: readonly PendingCommit[]): void {
    const events: StorageEvent[] = [];
    const results: CommitResult[] = [];
    for (const { versions, expirations, result } of batch) {
      versions.forEach((version, index) => {
        events.push(this.#keys.apply(version));
        if (this.#undurable.get(version.key) === version) this.#undurable.delete(version.key);
        const expiresAtMs = expirations[index];
        if (expiresAtMs !== undefined) this.#expirations.add(version.key, version.modRevision, expiresAtMs);
      });
      results.push(result(this.#keys));
    }
    if (this.#keys.historyLength > this.#historyLimit * 1.25) this.#keys.compactTo(this.#historyLimit);
    if (events.length > 0) this.#watches.publish(events, this.#keys.revision);
    batch.forEach(({ resolve }, index) => {
      const result = results[index];
      if (result !== undefined) resolve(result);
    });
  }

  /** A batch failed: all that was decided since rests on it and fails with it. */
  #abandon(batch: readonly PendingCommit[], error: unknown): void {
    const failed = [...batch, ...this.#queue];
    this.#queue = [];
    this.#undurable.clear();
    this.#decidedRevision = this.#keys.revision;
    for (const { reject } of failed) reject(error);
  }

  #expire(key: string, modRevision: number): void {
    if (this.#keys.get(key)?.modRevision !== modRevision) return;
    this.commit({ compare: [{ key, modRevision }], writes: [{ type: "delete", key }] }).catch(() => {
      // The disk refused; the key stays until it accepts again.
      if (!this.#closed) this.#expirations.add(key, modRevision, this.#clock.now() + expiryRetryMs);
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError();
  }
}

function refusal(compare: Transaction["compare"]): PendingCommit["result"] {
  return (store) => ({
    committed: false,
    revision: store.revision,
    current: compare.map(({ key }) => store.get(key)),
  });
}

function checkDistinct(writes: Transaction["writes"]): void {
  if (writes.length < 2) return;
  const keys = new Set(writes.map(({ key }) => key));
  if (keys.size !== writes.length) throw new Error("a transaction writes the same key twice");
}
