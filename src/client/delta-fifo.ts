import { type KubeObject, objectKey } from "../apimachinery/meta.ts";
import { FifoMap } from "../base/fifo-map.ts";

export type DeltaType = "Added" | "Updated" | "Deleted" | "Replaced" | "Sync";

/** One thing that happened to an object. */
export interface Delta<T extends KubeObject> {
  readonly type: DeltaType;
  /** For Deleted with `finalStateUnknown`: the last state that is known. */
  readonly object: T;
  /** The deletion itself was missed (client-go's DeletedFinalStateUnknown). */
  readonly finalStateUnknown?: true;
}

/** All that happened to one object since it was last popped, oldest first. */
export interface KeyDeltas<T extends KubeObject> {
  readonly key: string;
  readonly deltas: readonly Delta<T>[];
  /** Part of the first list. */
  readonly isInInitialList: boolean;
}

/** What the consumer holds: tells which deletions a replacement reveals, and what there is to resync. */
export interface KnownObjects<T extends KubeObject> {
  get(key: string): T | undefined;
  keys(): Iterable<string>;
}

/**
 * client-go's DeltaFIFO: what happened, by key, in the order in which keys first appeared. Between the reflector that
 * fills it and the informer that empties it; deltas of one key are handed out together, two deletions in a row as one.
 */
export class DeltaFifo<T extends KubeObject> {
  readonly #known: KnownObjects<T>;
  readonly #transform: (object: T) => T;
  /** An object by itself is one that a list brought, and nothing has happened to since. */
  readonly #items = new FifoMap<string, Delta<T>[] | T>();
  #populated = false;
  /** Keys of the first list that were not popped yet: nothing is in front of them. */
  #initialLeft = 0;
  /** The version that is reached once everything queued was popped. */
  #version = "";

  constructor(options: { readonly known: KnownObjects<T>; readonly transform?: (object: T) => T }) {
    this.#known = options.known;
    this.#transform = options.transform ?? ((object) => object);
  }

  /** Keys that wait. */
  get size(): number {
    return this.#items.size;
  }

  /** The first list (or the first event) was put in and all of it popped. */
  get hasSynced(): boolean {
    return this.#populated && this.#initialLeft === 0;
  }

  /** The version of the store once the queue is empty: that of the last list, event or bookmark put in. */
  get version(): string {
    return this.#version;
  }

  add(object: T): void {
    this.#populated = true;
    this.#queue("Added", object);
  }

  update(object: T): void {
    this.#populated = true;
    this.#queue("Updated", object);
  }

  delete(object: T): void {
    this.#populated = true;
    const key = objectKey(object);
    // Nobody has heard of it: there is nothing to take back.
    if (!this.#items.has(key) && this.#known.get(key) === undefined) return;
    this.#append(key, { type: "Deleted", object: this.#transform(object) });
  }

  /**
   * `objects`, by key, are all there are: the rest of what is known or queued was deleted, its final state unseen. The map is
   * the queue's from now on: a first list is many objects, of which none need be put anywhere else.
   */
  replace(objects: Map<string, T>, version: string): void {
    const first = !this.#populated;
    this.#populated = true;
    if (this.#items.size === 0) this.#items.adopt(objects);
    else for (const [key, object] of objects) this.#queue("Replaced", object, key);
    for (const [key, waiting] of this.#items.entries()) {
      if (objects.has(key)) continue;
      const last = this.#deltasOf(waiting).at(-1);
      if (last !== undefined && last.type !== "Deleted") this.#appendTombstone(key, last.object);
    }
    for (const key of this.#known.keys()) {
      if (objects.has(key) || this.#items.has(key)) continue;
      const object = this.#known.get(key);
      if (object !== undefined) this.#appendTombstone(key, object);
    }
    if (first) this.#initialLeft = this.#items.size;
    this.#version = version;
  }

  /** Queues a Sync for every known object for which nothing else waits. */
  resync(): void {
    for (const key of this.#known.keys()) {
      if (this.#items.has(key)) continue;
      const object = this.#known.get(key);
      if (object !== undefined) this.#append(key, { type: "Sync", object });
    }
  }

  /** Everything up to `version` was put in. */
  bookmark(version: string): void {
    this.#version = version;
  }

  /** Takes up to `limit` keys out, the longest waiting first. */
  popBatch(limit: number): KeyDeltas<T>[] {
    const batch: KeyDeltas<T>[] = [];
    while (batch.length < limit) {
      const next = this.#items.shift();
      if (next === undefined) break;
      const [key, waiting] = next;
      batch.push({ key, deltas: this.#deltasOf(waiting), isInInitialList: this.#initialLeft > 0 });
      if (this.#initialLeft > 0) this.#initialLeft--;
    }
    return batch;
  }

  #queue(type: DeltaType, object: T, key = objectKey(object)): void {
    this.#append(key, { type, object: this.#transform(object) });
  }

  #appendTombstone(key: string, object: T): void {
    this.#append(key, { type: "Deleted", object, finalStateUnknown: true });
  }

  #deltasOf(waiting: Delta<T>[] | T): Delta<T>[] {
    return Array.isArray(waiting) ? waiting : [{ type: "Replaced", object: this.#transform(waiting) }];
  }

  #append(key: string, delta: Delta<T>): void {
    const waiting = this.#items.get(key);
    if (waiting === undefined) {
      this.#items.set(key, [delta]);
      return;
    }
    const deltas = this.#deltasOf(waiting);
    if (deltas !== waiting) this.#items.set(key, deltas);
    const last = deltas.at(-1);
    if (last?.type === "Deleted" && delta.type === "Deleted") {
      // The one that saw the final state is worth more.
      if (last.finalStateUnknown === true) deltas[deltas.length - 1] = delta;
    } else {
      deltas.push(delta);
    }
  }
}
