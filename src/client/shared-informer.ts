import { apiVersionOf, type KubeObject, objectKey, type ResourceType } from "../apimachinery/meta.ts";
import { jsonEqual } from "../apimachinery/patch/json-value.ts";
import { equalUnread } from "../apimachinery/protobuf/lazy-object.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "./client.ts";
import { type Delta, DeltaFifo, type KeyDeltas } from "./delta-fifo.ts";
import { HandlerQueue, type Notification } from "./handler-queue.ts";
import { Indexer } from "./indexer.ts";
import type {
  EventHandler,
  HandlerOptions,
  HandlerRegistration,
  InformerOptions,
  Lister,
  SharedInformer,
} from "./informer.ts";
import { deepFreeze } from "./mutation-detector.ts";
import { Reflector } from "./reflector.ts";
import type { ReflectorPolicy, ReflectorState } from "./reflector-machine.ts";

/** Keys taken from the FIFO before a turn of the event loop is given to others. */
const batchLimit = 2048;
/** Past so many waiting keys the reflector reads no further. */
const fifoLimit = 16_384;
const defaultHandlerQueueLimit = 4096;
const shortestResyncMs = 1000;

/** Which resource, read through what. */
export interface CreateInformerOptions<T extends KubeObject> {
  readonly client: Pick<Client, "list" | "watch">;
  readonly type: ResourceType<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly selection?: InformerOptions<T>;
  /** For handlers that do not say; 0: none. */
  readonly defaultResyncMs?: number;
  /** Notifications a handler may be behind before it gets differences instead. */
  readonly handlerQueueLimit?: number;
  /** Deep-freezes what is cached, so that whoever changes it throws. For tests. */
  readonly detectMutations?: boolean;
  readonly policy?: Partial<ReflectorPolicy>;
}

/** An informer that can be run. `run` returns at once; the informer lives until the signal aborts. */
export interface RunnableInformer<T extends KubeObject> extends SharedInformer<T> {
  run(signal: AbortSignal): void;
  /** Resolves when the first list is in the cache and every handler present by then has seen it. */
  synced(): Promise<void>;
  /** For logs, metrics and tests. */
  readonly reflectorState: ReflectorState;
}

/** One informer by itself; several parts of a program share them through `createInformerFactory`. */
export function createSharedInformer<T extends KubeObject>(
  options: CreateInformerOptions<T>,
): RunnableInformer<T> {
  return new CachingInformer(options);
}

interface Registered<T extends KubeObject> {
  readonly queue: HandlerQueue<T>;
  readonly resyncMs: number;
  nextResyncMs: number;
  /** The resync under way is for this one. */
  resyncing: boolean;
  hasSynced: boolean;
}

class CachingInformer<T extends KubeObject> implements RunnableInformer<T> {
  readonly type: ResourceType<T>;
  readonly #options: CreateInformerOptions<T>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #indexer: Indexer<T>;
  readonly #fifo: DeltaFifo<T>;
  readonly #reflector: Reflector<T>;
  readonly #handlers = new Set<Registered<T>>();
  readonly #syncWaiters: (() => void)[] = [];
  readonly #readyWaiters: (() => void)[] = [];
  #draining = false;
  #hasSynced = false;
  #version = "";
  #stopped = false;
  #resyncTimer: Timer | undefined;

  constructor(options: CreateInformerOptions<T>) {
    const { client, type, clock, random, selection = {} } = options;
    this.type = type;
    this.#options = options;
    this.#clock = clock;
    this.#logger = options.logger.child({ resource: type.resource, apiVersion: apiVersionOf(type) });
    this.#indexer = new Indexer((error) => this.#logger.error({ err: error }, "an index function threw"));
    this.#fifo = new DeltaFifo({ known: this.#indexer, transform: (object) => this.#prepare(object) });
    const { namespace, labelSelector, fieldSelector, metadataOnly } = selection;
    this.#reflector = new Reflector<T>({
      client,
      type,
      selection: {
        ...(namespace === undefined ? {} : { namespace }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(fieldSelector === undefined ? {} : { fieldSelector }),
        ...(metadataOnly === undefined ? {} : { metadataOnly }),
      },
      held: this.#indexer,
      clock,
      random,
      logger: this.#logger,
      ...(options.policy === undefined ? {} : { policy: options.policy }),
      store: {
        replace: (objects, version) => this.#change(() => this.#fifo.replace(objects, version)),
        added: (object, key) => this.#put("Added", object, key),
        updated: (object, key) => this.#put("Updated", object, key),
        deleted: (object) => this.#change(() => this.#fifo.delete(object)),
        seen: (version) => this.#change(() => this.#fifo.bookmark(version)),
        ready: () => this.#ready(),
      },
    });
  }

  get lister(): Lister<T> {
    return this.#indexer;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get lastSyncResourceVersion(): string {
    return this.#version;
  }

  get reflectorState(): ReflectorState {
    return this.#reflector.state;
  }

  run(signal: AbortSignal): void {
    if (signal.aborted) {
      this.#stop();
      return;
    }
    const stop = () => {
      this.#stop();
      this.#reflector.stop();
    };
    signal.addEventListener("abort", stop, { once: true });
    this.#reflector.start();
    this.#armResync();
  }

  async synced(): Promise<void> {
    if (!this.#hasSynced) await new Promise<void>((resolve) => this.#syncWaiters.push(resolve));
    const pending = [...this.#handlers].filter((handler) => !handler.hasSynced);
    await Promise.all(pending.map(({ queue }) => new Promise<void>((resolve) => queue.mark(resolve))));
  }

  addIndex(indexName: string, values: (object: T) => readonly string[]): void {
    this.#indexer.addIndex(indexName, values);
  }

  addHandler(handler: EventHandler<T>, options: HandlerOptions = {}): HandlerRegistration {
    const { added, updated, deleted } = handler;
    if (added === undefined && updated === undefined && deleted === undefined)
      throw new TypeError(
        `addHandler: a handler has added, updated or deleted; this one has ${Object.keys(handler).join(", ")}`,
      );
    const askedMs = options.resyncMs ?? this.#options.defaultResyncMs ?? 0;
    const resyncMs = askedMs === 0 ? 0 : Math.max(askedMs, shortestResyncMs);
    const queue = new HandlerQueue<T>({
      handler,
      clock: this.#clock,
      limit: options.queueLimit ?? this.#options.handlerQueueLimit ?? defaultHandlerQueueLimit,
      onError: (error) => this.#logger.error({ err: error, handler: options.name }, "an event handler threw"),
    });
    const nextResyncMs = this.#clock.monotonicMs() + resyncMs;
    const registered = { queue, resyncMs, nextResyncMs, resyncing: false, hasSynced: false };
    if (!this.#stopped) {
      this.#handlers.add(registered);
      for (const object of this.#indexer.list()) queue.push({ type: "added", object, isInInitialList: true });
      if (this.#hasSynced) this.#markSynced(registered);
      this.#armResync();
    }
    return {
      get hasSynced() {
        return registered.hasSynced;
      },
      remove: () => {
        this.#handlers.delete(registered);
        queue.close();
        this.#armResync();
      },
    };
  }

  #stop(): void {
    this.#stopped = true;
    this.#resyncTimer?.cancel();
    for (const { queue } of this.#handlers) queue.close();
    for (const resolve of [...this.#readyWaiters.splice(0), ...this.#syncWaiters.splice(0)]) resolve();
  }

  /** What is cached: transformed, and frozen where mutations are to be found. */
  #prepare(object: T): T {
    const { selection = {}, detectMutations = false } = this.#options;
    let prepared = selection.metadataOnly === true ? this.#metadataOf(object) : object;
    try {
      if (selection.transform !== undefined) prepared = selection.transform(prepared);
    } catch (error) {
      // Keeping the whole object loses nothing but memory.
      this.#logger.error({ err: error }, "a transform threw");
    }
    return detectMutations ? deepFreeze(prepared) : prepared;
  }

  #metadataOf({ metadata }: T): T {
    // Whoever asks for metadata only has chosen a T that says so.
    return { apiVersion: apiVersionOf(this.type), kind: this.type.kind, metadata } as T;
  }

  #ready(): Promise<void> | undefined {
    if (this.#fifo.size < fifoLimit || this.#stopped) return undefined;
    return new Promise((resolve) => this.#readyWaiters.push(resolve));
  }

  #change(put: () => void): void {
    if (this.#stopped) return;
    put();
    if (!this.#draining) this.#drain();
  }

  /** As through the FIFO, for an object that would not wait in it. */
  #put(type: "Added" | "Updated", object: T, key: string): void {
    if (this.#stopped) return;
    if (this.#draining || this.#fifo.size > 0 || !this.#hasSynced) {
      this.#change(() => (type === "Added" ? this.#fifo.add(object) : this.#fifo.update(object)));
      return;
    }
    const prepared = this.#prepare(object);
    this.#store(prepared === object ? key : objectKey(prepared), { type, object: prepared }, false);
  }

  /** Small changes are in the cache at once; the rest of a large one follows in slices. */
  #drain(): void {
    for (const item of this.#fifo.popBatch(batchLimit)) this.#process(item);
    if (this.#fifo.size === 0) {
      this.#caughtUp();
      return;
    }
    this.#draining = true;
    void this.#clock.yield().then(() => {
      this.#draining = false;
      if (!this.#stopped) this.#drain();
    });
  }

  #caughtUp(): void {
    this.#version = this.#fifo.version;
    for (const resolve of this.#readyWaiters.splice(0)) resolve();
    if (this.#hasSynced || !this.#fifo.hasSynced) return;
    this.#hasSynced = true;
    for (const registered of this.#handlers) this.#markSynced(registered);
    for (const resolve of this.#syncWaiters.splice(0)) resolve();
  }

  #markSynced(registered: Registered<T>): void {
    registered.queue.mark(() => {
      registered.hasSynced = true;
    });
  }

  #process({ key, deltas, isInInitialList }: KeyDeltas<T>): void {
    for (const delta of deltas) {
      if (delta.type === "Deleted") this.#remove(key, delta);
      else this.#store(key, delta, isInInitialList);
    }
  }

  #remove(key: string, delta: Delta<T>): void {
    const { object } = delta;
    const finalStateUnknown = delta.finalStateUnknown === true;
    const old = this.#indexer.delete(key);
    if (old === undefined) return;
    if (old.metadata.uid === object.metadata.uid) {
      this.#distribute({ type: "deleted", object, finalStateUnknown });
    } else {
      // The one that was deleted came and went unseen, in the place of the one that handlers know.
      this.#distribute({ type: "deleted", object: old, finalStateUnknown: true });
    }
  }

  #store(key: string, { type, object }: Delta<T>, isInInitialList: boolean): void {
    const old = this.#indexer.get(key);
    if (old === undefined) {
      this.#indexer.set(object, key);
      this.#distribute({ type: "added", object, isInInitialList });
      return;
    }
    if (old.metadata.uid !== object.metadata.uid) {
      this.#indexer.set(object, key);
      this.#distribute({ type: "deleted", object: old, finalStateUnknown: true });
      this.#distribute({ type: "added", object, isInInitialList: false });
      return;
    }
    if (type === "Sync") {
      for (const { queue, resyncing } of this.#handlers)
        if (resyncing) queue.push({ type: "updated", old, object: old });
      return;
    }
    // Listed again and still the same: nothing happened. The version alone does not say so: a server that was restored
    // from a backup gives the same ones again.
    const sameVersion = old.metadata.resourceVersion === object.metadata.resourceVersion;
    if (type === "Replaced" && sameVersion && equalUnread(old, object, jsonEqual)) return;
    this.#indexer.set(object, key, old);
    this.#distribute({ type: "updated", old, object });
  }

  #distribute(notification: Notification<T>): void {
    for (const { queue } of this.#handlers) queue.push(notification);
  }

  /** One timer, for the handler whose resync is due first; none where nobody asked for resyncs. */
  #armResync(): void {
    this.#resyncTimer?.cancel();
    this.#resyncTimer = undefined;
    const due = [...this.#handlers]
      .filter(({ resyncMs }) => resyncMs > 0)
      .map(({ nextResyncMs }) => nextResyncMs);
    if (due.length === 0 || this.#stopped) return;
    const delayMs = Math.max(0, Math.min(...due) - this.#clock.monotonicMs());
    this.#resyncTimer = this.#clock.setTimer(delayMs, () => this.#resync());
  }

  #resync(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const registered of this.#handlers) {
      registered.resyncing = registered.resyncMs > 0 && registered.nextResyncMs <= nowMs;
      if (registered.resyncing) registered.nextResyncMs = nowMs + registered.resyncMs;
    }
    this.#change(() => this.#fifo.resync());
    this.#armResync();
  }
}
