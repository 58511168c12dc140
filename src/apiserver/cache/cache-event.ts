import type { AnyObject } from "../../apimachinery/meta.ts";
import type { WatchEvent } from "../../client/exchange.ts";
import type { CachedObject } from "./cached-object.ts";

/**
 * One event as watchers get it: a `WatchEvent` whose JSON frame is made at most once and shared by all of them. For
 * DELETED the object is the last state that was selected, with the revision of what ended it as its resourceVersion.
 */
export class CacheEvent implements WatchEvent<AnyObject> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly cached: CachedObject;

  constructor(type: CacheEvent["type"], cached: CachedObject) {
    this.type = type;
    this.cached = cached;
  }

  get object(): AnyObject {
    return this.cached.object;
  }

  /** What the resourceVersion says. */
  get revision(): number {
    return this.cached.revision;
  }

  /** `{"type":"…","object":{…}}` and a line feed. */
  frame(): Uint8Array {
    return this.cached.frame(this.type);
  }
}

/** The frame of any event, shared where the event came from a cache. */
export function frameOf(event: WatchEvent<unknown>): Uint8Array {
  if (event instanceof CacheEvent) return event.frame();
  return encoder.encode(`${JSON.stringify({ type: event.type, object: event.object })}\n`);
}

const encoder = new TextEncoder();
