import { CacheEvent } from "./cache-event.ts";
import type { CachedObject } from "./cached-object.ts";
import type { ObjectChange } from "./object-change.ts";

/** The present state as a watch tells it, one at a time, as the reader takes them; `end` comes last. */
export function* initialEvents(
  items: readonly CachedObject[],
  end: CacheEvent | undefined,
): Generator<CacheEvent> {
  for (const cached of items) yield new CacheEvent("ADDED", cached);
  if (end !== undefined) yield end;
}

/** What a watch tells before anything new: its initial events, then what of the history it selects. */
export function* eventsOf(
  initial: Iterable<CacheEvent>,
  changes: readonly ObjectChange[],
  selects: (cached: CachedObject) => boolean,
): Generator<CacheEvent> {
  yield* initial;
  for (const change of changes) {
    const event = change.eventFor(selects);
    if (event !== undefined) yield event;
  }
}
