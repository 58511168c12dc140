import { CacheEvent } from "./cache-event.ts";
import { CachedObject, withRevision } from "./cached-object.ts";

/** Where an object is: "" as namespace for cluster-scoped resources. */
export interface ObjectPlace {
  readonly namespace: string;
  readonly name: string;
}

/**
 * One write of one object, as the history keeps it. The events that watchers may see of it are made at most once: an object
 * that begins or ceases to be selected is ADDED or DELETED to them, whatever it is to others.
 */
export class ObjectChange {
  readonly revision: number;
  readonly place: ObjectPlace;
  /** Absent: the object was deleted. */
  readonly current: CachedObject | undefined;
  /** Absent: the object was created. */
  readonly previous: CachedObject | undefined;
  /** When the cache learned of it, in milliseconds since the epoch. */
  readonly seenAtMs: number;
  #added: CacheEvent | undefined;
  #modified: CacheEvent | undefined;
  #deleted: CacheEvent | undefined;

  constructor(change: Pick<ObjectChange, "revision" | "place" | "current" | "previous" | "seenAtMs">) {
    this.revision = change.revision;
    this.place = change.place;
    this.current = change.current;
    this.previous = change.previous;
    this.seenAtMs = change.seenAtMs;
  }

  /** The event for one who selects by `selects`; undefined: not concerned. */
  eventFor(selects: (cached: CachedObject) => boolean): CacheEvent | undefined {
    const { current, previous } = this;
    const was = previous !== undefined && selects(previous);
    const is = current !== undefined && selects(current);
    if (is) return was ? this.#modify(current) : this.#add(current);
    return was ? this.#delete(previous) : undefined;
  }

  #add(current: CachedObject): CacheEvent {
    this.#added ??= new CacheEvent("ADDED", current);
    return this.#added;
  }

  #modify(current: CachedObject): CacheEvent {
    this.#modified ??= new CacheEvent("MODIFIED", current);
    return this.#modified;
  }

  #delete(previous: CachedObject): CacheEvent {
    this.#deleted ??= new CacheEvent(
      "DELETED",
      new CachedObject(previous.key, this.revision, withRevision(previous.object, this.revision), {
        frameType: "DELETED",
        budget: previous.budget,
      }),
    );
    return this.#deleted;
  }
}
