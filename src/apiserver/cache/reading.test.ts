import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "../../apimachinery/api-error.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { createMemoryStorage } from "../../storage/memory/memory-storage.ts";
import { CompactedError, type Storage, type StorageWatch, StoredValue } from "../../storage/storage.ts";
import { ByteBudget } from "./byte-budget.ts";
import { frameOf } from "./cache-event.ts";
import { bytesOf, cachedOf } from "./cached-object.ts";
import {
  collect,
  labelled,
  openCache,
  pod,
  prefix,
  put,
  putElsewhere,
  remove,
  told,
} from "./test-support/opened-cache.ts";
import type { CacheList } from "./watch-cache.ts";

const all = { namespace: "" };
const names = ({ items }: CacheList) =>
  items.map(({ object }) => `${object.metadata.namespace}/${object.metadata.name}`);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("a list sees every acknowledged write, in the order of keys, with the store's revision", async () => {
  const { storage, cache } = openCache();
  assert.deepEqual(await cache.list({ selection: all }), { items: [], revision: 1 });
  await put(storage, pod("b/x"));
  await put(storage, pod("a/y"));
  await put(storage, pod("a-b/z"));
  const last = await putElsewhere(storage);
  const list = await cache.list({ selection: all });
  assert.deepEqual(names(list), ["a-b/z", "a/y", "b/x"]);
  assert.equal(list.revision, last);
  assert.deepEqual(names(await cache.list({ selection: { namespace: "a" } })), ["a/y"]);
  assert.deepEqual(names(await cache.list({ selection: { namespace: "", name: "x" } })), ["b/x"]);
  assert.deepEqual(names(await cache.list({ selection: { namespace: "b", name: "x" } })), ["b/x"]);
  await cache.close();
});

test("pages are of one revision, whatever happens between them", async () => {
  const { storage, cache } = openCache();
  for (const name of ["a", "b", "c", "d", "e"]) await put(storage, pod(`n/${name}`));
  const first = await cache.list({ selection: all, limit: 2 });
  assert.deepEqual([names(first), first.remaining, first.nextKey], [["n/a", "n/b"], 3, `${prefix}n/c`]);
  const quiet = await cache.list({
    selection: all,
    limit: 2,
    continueKey: first.nextKey ?? "",
    exactRevision: first.revision,
  });
  assert.deepEqual([names(quiet), quiet.remaining], [["n/c", "n/d"], 1]);
  await remove(storage, "n/c");
  await put(storage, pod("n/cc"));
  const second = await cache.list({
    selection: all,
    limit: 2,
    continueKey: first.nextKey ?? "",
    exactRevision: first.revision,
  });
  assert.deepEqual([names(second), second.remaining], [["n/c", "n/d"], 1]);
  assert.equal(second.revision, first.revision);
  const third = await cache.list({
    selection: all,
    limit: 2,
    continueKey: second.nextKey ?? "",
    exactRevision: first.revision,
  });
  assert.deepEqual(third, { items: third.items, revision: first.revision });
  assert.deepEqual(names(third), ["n/e"]);
  const inconsistent = await cache.list({ selection: all, continueKey: first.nextKey ?? "" });
  assert.deepEqual(names(inconsistent), ["n/cc", "n/d", "n/e"]);
  await cache.close();
});

test("pages of a selector are full, present and past, and say no count", async () => {
  const { storage, cache } = openCache();
  for (let n = 0; n < 30; n++)
    await put(storage, pod(`n/${String(n).padStart(2, "0")}`, { app: n % 3 === 0 ? "web" : "db" }));
  const selection = labelled("app", "web");
  const { revision } = await cache.list({ selection });
  for (const past of [false, true]) {
    if (past) await put(storage, pod("n/00"));
    const seen: string[] = [];
    let continueKey: string | undefined;
    do {
      const page: CacheList = await cache.list({
        selection,
        limit: 4,
        exactRevision: revision,
        ...(continueKey === undefined ? {} : { continueKey }),
      });
      seen.push(...names(page));
      assert.equal(page.remaining, undefined);
      assert.ok(page.nextKey === undefined || page.items.length === 4);
      continueKey = page.nextKey;
    } while (continueKey !== undefined);
    assert.deepEqual(
      seen,
      Array.from({ length: 10 }, (_, n) => `n/${String(n * 3).padStart(2, "0")}`),
    );
  }
  await cache.close();
});

test("a past revision is read from storage; one that is compacted is Expired, a future one a Timeout", async () => {
  const { storage, cache } = openCache();
  const past = await put(storage, pod("n/a", { step: "1" }));
  await put(storage, pod("n/a", { step: "2" }));
  const then = await cache.list({ selection: all, exactRevision: past });
  assert.deepEqual(then.items[0]?.object.metadata, {
    ...pod("n/a", { step: "1" }).metadata,
    resourceVersion: String(past),
  });
  await assert.rejects(cache.list({ selection: all, exactRevision: 99 }), (error) => {
    assert.ok(isApiError(error, "Timeout"));
    assert.equal(error.message, "Timeout: Too large resource version: 99, current: 3");
    return true;
  });
  await storage.compact(past + 1);
  await assert.rejects(cache.list({ selection: all, exactRevision: past }), (error) => {
    assert.ok(isApiError(error, "Expired"));
    assert.equal(error.message, "The resourceVersion for the provided list is too old.");
    return true;
  });
  await cache.close();
});

test("a list at a compacted revision is Expired even though nothing of it changed since", async () => {
  const { storage, cache } = openCache();
  const past = await put(storage, pod("n/a"));
  const current = await putElsewhere(storage);
  assert.equal((await cache.list({ selection: all, exactRevision: past })).items.length, 1);
  await storage.compact(current);
  await assert.rejects(cache.list({ selection: all, exactRevision: past }), (error) =>
    isApiError(error, "Expired"),
  );
  await cache.close();
});

test("a read waits for the revision it must see, and gives up after three seconds", async () => {
  const { storage, cache, clock } = openCache();
  const waiting = cache.list({ selection: all, minRevision: 3 });
  let answered = false;
  void waiting.then(() => {
    answered = true;
  });
  await putElsewhere(storage);
  await clock.advance(1000);
  assert.equal(answered, false);
  await put(storage, pod("n/a"));
  assert.deepEqual(names(await waiting), ["n/a"]);
  const given = assert.rejects(cache.get(`${prefix}n/a`, { minRevision: 9 }), (error) => {
    assert.ok(isApiError(error, "Timeout"));
    assert.equal(error.code, 504);
    assert.deepEqual(error.status.details, {
      retryAfterSeconds: 1,
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    });
    return true;
  });
  await clock.advance(3000);
  await given;
  const controller = new AbortController();
  const aborted = cache.waitUntilFresh(9, { signal: controller.signal });
  controller.abort(new Error("gone"));
  await assert.rejects(aborted, /gone/);
  await cache.close();
  assert.equal(clock.pendingTimers, 0);
});

test("what was written is one object and one encoding for its writer, readers and watchers", async () => {
  const { storage, cache, clock } = openCache();
  const watch = await collect(cache);
  const again = await collect(cache);
  const value = StoredValue.ofObject(pod("n/a"));
  const key = `${prefix}n/a`;
  const { revision } = await storage.commit({ compare: [], writes: [{ type: "put", key, value }] });
  const written = cache.hold({ key, value, createRevision: revision, modRevision: revision });
  const read = await cache.get(key);
  const listed = (await cache.list({ selection: all })).items[0];
  await clock.settle();
  const [event] = watch.events;
  assert.ok(written === read && read === listed && event !== undefined && event.cached === written);
  assert.equal(event, again.events[0]);
  assert.equal(event.object, written.object);
  assert.equal(cachedOf(event.object), written);
  assert.equal(bytesOf(event.object).buffer, frameOf(event).buffer);
  assert.equal(frameOf(event), frameOf(event));
  assert.deepEqual(JSON.parse(text(bytesOf(written.object))), written.object);
  assert.equal(text(frameOf(event)), `{"type":"ADDED","object":${JSON.stringify(written.object)}}\n`);
  await cache.close();
});

test("a changed copy of a cached object is encoded for itself", async () => {
  const { storage, cache } = openCache();
  await put(storage, pod("n/a"));
  const object = (await cache.get(`${prefix}n/a`))?.object ?? pod("");
  bytesOf(object);
  const changed = { ...object, kind: "Other" };
  assert.equal(cachedOf(changed), undefined);
  assert.deepEqual(JSON.parse(text(bytesOf(changed))), changed);
  await cache.close();
});

test("frames of every type are whole lines of JSON", async () => {
  const { storage, cache, clock } = openCache();
  await put(storage, pod("n/a", { é: "😀" }));
  const watch = await collect(cache, { initialEventsEnd: true });
  await put(storage, pod("n/a", { app: "web" }));
  await remove(storage, "n/a");
  await clock.settle();
  assert.deepEqual(watch.events.map(told), [
    "ADDED n/a 2",
    "BOOKMARK k8s.io/initial-events-end 2",
    "MODIFIED n/a 3",
    "DELETED n/a 4",
  ]);
  for (const event of watch.events) {
    const frame = text(frameOf(event));
    assert.ok(frame.endsWith("}\n"));
    assert.deepEqual(JSON.parse(frame), { type: event.type, object: event.object });
  }
  const modified = watch.events[2];
  assert.deepEqual(JSON.parse(text(modified?.cached.frame("ADDED") ?? new Uint8Array())), {
    type: "ADDED",
    object: modified?.object,
  });
  await cache.close();
});

test("encoded bytes stay within the budget and are made again when they are wanted", async () => {
  const budget = new ByteBudget(2000);
  const { storage, cache } = openCache({ budget });
  for (let n = 0; n < 50; n++) await put(storage, pod(`n/${n}`));
  const { items } = await cache.list({ selection: all });
  const first = items[0]?.bytes();
  for (const item of items) {
    items[0]?.bytes();
    assert.deepEqual(JSON.parse(text(item.bytes())), item.object);
    assert.ok(budget.usedBytes <= 2000, `${budget.usedBytes}`);
  }
  assert.equal(items[0]?.bytes().buffer, first?.buffer, "what is wanted again and again stays");
  await cache.close();
});

test("what was encoded for storage is not encoded again for those who read it", async () => {
  for (const { budgetBytes, encodes } of [
    { budgetBytes: 1 << 20, encodes: 0 },
    { budgetBytes: 32, encodes: 1 },
  ]) {
    const { storage, cache } = openCache({ budget: new ByteBudget(budgetBytes) });
    await cache.ready();
    let encoded = 0;
    const name = {
      toJSON() {
        encoded++;
        return "a";
      },
    };
    const object = { ...pod("n/a"), metadata: { namespace: "n", name: name as unknown as string } };
    const value = StoredValue.ofObject(object);
    assert.deepEqual(JSON.parse(text(value.bytes)), {
      ...pod("n/a"),
      metadata: { namespace: "n", name: "a" },
    });
    encoded = 0;
    const write = { type: "put", key: `${prefix}n/a`, value } as const;
    const { revision } = await storage.commit({ compare: [], writes: [write] });
    const found = await cache.get(`${prefix}n/a`);
    const before = { kind: "Pod", apiVersion: "v1", spec: {} };
    assert.deepEqual(JSON.parse(text(found?.bytes() ?? new Uint8Array())), {
      ...before,
      metadata: { namespace: "n", name: "a", resourceVersion: String(revision) },
    });
    assert.equal(encoded, encodes, `with ${budgetBytes} bytes for what is encoded`);
    await cache.close();
  }
});

test("a value from disk is decoded once, by the cache's own rule", async () => {
  let decoded = 0;
  const { storage, cache } = openCache({
    decode({ value }) {
      decoded++;
      const object = value.object as ReturnType<typeof pod>;
      if (object.metadata.name === "spoilt") throw new Error("not a pod");
      return { ...object, apiVersion: "v2" };
    },
  });
  const bytes = new TextEncoder().encode(JSON.stringify(pod("n/a")));
  const write = { type: "put", key: `${prefix}n/a`, value: StoredValue.ofBytes(bytes) } as const;
  await storage.commit({ compare: [], writes: [write] });
  await put(storage, pod("n/spoilt"));
  const list = await cache.list({ selection: all });
  assert.deepEqual(names(list), ["n/a"], "one spoilt object does not take the others with it");
  assert.equal(list.items[0]?.object.apiVersion, "v2");
  await cache.get(`${prefix}n/a`);
  assert.equal(decoded, 2);
  await cache.close();
});

test("a cache whose watch of storage fails ends its watches, loads again and goes on", async () => {
  const clock = new VirtualClock();
  const storage = createMemoryStorage({ clock });
  const failing = new FailingWatches(storage);
  const { cache } = openCache({ clock, storage: failing.storage });
  const watch = await collect(cache);
  await put(storage, pod("n/a"));
  await clock.settle();
  failing.failNow();
  await watch.ended;
  assert.deepEqual(watch.events.map(told), ["ADDED n/a 2"]);
  await remove(storage, "n/a");
  await put(storage, pod("n/b"));
  await clock.advance(1000);
  assert.deepEqual(names(await cache.list({ selection: all })), ["n/b"]);
  await assert.rejects(collect(cache, { afterRevision: 2 }), /too old resource version: 2 \(4\)/);
  const again = await collect(cache, { afterRevision: 4 });
  await put(storage, pod("n/c"));
  await clock.settle();
  assert.deepEqual(again.events.map(told), ["ADDED n/c 5"]);
  await cache.close();
});

test("a closed cache refuses and leaves nothing behind", async () => {
  const { storage, cache, clock } = openCache();
  const watch = await collect(cache, { bookmarks: true, timeoutMs: 10_000 });
  await cache.close();
  await watch.ended;
  await storage.close();
  assert.equal(clock.pendingTimers, 0);
  const never = openCache();
  await never.cache.close();
  await assert.rejects(never.cache.ready(), (error) => isApiError(error, "ServiceUnavailable"));
});

test("where storage cannot tell progress, reads as of now come from storage, and watches begin there", async () => {
  const clock = new VirtualClock();
  const storage = createMemoryStorage({ clock });
  const failing = new FailingWatches(storage, { supportsProgress: false });
  const { cache } = openCache({ clock, storage: failing.storage });
  await cache.ready();
  await put(storage, pod("n/a"));
  const now = await putElsewhere(storage);
  const list = await cache.list({ selection: all });
  assert.deepEqual([names(list), list.revision], [["n/a"], now]);
  const watch = await collect(cache, { initialEventsEnd: true, bookmarks: true });
  await put(storage, pod("n/b"));
  await clock.advance(60_000);
  assert.deepEqual(watch.events.map(told), [
    "ADDED n/a 2",
    "BOOKMARK k8s.io/initial-events-end 3",
    "ADDED n/b 4",
    "BOOKMARK 4",
  ]);
  await cache.close();
});

/** A store whose watches can be made to fail as after a compaction. */
class FailingWatches {
  readonly storage: Storage;
  readonly #supportsProgress: boolean;
  #fail = Promise.withResolvers<never>();

  constructor(storage: Storage, { supportsProgress = true } = {}) {
    this.#supportsProgress = supportsProgress;
    this.#fail.promise.catch(() => {});
    this.storage = {
      get revision() {
        return storage.revision;
      },
      supportsProgress,
      currentRevision: () => storage.currentRevision(),
      get: (key) => storage.get(key),
      range: (range, options) => storage.range(range, options),
      commit: (transaction) => storage.commit(transaction),
      compact: (revision) => storage.compact(revision),
      close: () => storage.close(),
      watch: (...call) => this.#watch(storage.watch(...call)),
    };
  }

  failNow(): void {
    this.#fail.reject(new CompactedError(1));
    this.#fail = Promise.withResolvers<never>();
    this.#fail.promise.catch(() => {});
  }

  #watch(watch: StorageWatch): StorageWatch {
    const fail = this.#fail.promise;
    const iterator = watch[Symbol.asyncIterator]();
    return {
      requestProgress: () => {
        if (this.#supportsProgress) watch.requestProgress();
      },
      [Symbol.asyncIterator]: () => ({ next: () => Promise.race([iterator.next(), fail]) }),
    };
  }
}
