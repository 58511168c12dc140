import { expired } from "../../apimachinery/api-error.ts";
import type { Clock } from "../../base/clock.ts";
import { CompactedError, FutureRevisionError, type KeyValue, type Storage } from "../../storage/storage.ts";
import type { CachedObject } from "./cached-object.ts";
import { tooLargeRevision } from "./freshness.ts";
import type { PresentObjects } from "./present-objects.ts";
import type { Scope } from "./scope.ts";
import type { CacheList, CacheListOptions } from "./watch-cache.ts";

/** Objects looked at before other work gets its turn. */
const stride = 2000;
/** The least that is read from storage at once when a selector may reject most of it. */
const pastPageSize = 500;

interface Page {
  readonly items: CachedObject[];
  readonly nextKey: string | undefined;
}

/** A list of the present: every selected object from `present`, which is the state at `revision`. */
export async function listPresent(
  present: PresentObjects,
  revision: number,
  scope: Scope,
  clock: Clock,
  options: CacheListOptions,
): Promise<CacheList> {
  const { selection, limit = 0, continueKey } = options;
  const range = scope.rangeOf(selection);
  const start = continueKey !== undefined && continueKey > range.start ? continueKey : range.start;
  // Everything is gathered before the first pause: the list is of one moment.
  const whole = limit === 0 || !isPlain(options);
  let candidates = present.indexed(selection, start, range.end);
  if (candidates === undefined) {
    const visited: CachedObject[] = [];
    present.visit(start, range.end, (cached) => {
      visited.push(cached);
      return whole || visited.length <= limit;
    });
    candidates = visited;
  }
  const count = whole ? candidates.length : present.count(start, range.end);
  const selects = isPlain(options) ? undefined : scope.selector(selection);
  const { items, nextKey } = await pageOf(candidates, selects, limit, clock);
  return listOf({ items, nextKey }, revision, selects === undefined ? count - items.length : undefined);
}

/** A list of a past revision, or the later pages of one, read from storage. */
export async function listPast(
  storage: Storage,
  hold: (keyValue: KeyValue) => CachedObject,
  scope: Scope,
  revision: number,
  options: CacheListOptions,
): Promise<CacheList> {
  const { selection, limit = 0, continueKey } = options;
  const range = scope.rangeOf(selection);
  const selects = isPlain(options) ? undefined : scope.selector(selection);
  const items: CachedObject[] = [];
  let start = continueKey !== undefined && continueKey > range.start ? continueKey : range.start;
  for (;;) {
    const pageLimit = limit === 0 ? 0 : Math.max(limit + 1 - items.length, selects ? pastPageSize : 0);
    const page = await readPast(storage, { start, end: range.end }, { revision, limit: pageLimit });
    for (const [index, keyValue] of page.items.entries()) {
      const cached = hold(keyValue);
      if (selects !== undefined && !selects(cached)) continue;
      if (limit > 0 && items.length === limit)
        return listOf(
          { items, nextKey: cached.key },
          revision,
          selects === undefined ? page.count - index : undefined,
        );
      items.push(cached);
    }
    const last = page.items.at(-1);
    if (last === undefined || page.items.length >= page.count)
      return listOf({ items, nextKey: undefined }, revision);
    start = `${last.key}\0`;
  }
}

/** Throws Expired where storage has forgotten `exactRevision`. */
export async function assertKept(storage: Storage, scope: Scope, options: CacheListOptions): Promise<void> {
  const { selection, exactRevision: revision } = options;
  const { start } = scope.rangeOf(selection);
  await readPast(storage, { start, end: `${start}\0` }, revision === undefined ? {} : { revision });
}

async function readPast(...[storage, range, options]: [Storage, ...Parameters<Storage["range"]>]) {
  try {
    return await storage.range(range, options);
  } catch (error) {
    if (error instanceof CompactedError)
      throw expired("The resourceVersion for the provided list is too old.");
    if (error instanceof FutureRevisionError)
      throw tooLargeRevision(options?.revision ?? 0, error.currentRevision);
    throw error;
  }
}

/** Selects by place alone, which the key range does. */
function isPlain({ selection }: CacheListOptions): boolean {
  return selection.matches === undefined && (selection.name === undefined || selection.namespace !== "");
}

async function pageOf(
  candidates: readonly CachedObject[],
  selects: ((cached: CachedObject) => boolean) | undefined,
  limit: number,
  clock: Clock,
): Promise<Page> {
  if (selects === undefined && limit === 0)
    return { items: candidates as CachedObject[], nextKey: undefined };
  const items: CachedObject[] = [];
  for (const [index, cached] of candidates.entries()) {
    if (index % stride === stride - 1) await clock.yield();
    if (selects !== undefined && !selects(cached)) continue;
    if (limit > 0 && items.length === limit) return { items, nextKey: cached.key };
    items.push(cached);
  }
  return { items, nextKey: undefined };
}

function listOf({ items, nextKey }: Page, revision: number, remaining?: number): CacheList {
  if (nextKey === undefined) return { items, revision };
  return { items, revision, nextKey, ...(remaining === undefined ? {} : { remaining }) };
}
