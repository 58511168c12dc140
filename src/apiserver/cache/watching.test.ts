import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { CacheEvent } from "./cache-event.ts";
import type { Selection } from "./selection.ts";
import {
  collect,
  labelled,
  onNode,
  openCache,
  pod,
  podFields,
  put,
  putElsewhere,
  remove,
  told,
} from "./test-support/opened-cache.ts";

const web = { app: "web" };

for (const { name, selection, want } of [
  {
    name: "everything sees each change as it is",
    selection: { namespace: "" },
    want: [
      "ADDED a/x 2",
      "MODIFIED a/x 3",
      "MODIFIED a/x 4",
      "MODIFIED a/x 5",
      "DELETED a/x 6",
      "ADDED b/y 7",
    ],
  },
  {
    name: "a label sees an object begin and cease to match, the last state of it with the revision that ended it",
    selection: labelled("app", "web"),
    want: ["ADDED a/x 3", "MODIFIED a/x 4", "DELETED a/x 5", "ADDED b/y 7"],
  },
  {
    name: "a node sees its pods come and go",
    selection: onNode("n1"),
    want: ["ADDED a/x 4", "MODIFIED a/x 5", "DELETED a/x 6"],
  },
  { name: "a namespace sees its own", selection: { namespace: "b" }, want: ["ADDED b/y 7"] },
  {
    name: "an object is seen alone",
    selection: { namespace: "b", name: "y" },
    want: ["ADDED b/y 7"],
  },
  {
    name: "a name in all namespaces is seen",
    selection: { namespace: "", name: "y", matches: (object) => object.metadata.name === "y" },
    want: ["ADDED b/y 7"],
  },
  {
    name: "a node within a namespace sees nothing of others",
    selection: { ...onNode("n1"), namespace: "b" },
    want: [],
  },
] satisfies { name: string; selection: Selection; want: string[] }[]) {
  test(`a watch of ${name}, live and resumed`, async () => {
    const { storage, cache, clock } = openCache();
    const live = await collect(cache, { selection });
    await put(storage, pod("a/x"));
    await put(storage, pod("a/x", web));
    await put(storage, pod("a/x", web, "n1"));
    await put(storage, pod("a/x", {}, "n1"));
    await remove(storage, "a/x");
    await put(storage, pod("b/y", web));
    await clock.settle();
    assert.deepEqual(live.events.map(told), want);
    const resumed = await collect(cache, { selection, afterRevision: 1 });
    await clock.settle();
    assert.deepEqual(resumed.events.map(told), want);
    assert.ok(
      resumed.events.every((event, index) => event === live.events[index]),
      "watchers share one event",
    );
    const late = await collect(cache, { selection, afterRevision: 4 });
    await clock.settle();
    assert.deepEqual(
      late.events.map(told),
      want.filter((text) => Number(text.split(" ")[2]) > 4),
    );
    await cache.close();
    await Promise.all([live.ended, resumed.ended, late.ended]);
    assert.equal(clock.pendingTimers, 0);
  });
}

test("a DELETED event carries the object as it was last selected", async () => {
  const { storage, cache, clock } = openCache();
  const watch = await collect(cache, { selection: labelled("app", "web") });
  await put(storage, pod("a/x", web));
  await put(storage, pod("a/x", { app: "db" }, "n1"));
  await clock.settle();
  assert.deepEqual(watch.events[1]?.object, {
    ...pod("a/x", web),
    metadata: { ...pod("a/x", web).metadata, resourceVersion: "3" },
  });
  await cache.close();
});

test("a watch begins with the present state, and a bookmark that closes it where asked", async () => {
  const { storage, cache, clock } = openCache();
  await put(storage, pod("b/y"));
  await put(storage, pod("a/x", web));
  await putElsewhere(storage);
  const plain = await collect(cache);
  const closed = await collect(cache, { initialEventsEnd: true, bookmarks: true });
  const selected = await collect(cache, { selection: labelled("app", "web"), initialEventsEnd: true });
  const skipped = await collect(cache, { skipInitialEvents: true });
  await put(storage, pod("c/z"));
  await clock.settle();
  const state = ["ADDED a/x 3", "ADDED b/y 2"];
  const end = "BOOKMARK k8s.io/initial-events-end 4";
  assert.deepEqual(plain.events.map(told), [...state, "ADDED c/z 5"]);
  assert.deepEqual(closed.events.map(told), [...state, end, "ADDED c/z 5"]);
  assert.deepEqual(selected.events.map(told), ["ADDED a/x 3", end]);
  assert.deepEqual(skipped.events.map(told), ["ADDED c/z 5"]);
  await cache.close();
});

test("a watch from a revision whose history is gone is Expired, in upstream's words", async () => {
  const { storage, cache, clock } = openCache({
    historyLimits: { minimum: 2, maximum: 10, freshMs: 1000 },
  });
  await cache.ready();
  for (let n = 0; n < 20; n++) await put(storage, pod("a/x"));
  await clock.settle();
  // Revisions 2 to 21 were written; the last ten are there.
  await assert.rejects(collect(cache, { afterRevision: 10 }), (error) => {
    assert.ok(isApiError(error, "Expired"));
    assert.deepEqual([error.code, error.message], [410, "too old resource version: 10 (11)"]);
    return true;
  });
  const resumed = await collect(cache, { afterRevision: 11 });
  await clock.settle();
  assert.equal(resumed.events.length, 10);
  await clock.advance(5000);
  await put(storage, pod("a/x"));
  await clock.settle();
  await assert.rejects(collect(cache, { afterRevision: 19 }), /too old resource version: 19 \(20\)/);
  await cache.close();
});

test("a watch from before the cache's own beginning is Expired", async () => {
  const { storage, cache } = openCache();
  await put(storage, pod("a/x"));
  await put(storage, pod("a/x"));
  await assert.rejects(collect(cache, { afterRevision: 2 }), /too old resource version: 2 \(3\)/);
  await cache.close();
});

test("a watch from a revision that is yet to come starts there", async () => {
  const { storage, cache, clock } = openCache();
  const watch = await collect(cache, { afterRevision: 2 });
  await put(storage, pod("a/x"));
  await put(storage, pod("a/y"));
  await clock.settle();
  assert.deepEqual(watch.events.map(told), ["ADDED a/y 3"]);
  await cache.close();
});

test("bookmarks come every minute, at the store's revision, to those who want them", async () => {
  const { storage, cache, clock } = openCache();
  const wanting = await collect(cache, { bookmarks: true });
  const other = await collect(cache);
  await putElsewhere(storage);
  await clock.advance(59_000);
  assert.deepEqual(wanting.events.map(told), []);
  await clock.advance(1000);
  await put(storage, pod("a/x"));
  await clock.advance(60_000);
  assert.deepEqual(wanting.events.map(told), ["BOOKMARK 2", "ADDED a/x 3", "BOOKMARK 3"]);
  assert.deepEqual(wanting.events[0]?.object, {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { resourceVersion: "2" },
  });
  assert.deepEqual(other.events.map(told), ["ADDED a/x 3"]);
  wanting.stop();
  other.stop();
  await Promise.all([wanting.ended, other.ended]);
  assert.equal(clock.pendingTimers, 0, "without watchers no timer runs");
  await cache.close();
});

test("a watch ends at its timeout, a last bookmark shortly before", async () => {
  const { storage, cache, clock } = openCache();
  const watch = await collect(cache, { bookmarks: true, timeoutMs: 30_000 });
  await clock.advance(28_000);
  assert.deepEqual(watch.events.map(told), ["BOOKMARK 1"]);
  await put(storage, pod("a/x"));
  await clock.advance(2000);
  await watch.ended;
  assert.deepEqual(watch.events.map(told), ["BOOKMARK 1", "ADDED a/x 2"]);
  await cache.close();
  assert.equal(clock.pendingTimers, 0);
});

test("a reader that lags too far gets what was buffered, then the end; others go on", async () => {
  const { storage, cache, clock } = openCache({ bufferLimit: 5 });
  const { signal } = new AbortController();
  const slow = (await cache.watch({ selection: { namespace: "" }, signal }))[Symbol.asyncIterator]();
  const quick = await collect(cache);
  for (let n = 0; n < 8; n++) await put(storage, pod(`a/x${n}`));
  await clock.settle();
  assert.deepEqual(
    (await slow.next()).value?.map(told),
    [2, 3, 4, 5, 6].map((n) => `ADDED a/x${n - 2} ${n}`),
  );
  assert.equal((await slow.next()).done, true);
  assert.equal(quick.events.length, 8);
  await cache.close();
});

test("events that come together are handed over together", async () => {
  const { storage, cache, clock } = openCache();
  const watch = await cache.watch({ selection: { namespace: "" }, signal: new AbortController().signal });
  await Promise.all(Array.from({ length: 50 }, (_, n) => put(storage, pod(`a/x${n}`))));
  await clock.settle();
  const { value } = await watch[Symbol.asyncIterator]().next();
  assert.equal(value?.length, 50);
  await cache.close();
});

test("a long initial state comes in pieces", async () => {
  const { storage, cache } = openCache();
  for (let n = 0; n < 1200; n++) await put(storage, pod(`a/x${n}`));
  const watch = await cache.watch({
    selection: { namespace: "" },
    initialEventsEnd: true,
    signal: new AbortController().signal,
  });
  const sizes: number[] = [];
  const events: CacheEvent[] = [];
  for await (const batch of watch) {
    sizes.push(batch.length);
    events.push(...batch);
    if (batch.at(-1)?.type === "BOOKMARK") break;
  }
  assert.deepEqual(sizes, [500, 500, 201]);
  await cache.close();
});

test("a change asks only the watchers it may concern", async () => {
  const { storage, cache, clock } = openCache();
  const asked = new Map<string, number>();
  const counting = (who: string, selection: Selection): Selection => ({
    ...selection,
    matches(object) {
      asked.set(who, (asked.get(who) ?? 0) + 1);
      return selection.matches?.(object) ?? true;
    },
  });
  for (let n = 0; n < 100; n++) {
    await collect(cache, { selection: counting(`node${n}`, onNode(`node${n}`)) });
    await collect(cache, { selection: counting(`namespace${n}`, { namespace: `namespace${n}` }) });
    await collect(cache, { selection: counting(`name${n}`, { namespace: "namespace7", name: `name${n}` }) });
  }
  await put(storage, pod("namespace7/name8", {}, "node9"));
  await clock.settle();
  assert.deepEqual([...asked.keys()].toSorted(), ["name8", "namespace7", "node9"]);
  asked.clear();
  await put(storage, pod("namespace7/name8", {}, "node10"));
  await clock.settle();
  assert.deepEqual([...asked.keys()].toSorted(), ["name8", "namespace7", "node10", "node9"]);
  assert.equal(podFields(pod("a/b", {}, "n"))["spec.nodeName"], "n");
  await cache.close();
});
