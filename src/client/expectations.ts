import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { objectKey } from "../apimachinery/meta.ts";
import type { Lister } from "./informer.ts";

/** A write that reached the server. */
export type CompletedWrite =
  | { readonly change: "written"; readonly type: ResourceType<KubeObject>; readonly object: KubeObject }
  | { readonly change: "deleted"; readonly type: ResourceType<KubeObject>; readonly object: KubeObject };

/** How long a controller waits at most for its cache to show its own write: a watch may be lost meanwhile. */
export const expectationTimeoutMs = 5 * 60_000;

interface Awaited {
  readonly write: CompletedWrite;
  readonly sinceMs: number;
}

/** The reads expectations need of a cache. */
export interface SeenCache {
  readonly lister: Pick<Lister<KubeObject>, "get">;
  readonly lastSyncResourceVersion: string;
}

/**
 * Read-your-writes for a controller: a key is not reconciled again until the caches show what the last reconcile of
 * that key wrote, so that it never creates twice or scales on stale counts. Unlike client-go's counters, it compares
 * versions, so it needs no bookkeeping in the event handlers.
 */
export class Expectations {
  readonly #cacheOf: (type: ResourceType<KubeObject>) => SeenCache | undefined;
  readonly #awaited = new Map<string, Awaited[]>();
  /** "resource|key" of a written object to the controller keys that wait for it. */
  readonly #waiting = new Map<string, Set<string>>();

  /** `cacheOf` answers undefined for a resource the controller does not watch: nothing is awaited of it. */
  constructor(cacheOf: (type: ResourceType<KubeObject>) => SeenCache | undefined) {
    this.#cacheOf = cacheOf;
  }

  /** `key`'s reconcile made this write. */
  expect(key: string, write: CompletedWrite, nowMs: number): void {
    const cache = this.#cacheOf(write.type);
    if (cache === undefined || hasSeen(cache, write)) return;
    const list = this.#awaited.get(key) ?? [];
    list.push({ write, sinceMs: nowMs });
    this.#awaited.set(key, list);
    const place = placeOf(write.type, write.object);
    const keys = this.#waiting.get(place) ?? new Set();
    this.#waiting.set(place, keys.add(key));
  }

  /** Whether the caches show everything `key` wrote. */
  isSatisfied(key: string, nowMs: number): boolean {
    const list = this.#awaited.get(key);
    if (list === undefined) return true;
    const open = list.filter(({ write, sinceMs }) => {
      const cache = this.#cacheOf(write.type);
      const isOpen = cache !== undefined && nowMs - sinceMs < expectationTimeoutMs && !hasSeen(cache, write);
      if (!isOpen) this.#stopWaiting(key, write);
      return isOpen;
    });
    if (open.length === 0) this.#awaited.delete(key);
    else this.#awaited.set(key, open);
    return open.length === 0;
  }

  /** The keys that may go on now that the cache of `type` has seen a change of `object`. */
  waitingFor(type: ResourceType<KubeObject>, object: KubeObject): Iterable<string> {
    return this.#waiting.get(placeOf(type, object)) ?? [];
  }

  get size(): number {
    return this.#awaited.size;
  }

  #stopWaiting(key: string, write: CompletedWrite): void {
    const place = placeOf(write.type, write.object);
    const keys = this.#waiting.get(place);
    keys?.delete(key);
    if (keys?.size === 0) this.#waiting.delete(place);
  }
}

function placeOf(type: ResourceType<KubeObject>, object: KubeObject): string {
  return `${type.resource}.${type.group}|${objectKey(object)}`;
}

function hasSeen(cache: SeenCache, { change, object }: CompletedWrite): boolean {
  const cached = cache.lister.get(objectKey(object));
  if (change === "deleted") {
    return (
      cached === undefined ||
      cached.metadata.uid !== object.metadata.uid ||
      cached.metadata.deletionTimestamp !== undefined
    );
  }
  const written = object.metadata.resourceVersion ?? "";
  // A create that was deleted again before the cache saw it never shows up as an object, only as progress.
  return (
    isAtLeast(cached?.metadata.resourceVersion ?? "", written) ||
    isAtLeast(cache.lastSyncResourceVersion, written)
  );
}

/** Resource versions of one resource are decimal numbers that grow (KEP-5504), too long for a double. */
export function isAtLeast(resourceVersion: string, other: string): boolean {
  if (resourceVersion.length !== other.length) return resourceVersion.length > other.length;
  return resourceVersion >= other;
}
