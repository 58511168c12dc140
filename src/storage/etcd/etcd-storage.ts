import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import {
  ClosedError,
  type CommitResult,
  CompactedError,
  FutureRevisionError,
  type KeyRange,
  type KeyValue,
  type RangeOptions,
  type RangeResult,
  type Storage,
  type StorageWatch,
  type Transaction,
  type WatchOptions,
  type Write,
} from "../storage.ts";
import { type Codec, EtcdConnection, EtcdError, type EtcdTls } from "./connection.ts";
import { EtcdWatch } from "./etcd-watch.ts";
import { Leases } from "./leases.ts";
import {
  decodeRange,
  decodeRevision,
  decodeTransaction,
  decodeVersion,
  type EtcdOperation,
  encodeCompaction,
  encodeRange,
  encodeTransaction,
} from "./messages.ts";

export interface EtcdStorageOptions {
  /** Client URLs of the members: "http://127.0.0.1:2379". */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly clock: Clock;
  readonly random: Random;
}

const rangeCodec = { path: "/etcdserverpb.KV/Range", decode: decodeRange };
const transactionCodec = { path: "/etcdserverpb.KV/Txn", decode: decodeTransaction };
const compactCodec: Codec<number> = { path: "/etcdserverpb.KV/Compact", decode: decodeRevision };
const statusCodec = { path: "/etcdserverpb.Maintenance/Status", decode: decodeVersion };

/** Any key: what it asks for is the revision that comes with the answer. */
const anyKey = { start: "\0", countOnly: true } as const;

/** Connects to an etcd cluster, v3.4 or later. Rejects when no member answers. */
export async function openEtcdStorage(options: EtcdStorageOptions): Promise<Storage> {
  const connection = await EtcdConnection.create(options.endpoints, options.tls);
  try {
    const version = await connection.call(statusCodec, new Uint8Array(), { repeatable: true });
    const { revision } = await connection.call(rangeCodec, encodeRange(anyKey), { repeatable: true });
    return new EtcdStorage(connection, revision, reportsProgressInOrder(version), options);
  } catch (error) {
    connection.close();
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`etcd at ${options.endpoints.join(", ")} does not answer: ${why}`, { cause: error });
  }
}

/** Before 3.4.31 and 3.5.13 the answer to a progress request could overtake events (upstream asks for the same versions). */
function reportsProgressInOrder(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  if (major !== 3 || minor > 5) return major > 3 || (major === 3 && minor > 5);
  return (minor === 5 && patch >= 13) || (minor === 4 && patch >= 31);
}

class EtcdStorage implements Storage {
  readonly supportsProgress: boolean;
  readonly #connection: EtcdConnection;
  readonly #options: EtcdStorageOptions;
  readonly #leases: Leases;
  readonly #watches = new Set<EtcdWatch>();
  readonly #commits = new Set<Promise<unknown>>();
  #revision: number;
  #compactRevision = 0;
  #closed = false;

  constructor(
    connection: EtcdConnection,
    revision: number,
    supportsProgress: boolean,
    options: EtcdStorageOptions,
  ) {
    this.#connection = connection;
    this.#revision = revision;
    this.supportsProgress = supportsProgress;
    this.#options = options;
    this.#leases = new Leases(connection, options.clock);
  }

  get revision(): number {
    return this.#revision;
  }

  async currentRevision(): Promise<number> {
    return (await this.#read(anyKey)).revision;
  }

  async get(key: string): Promise<KeyValue | undefined> {
    return (await this.#read({ start: key })).items[0];
  }

  async range({ start, end }: KeyRange, options: RangeOptions = {}): Promise<RangeResult> {
    // etcd takes an empty key for none.
    const range = { start: start === "" ? "\0" : start, ...(end === undefined ? {} : { end }), ...options };
    const { items, count, revision } = await this.#read(range);
    return { items, count, revision: options.revision ?? revision };
  }

  commit(transaction: Transaction): Promise<CommitResult> {
    const committing = this.#commit(transaction);
    this.#commits.add(committing);
    const settled = () => this.#commits.delete(committing);
    committing.then(settled, settled);
    return committing;
  }

  watch(range: KeyRange, options: WatchOptions): StorageWatch {
    this.#checkOpen();
    const { clock, random } = this.#options;
    const watch = new EtcdWatch(
      {
        connection: this.#connection,
        clock,
        random,
        supportsProgress: this.supportsProgress,
        noticed: (revision) => this.#notice(revision),
        released: (ended) => this.#watches.delete(ended),
      },
      range,
      // After now means after what is known here: a commit that is acknowledged later is not missed on the way.
      { fromRevision: options.fromRevision ?? this.#revision + 1, signal: options.signal },
    );
    this.#watches.add(watch);
    return watch;
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    try {
      await this.#connection.call(compactCodec, encodeCompaction(revision), { repeatable: true });
      this.#compactRevision = Math.max(this.#compactRevision, revision);
    } catch (error) {
      const meaning = this.#meaningOf(error);
      if (!(meaning instanceof CompactedError)) throw meaning;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#commits);
    for (const watch of [...this.#watches]) watch.end();
    this.#connection.close();
  }

  async #commit({ compare, writes }: Transaction): Promise<CommitResult> {
    this.#checkOpen();
    const keys = new Set(writes.map(({ key }) => key));
    if (keys.size !== writes.length) throw new Error("a transaction writes the same key twice");
    const success = await Promise.all(writes.map((write) => this.#operation(write)));
    const failure = compare.map(({ key }) => ({ type: "range", range: { start: key } }) as const);
    // Not repeated when the answer is lost: it may have been carried out, and the caller has to look.
    const request = encodeTransaction({ compare, success, failure });
    const result = await this.#connection.call(transactionCodec, request, { repeatable: false });
    const { revision } = result;
    this.#notice(revision);
    if (result.succeeded) return { committed: true, revision };
    return { committed: false, revision, current: result.ranges.map(({ items }) => items[0]) };
  }

  async #operation(write: Write): Promise<EtcdOperation> {
    if (write.type === "delete") return write;
    const { key, value, ttlSeconds } = write;
    const put = { type: "put", key, value: value.bytes } as const;
    return ttlSeconds ? { ...put, lease: await this.#leases.leaseFor(ttlSeconds) } : put;
  }

  async #read(range: Parameters<typeof encodeRange>[0]) {
    this.#checkOpen();
    try {
      const result = await this.#connection.call(rangeCodec, encodeRange(range), { repeatable: true });
      this.#notice(result.revision);
      return result;
    } catch (error) {
      throw this.#meaningOf(error);
    }
  }

  #notice(revision: number): void {
    if (revision > this.#revision) this.#revision = revision;
  }

  #meaningOf(error: unknown): unknown {
    if (!(error instanceof EtcdError)) return error;
    if (error.message.includes("revision has been compacted"))
      return new CompactedError(this.#compactRevision);
    if (error.message.includes("is a future revision")) return new FutureRevisionError(this.#revision);
    return error;
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError();
  }
}
