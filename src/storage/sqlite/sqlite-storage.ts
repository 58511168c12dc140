import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../base/clock.ts";
import {
  EmbeddedStorage,
  type Journal,
  type JournalBatch,
  type JournalRecord,
} from "../embedded/embedded-storage.ts";
import { exists, putVersion } from "../embedded/versioned-keys.ts";
import { type KeyValue, type Storage, StoredValue, sealedValue, type ValueTransformer } from "../storage.ts";
import {
  type FromWriter,
  type Rows,
  RowsBuilder,
  type ToWriter,
  visitRows,
  type WriterData,
} from "./messages.ts";

/** Another process has the data directory open. */
export class StoreLockedError extends Error {
  constructor(directory: string) {
    super(`another k8ts uses this data directory: ${directory}`);
    this.name = "StoreLockedError";
  }
}

export interface SqliteStorageOptions {
  /** Made if it is not there; holds `store.db` and SQLite's files beside it. */
  readonly directory: string;
  readonly clock: Clock;
  /** Past states kept in memory for reads and watches from a revision, however little is compacted. */
  readonly historyLimit?: number;
  /** Encrypts what the file holds; in memory values are in the clear. */
  readonly transformer?: ValueTransformer;
}

/**
 * The embedded, durable store: state in this process, its last version of each key in a SQLite file that one thread
 * writes. Acknowledged means fsynced. History is not kept over a restart: a watch from before the opening, or a read of
 * a revision before it, throws `CompactedError`, which sends clients back to a list, as after any compaction.
 */
export async function openSqliteStorage(options: SqliteStorageOptions): Promise<Storage> {
  const { directory, clock, historyLimit, transformer } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const writer = new Writer(join(directory, "store.db"), transformer);
  const records: JournalRecord[] = [];
  try {
    const revision = await writer.open((rows) => loadRows(rows, records, transformer));
    return new EmbeddedStorage({
      clock,
      journal: writer,
      revision,
      records,
      ...(historyLimit === undefined ? {} : { historyLimit }),
      ...(transformer === undefined ? {} : { transformer }),
    });
  } catch (error) {
    if (error instanceof WriterError && error.locked) throw new StoreLockedError(directory);
    throw new Error(`the store in ${directory} cannot be opened: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function loadRows(rows: Rows, records: JournalRecord[], transformer: ValueTransformer | undefined): void {
  visitRows(rows, ({ key, value, createRevision, modRevision, expiresAtMs }) => {
    if (value === undefined) return;
    const stored =
      transformer === undefined ? StoredValue.ofBytes(value) : sealedValue(transformer, key, value);
    const keyValue = putVersion(key, stored, { createRevision, modRevision });
    records.push(expiresAtMs === null ? { keyValue } : { keyValue, expiresAtMs });
  });
}

class WriterError extends Error {
  readonly locked: boolean;
  constructor(message: string, locked: boolean) {
    super(message);
    this.name = "WriterError";
    this.locked = locked;
  }
}

/** This side of the writer thread. One request is under way at a time, as `Journal` has it. */
class Writer implements Journal {
  readonly #worker: Worker;
  #reply: PromiseWithResolvers<FromWriter> | undefined = Promise.withResolvers();
  #loaded: ((rows: Rows) => void) | undefined;
  #stopped: Error | undefined;
  readonly #transformer: ValueTransformer | undefined;

  constructor(path: string, transformer: ValueTransformer | undefined) {
    this.#transformer = transformer;
    // Built, this file and the writer's are JavaScript beside each other.
    const file = import.meta.url.endsWith(".ts") ? "./writer.ts" : "./writer.js";
    const workerData: WriterData = { path, erase: transformer !== undefined };
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData,
      name: "sqlite writer",
      // It holds a batch at a time: a small young generation keeps it from growing on garbage.
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    this.#worker.on("message", (message: FromWriter) => this.#receive(message));
    this.#worker.on("error", (error) => this.#stop(error as Error)); // Node's own, or what the thread threw
    this.#worker.on("exit", () => this.#stop(new Error("the store's writer thread has stopped")));
  }

  /** The store's revision, after all its rows were handed over. */
  async open(loaded: (rows: Rows) => void): Promise<number> {
    this.#loaded = loaded;
    const answer = await this.#answer();
    this.#loaded = undefined;
    return answer.type === "opened" ? answer.revision : 0;
  }

  async write(batch: JournalBatch): Promise<void> {
    const builder = new RowsBuilder();
    for (const { version, expiresAtMs = null } of batch.writes)
      builder.add({
        key: version.key,
        value: exists(version) ? this.#atRest(version) : undefined,
        createRevision: version.createRevision,
        modRevision: version.modRevision,
        expiresAtMs,
      });
    await this.#ask({ type: "write", revision: batch.revision, rows: builder.build() });
  }

  #atRest({ key, value }: KeyValue): Uint8Array {
    if (this.#transformer === undefined) return value.bytes;
    const sealed = this.#transformer.seal(key, value.bytes);
    value.sealedBy = sealed.sealedBy;
    return sealed.bytes;
  }

  async close(): Promise<void> {
    if (this.#stopped !== undefined) return;
    const { promise: exited, resolve } = Promise.withResolvers<unknown>();
    this.#worker.once("exit", resolve);
    await this.#ask({ type: "close" });
    this.#worker.ref();
    await exited;
  }

  #ask(message: ToWriter): Promise<FromWriter> {
    this.#reply = Promise.withResolvers();
    this.#worker.ref();
    this.#worker.postMessage(message, message.type === "write" ? [message.rows.values.buffer] : []);
    return this.#answer();
  }

  async #answer(): Promise<FromWriter> {
    if (this.#stopped !== undefined) throw this.#stopped;
    const answer = await this.#reply?.promise;
    // A store that waits for nothing keeps no process alive.
    this.#worker.unref();
    if (answer?.type === "failed") throw new WriterError(answer.message, answer.locked);
    return answer ?? { type: "closed" };
  }

  #receive(message: FromWriter): void {
    if (message.type === "loaded") this.#loaded?.(message.rows);
    else this.#reply?.resolve(message);
  }

  #stop(error: Error): void {
    this.#stopped ??= error;
    this.#reply?.reject(error);
  }
}
