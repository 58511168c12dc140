import type { ClientDuplexStream } from "@grpc/grpc-js";
import { backoffDelayMs } from "../../base/backoff.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import {
  CompactedError,
  type KeyRange,
  type StorageEvent,
  type StorageWatch,
  type StorageWatchBatch,
} from "../storage.ts";
import type { Codec, EtcdConnection } from "./connection.ts";
import {
  decodeWatch,
  type EtcdEvent,
  type EtcdWatchResponse,
  encodeWatchCreate,
  encodeWatchProgress,
} from "./messages.ts";

const watchCodec: Codec<EtcdWatchResponse> = { path: "/etcdserverpb.Watch/Watch", decode: decodeWatch };
const reconnect = { initialMs: 100, factor: 2, limitMs: 5000, jitter: 0.5 };

type Step = IteratorResult<StorageWatchBatch, undefined>;
const done: Step = { done: true, value: undefined };

export interface EtcdWatchDependencies {
  readonly connection: EtcdConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly supportsProgress: boolean;
  /** Told of every revision that was seen. */
  readonly noticed: (revision: number) => void;
  readonly released: (watch: EtcdWatch) => void;
}

/** A watch on a stream of its own; when the stream breaks it goes on, on another, after the last revision it delivered. */
export class EtcdWatch implements StorageWatch, AsyncIterator<StorageWatchBatch, undefined> {
  readonly #dependencies: EtcdWatchDependencies;
  readonly #range: KeyRange;
  readonly #signal: AbortSignal;
  readonly #ending = new AbortController();
  /** The revision from which events are still to come. */
  #nextRevision: number;
  #stream: ClientDuplexStream<Uint8Array, EtcdWatchResponse> | undefined;
  #created = false;
  #wantsProgress = false;
  #batches: StorageWatchBatch[] = [];
  #failure: unknown;
  #waiting: PromiseWithResolvers<Step> | undefined;
  #attempt = 0;

  constructor(
    dependencies: EtcdWatchDependencies,
    range: KeyRange,
    options: { readonly fromRevision: number; readonly signal: AbortSignal },
  ) {
    this.#dependencies = dependencies;
    this.#range = range;
    this.#signal = options.signal;
    this.#nextRevision = options.fromRevision;
    if (options.signal.aborted) this.#ending.abort();
    else {
      options.signal.addEventListener("abort", this.#onAbort, { once: true });
      this.#open();
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<StorageWatchBatch, undefined> {
    return this;
  }

  next(): Promise<Step> {
    const batch = this.#batches.shift();
    if (batch !== undefined) return Promise.resolve({ done: false, value: batch });
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#ending.signal.aborted) return Promise.resolve(done);
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<Step> {
    this.end();
    return Promise.resolve(done);
  }

  requestProgress(): void {
    if (!this.#dependencies.supportsProgress) return;
    if (this.#created) this.#stream?.write(encodeWatchProgress());
    else this.#wantsProgress = true;
  }

  end(): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.#batches = [];
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#stream?.cancel();
    this.#stream = undefined;
    this.#waiting?.resolve(done);
    this.#waiting = undefined;
    this.#dependencies.released(this);
  }

  readonly #onAbort = () => this.end();

  #open(): void {
    const stream = this.#dependencies.connection.openStream(watchCodec);
    this.#stream = stream;
    this.#created = false;
    let broken = false;
    const onBreak = () => {
      if (broken || this.#stream !== stream) return;
      broken = true;
      this.#stream = undefined;
      void this.#reopen();
    };
    stream.on("data", (response: EtcdWatchResponse) => this.#receive(response));
    stream.on("error", onBreak);
    stream.on("end", onBreak);
    stream.write(encodeWatchCreate(this.#range, this.#nextRevision));
  }

  async #reopen(): Promise<void> {
    const { clock, random, connection } = this.#dependencies;
    connection.moveOn();
    try {
      await sleep(clock, backoffDelayMs(reconnect, this.#attempt++, random), { signal: this.#ending.signal });
      this.#open();
    } catch (error) {
      // Ended meanwhile, or the connection is closed.
      if (!this.#ending.signal.aborted) this.#fail(error);
    }
  }

  #receive(response: EtcdWatchResponse): void {
    if (this.#ending.signal.aborted) return;
    if (response.compactRevision > 0) {
      this.#fail(new CompactedError(response.compactRevision));
      return;
    }
    if (response.canceled) {
      this.#fail(new Error(`etcd ended the watch: ${response.cancelReason}`));
      return;
    }
    if (response.created) {
      this.#created = true;
      this.#attempt = 0;
      if (this.#wantsProgress) this.requestProgress();
      this.#wantsProgress = false;
      return;
    }
    this.#deliver(response);
  }

  #deliver({ events, revision }: EtcdWatchResponse): void {
    // Events come by whole revisions, but the header's may be ahead of them: more may follow.
    const reached = events.at(-1)?.keyValue.modRevision ?? revision;
    this.#nextRevision = Math.max(this.#nextRevision, reached + 1);
    this.#dependencies.noticed(reached);
    const batch = { events: events.map(storageEvent), revision: reached };
    if (this.#waiting === undefined) {
      this.#batches.push(batch);
      return;
    }
    this.#waiting.resolve({ done: false, value: batch });
    this.#waiting = undefined;
  }

  #fail(failure: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#failure = failure;
    const delivered = this.#batches;
    this.end();
    this.#batches = delivered;
    waiting?.reject(failure);
  }
}

function storageEvent({ deleted, keyValue, previous }: EtcdEvent): StorageEvent {
  const { key, modRevision: revision } = keyValue;
  if (deleted) return { type: "delete", key, revision, ...(previous && { previous }) };
  return { type: "put", key, revision, current: keyValue, ...(previous && { previous }) };
}
