import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { randomBelow, seededRandom } from "../../base/random.ts";
import {
  ClosedError,
  type CommitResult,
  CompactedError,
  FutureRevisionError,
  type KeyRange,
  prefixRange,
  type Storage,
  type StorageEvent,
  type StorageWatch,
  StoredValue,
  type Write,
} from "../storage.ts";

export interface OpenedStorage {
  /** Empty; closed by the suite. */
  readonly storage: Storage;
  /** Lets the engine's clock pass. */
  elapse(durationMs: number): Promise<void>;
  /** After the storage is closed. */
  cleanUp?(): Promise<void>;
}

/** The contract of `storage.ts` as tests, the same for every engine. */
export function storageCompliance(engine: string, open: () => Promise<OpenedStorage>): void {
  const check = (name: string, run: (opened: OpenedStorage) => Promise<void>) =>
    test(name, async () => {
      const opened = await open();
      try {
        await run(opened);
      } finally {
        await opened.storage.close();
        await opened.cleanUp?.();
      }
    });
  describe(`${engine} storage`, () => {
    commits(check);
    ranges(check);
    history(check);
    watches(check);
    expiry(check);
    concurrency(check);
    closing(check);
  });
}

type Check = (name: string, run: (opened: OpenedStorage) => Promise<void>) => void;

function commits(check: Check): void {
  check("gives each commit the next revision, and its keys that revision", async ({ storage }) => {
    const first = await put(storage, "/a", { n: 1 });
    assert.equal(storage.revision, first);
    const second = await put(storage, "/b", { n: 2 });
    assert.equal(second, first + 1);
    const a = await storage.get("/a");
    assert.deepEqual(
      { key: a?.key, object: a?.value.object, create: a?.createRevision, mod: a?.modRevision },
      { key: "/a", object: { n: 1 }, create: first, mod: first },
    );
    assert.equal(await storage.currentRevision(), second);
  });

  check("keeps createRevision over updates and renews it after a delete", async ({ storage }) => {
    const created = await put(storage, "/a", { n: 1 });
    const updated = await put(storage, "/a", { n: 2 });
    const a = await storage.get("/a");
    assert.deepEqual([a?.createRevision, a?.modRevision], [created, updated]);
    await remove(storage, "/a");
    assert.equal(await storage.get("/a"), undefined);
    const again = await put(storage, "/a", { n: 3 });
    assert.equal((await storage.get("/a"))?.createRevision, again);
  });

  check("commits only when every comparison holds, and says what stands", async ({ storage }) => {
    const revision = await put(storage, "/a", { n: 1 });
    const write = putOf("/a", { n: 2 });
    const stale = await storage.commit({
      compare: [
        { key: "/a", modRevision: revision - 1 },
        { key: "/none", modRevision: 0 },
      ],
      writes: [write],
    });
    assert.equal(stale.committed, false);
    assert.equal(stale.revision, revision);
    assert.deepEqual(stale.committed ? [] : stale.current.map((current) => current?.value.object), [
      { n: 1 },
      undefined,
    ]);
    const absent = await storage.commit({ compare: [{ key: "/a", modRevision: 0 }], writes: [write] });
    assert.equal(absent.committed, false);
    const gone = await storage.commit({ compare: [{ key: "/none", modRevision: 7 }], writes: [write] });
    assert.equal(gone.committed, false);
    assert.deepEqual((await storage.get("/a"))?.value.object, { n: 1 });
    assert.equal(storage.revision, revision, "a refusal takes no revision");
    const right = await storage.commit({
      compare: [
        { key: "/a", modRevision: revision },
        { key: "/none", modRevision: 0 },
      ],
      writes: [write],
    });
    assert.deepEqual(right, { committed: true, revision: revision + 1 });
  });

  check("writes many keys at one revision, or none of them", async ({ storage }) => {
    const before = await put(storage, "/old", { n: 0 });
    const writes: Write[] = [putOf("/a", { n: 1 }), putOf("/b", { n: 2 }), { type: "delete", key: "/old" }];
    const refused = await storage.commit({ compare: [{ key: "/old", modRevision: 0 }], writes });
    assert.equal(refused.committed, false);
    assert.deepEqual(await keysOf(storage, prefixRange("/")), ["/old"]);
    const { revision } = await storage.commit({ compare: [], writes });
    assert.equal(revision, before + 1);
    assert.deepEqual(await keysOf(storage, prefixRange("/")), ["/a", "/b"]);
    assert.equal((await storage.get("/a"))?.modRevision, revision);
    assert.equal((await storage.get("/b"))?.modRevision, revision);
  });

  check("refuses a transaction that names a key twice", async ({ storage }) => {
    const twice = { compare: [], writes: [putOf("/a", { n: 1 }), putOf("/a", { n: 2 })] };
    await assert.rejects(storage.commit(twice));
    assert.equal(await storage.get("/a"), undefined);
  });

  check("takes no revision for a delete of an absent key", async ({ storage }) => {
    const before = await put(storage, "/a", { n: 1 });
    const result = await storage.commit({ compare: [], writes: [{ type: "delete", key: "/none" }] });
    assert.deepEqual(result, { committed: true, revision: before });
    assert.equal(storage.revision, before);
  });

  check("keeps big and unusual values whole", async ({ storage }) => {
    const big = { text: "é😀x".repeat(200_000), list: Array.from({ length: 1000 }, (_, n) => ({ n })) };
    await put(storage, "/big", big);
    assert.deepEqual((await storage.get("/big"))?.value.object, big);
    const odd = { "": null, zero: 0, nested: { "\u0000": ["\u2028", "\\", '"'] } };
    await put(storage, "/odd", odd);
    assert.deepEqual((await storage.get("/odd"))?.value.object, odd);
    const bytes = new TextEncoder().encode('{"from":"bytes"}');
    await storage.commit({
      compare: [],
      writes: [{ type: "put", key: "/bytes", value: StoredValue.ofBytes(bytes) }],
    });
    assert.deepEqual((await storage.get("/bytes"))?.value.object, { from: "bytes" });
  });
}

function ranges(check: Check): void {
  check("orders keys by their UTF-8 bytes", async ({ storage }) => {
    const keys = ["/é", "/z", "/\ue000", "/\uffff", "/😀", "/a", "/a/b", "/a-b", "/\u{10ffff}"];
    for (const key of keys) await put(storage, key, {});
    const want = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await keysOf(storage, { start: "/", end: "0" }), want);
    assert.deepEqual(await keysOf(storage, { start: "/\uffff", end: "/\u{10ffff}" }), ["/\uffff", "/😀"]);
  });

  check("holds start, excludes end, and takes one key without an end", async ({ storage }) => {
    for (const key of ["/a", "/b", "/b/1", "/c"]) await put(storage, key, {});
    assert.deepEqual(await keysOf(storage, { start: "/b", end: "/c" }), ["/b", "/b/1"]);
    assert.deepEqual(await keysOf(storage, { start: "/b" }), ["/b"]);
    assert.deepEqual(await keysOf(storage, { start: "/none" }), []);
    assert.deepEqual(await keysOf(storage, { start: "/c", end: "/a" }), []);
    assert.deepEqual(await keysOf(storage, prefixRange("/b/")), ["/b/1"]);
  });

  check("stops at the limit and counts beyond it", async ({ storage }) => {
    for (const key of ["/a", "/b", "/c"]) await put(storage, key, {});
    const range = prefixRange("/");
    const limited = await storage.range(range, { limit: 2 });
    assert.deepEqual([limited.items.map(({ key }) => key), limited.count], [["/a", "/b"], 3]);
    assert.equal(limited.revision, storage.revision);
    const rest = await storage.range({ ...range, start: "/b\0" }, { limit: 2, revision: limited.revision });
    assert.deepEqual([rest.items.map(({ key }) => key), rest.count], [["/c"], 1]);
    const counted = await storage.range(range, { countOnly: true });
    assert.deepEqual([counted.items, counted.count], [[], 3]);
    assert.equal((await storage.range({ start: "/a" }, { countOnly: true })).count, 1);
  });
}

function history(check: Check): void {
  check("reads the store as it was at a revision", async ({ storage }) => {
    await put(storage, "/a", { n: 1 });
    const early = await put(storage, "/b", { n: 1 });
    await put(storage, "/a", { n: 2 });
    const deleted = await remove(storage, "/b");
    await put(storage, "/c", { n: 3 });
    await put(storage, "/b", { n: 4 });
    const then = await storage.range(prefixRange("/"), { revision: early });
    assert.deepEqual(
      then.items.map(({ key, value }) => [key, value.object]),
      [
        ["/a", { n: 1 }],
        ["/b", { n: 1 }],
      ],
    );
    assert.deepEqual([then.count, then.revision], [2, early]);
    assert.deepEqual(await keysOf(storage, prefixRange("/"), deleted), ["/a"]);
    assert.deepEqual(await keysOf(storage, { start: "/b" }, deleted), []);
    const limited = await storage.range(prefixRange("/"), { revision: early, limit: 1 });
    assert.deepEqual([limited.items.length, limited.count], [1, 2]);
    assert.equal((await storage.range(prefixRange("/"), { revision: early, countOnly: true })).count, 2);
  });

  check("refuses a future revision and a compacted one", async ({ storage }) => {
    const first = await put(storage, "/a", { n: 1 });
    const second = await put(storage, "/a", { n: 2 });
    await put(storage, "/b", { n: 3 });
    const all = prefixRange("/");
    await assert.rejects(storage.range(all, { revision: second + 100 }), FutureRevisionError);
    await assert.rejects(storage.compact(second + 100), FutureRevisionError);
    await storage.compact(second);
    await assert.rejects(storage.range(all, { revision: first }), CompactedError);
    assert.deepEqual(await keysOf(storage, all, second), ["/a"]);
    assert.deepEqual(await keysOf(storage, all), ["/a", "/b"]);
    await storage.compact(first);
    assert.deepEqual(await keysOf(storage, all, second), ["/a"], "compacting what is compacted does nothing");
  });

  check("keeps every readable past through a compaction", async ({ storage }) => {
    const random = seededRandom(11);
    const states = new Map<number, readonly (readonly [string, unknown])[]>();
    const model = new Map<string, unknown>();
    for (let step = 0; step < 120; step++) {
      const key = `/k${randomBelow(random, 6)}`;
      const deletes = random.next() < 0.4 && model.has(key);
      const revision = deletes ? await remove(storage, key) : await put(storage, key, { step });
      if (deletes) model.delete(key);
      else model.set(key, { step });
      states.set(revision, [...model].sort());
      if (step % 30 !== 29) continue;
      const compacted = revision - randomBelow(random, 20);
      await storage.compact(compacted);
      for (const [past, want] of states) {
        const read = storage.range(prefixRange("/"), { revision: past });
        if (past < compacted) await assert.rejects(read, CompactedError);
        else
          assert.deepEqual(
            (await read).items.map(({ key, value }) => [key, value.object]),
            want,
          );
      }
    }
  });
}

function watches(check: Check): void {
  check("delivers what happens after now, in order, with what stood before", async ({ storage }) => {
    await put(storage, "/a/0", { n: 0 });
    await using watch = watching(storage, prefixRange("/a/"));
    await watch.ready();
    const created = await put(storage, "/a/1", { n: 1 });
    await put(storage, "/b/1", { n: 1 });
    const updated = await put(storage, "/a/1", { n: 2 });
    const deleted = await remove(storage, "/a/1");
    assert.deepEqual((await watch.take(3)).map(summary), [
      { type: "put", key: "/a/1", revision: created, current: { n: 1 }, previous: undefined },
      { type: "put", key: "/a/1", revision: updated, current: { n: 2 }, previous: { n: 1 } },
      { type: "delete", key: "/a/1", revision: deleted, current: undefined, previous: { n: 2 } },
    ]);
  });

  check("delivers history from a revision, then what follows", async ({ storage }) => {
    await put(storage, "/a", { n: 1 });
    const from = await put(storage, "/a", { n: 2 });
    await put(storage, "/b", { n: 3 });
    await using watch = watching(storage, prefixRange("/"), from);
    assert.deepEqual(
      (await watch.take(2)).map(({ key }) => key),
      ["/a", "/b"],
    );
    await put(storage, "/c", { n: 4 });
    assert.deepEqual(
      (await watch.take(1)).map(({ key }) => key),
      ["/c"],
    );
  });

  check("waits for a revision that is yet to come", async ({ storage }) => {
    const now = await put(storage, "/a", { n: 1 });
    await using watch = watching(storage, prefixRange("/"), now + 2);
    await watch.ready();
    await put(storage, "/b", { n: 2 });
    const wanted = await put(storage, "/c", { n: 3 });
    assert.deepEqual(
      (await watch.take(1)).map(({ key, revision }) => [key, revision]),
      [["/c", wanted]],
    );
  });

  check("watches one key", async ({ storage }) => {
    await using watch = watching(storage, { start: "/a" });
    await watch.ready();
    await put(storage, "/a/b", { n: 1 });
    await put(storage, "/a", { n: 2 });
    assert.deepEqual(
      (await watch.take(1)).map(({ key }) => key),
      ["/a"],
    );
  });

  check("delivers a transaction whole", async ({ storage }) => {
    await using watch = watching(storage, prefixRange("/"));
    await watch.ready();
    await storage.commit({ compare: [], writes: [putOf("/a", { n: 1 }), putOf("/b", { n: 2 })] });
    const { value } = await watch.next();
    assert.deepEqual(value?.events.map(({ key }) => key).toSorted(), ["/a", "/b"]);
    assert.equal(value?.revision, storage.revision);
  });

  check("serves overlapping ranges each its own", async ({ storage }) => {
    const ranges: KeyRange[] = [
      prefixRange("/"),
      prefixRange("/a/"),
      { start: "/a/1" },
      { start: "/a/1", end: "/c" },
      prefixRange("/b/"),
    ];
    const all = ranges.map((range) => watching(storage, range));
    for (const watch of all) await watch.ready();
    for (const key of ["/a/0", "/a/1", "/b/1", "/c/1"]) await put(storage, key, {});
    const seen: string[][] = [];
    for (const [index, count] of [4, 2, 1, 2, 1].entries())
      seen.push((await all[index]?.take(count))?.map(({ key }) => key) ?? []);
    assert.deepEqual(seen, [
      ["/a/0", "/a/1", "/b/1", "/c/1"],
      ["/a/0", "/a/1"],
      ["/a/1"],
      ["/a/1", "/b/1"],
      ["/b/1"],
    ]);
    for (const watch of all) await watch[Symbol.asyncDispose]();
  });

  check("says when history does not reach back", async ({ storage }) => {
    const first = await put(storage, "/a", { n: 1 });
    const second = await put(storage, "/a", { n: 2 });
    const third = await put(storage, "/a", { n: 3 });
    await storage.compact(third);
    for (const from of [first, second]) {
      await using watch = watching(storage, prefixRange("/"), from);
      await assert.rejects(watch.next(), CompactedError);
    }
    await using watch = watching(storage, prefixRange("/"), third);
    assert.deepEqual(
      (await watch.take(1)).map(({ revision }) => revision),
      [third],
    );
  });

  check("tells progress when asked, past what other keys changed", async ({ storage }) => {
    if (!storage.supportsProgress) return;
    await using watch = watching(storage, prefixRange("/a/"));
    await watch.ready();
    const revision = await put(storage, "/b", { n: 1 });
    watch.requestProgress();
    for (;;) {
      const { value } = await watch.next();
      assert.deepEqual(value?.events, []);
      if ((value?.revision ?? 0) >= revision) return;
    }
  });

  check("ends when the signal aborts", async ({ storage }) => {
    const watch = watching(storage, prefixRange("/"));
    const pending = watch.next();
    watch.abort();
    assert.equal((await pending).done, true);
    assert.equal((await watch.next()).done, true);
    const aborted = watching(storage, prefixRange("/"), undefined, AbortSignal.abort());
    assert.equal((await aborted.next()).done, true);
  });
}

function expiry(check: Check): void {
  check("deletes a key when its time is up, as an event of its own", async ({ storage, elapse }) => {
    await using watch = watching(storage, prefixRange("/"));
    await watch.ready();
    const put2 = { ...putOf("/late", { n: 2 }), ttlSeconds: 6 };
    await storage.commit({ compare: [], writes: [{ ...putOf("/soon", { n: 1 }), ttlSeconds: 2 }, put2] });
    await elapse(1000);
    assert.deepEqual(await keysOf(storage, prefixRange("/")), ["/late", "/soon"]);
    await elapse(2500);
    const events = await watch.take(3);
    assert.deepEqual(summary(events[2]), {
      type: "delete",
      key: "/soon",
      revision: storage.revision,
      current: undefined,
      previous: { n: 1 },
    });
    assert.deepEqual(await keysOf(storage, prefixRange("/")), ["/late"]);
  });

  check("spares a key that was written again meanwhile", async ({ storage, elapse }) => {
    const write = { ...putOf("/a", { n: 1 }), ttlSeconds: 2 };
    await storage.commit({ compare: [], writes: [write] });
    await put(storage, "/a", { n: 2 });
    await storage.commit({ compare: [], writes: [{ ...putOf("/b", { n: 1 }), ttlSeconds: 2 }] });
    await elapse(1000);
    await storage.commit({ compare: [], writes: [{ ...putOf("/b", { n: 2 }), ttlSeconds: 4 }] });
    await elapse(2500);
    assert.deepEqual(await keysOf(storage, prefixRange("/")), ["/a", "/b"]);
  });
}

function concurrency(check: Check): void {
  check("lets one of many creators of a key win", async ({ storage }) => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        storage.commit({ compare: [{ key: "/a", modRevision: 0 }], writes: [putOf("/a", { n })] }),
      ),
    );
    const winners = results.filter(({ committed }) => committed);
    assert.equal(winners.length, 1);
    const standing = await storage.get("/a");
    assert.equal(standing?.modRevision, winners[0]?.revision);
    for (const result of results)
      if (!result.committed) assert.equal(result.current[0]?.modRevision, standing?.modRevision);
  });

  check(
    "gives commits that are under way together one revision each, the last to a key stands",
    async ({ storage }) => {
      const results: Promise<CommitResult>[] = [];
      for (let n = 0; n < 200; n++)
        results.push(storage.commit({ compare: [], writes: [putOf(`/k${n % 7}`, { n })] }));
      const revisions = (await Promise.all(results)).map(({ revision }) => revision);
      const sorted = revisions.toSorted((a, b) => a - b);
      assert.deepEqual(
        sorted,
        sorted.map((_, index) => (sorted[0] ?? 0) + index),
      );
      for (let k = 0; k < 7; k++) {
        const standing = await storage.get(`/k${k}`);
        const { n } = (standing?.value.object ?? { n: -1 }) as { n: number };
        assert.equal(standing?.modRevision, revisions[n]);
        assert.equal(standing?.modRevision, Math.max(...revisions.filter((_, index) => index % 7 === k)));
      }
    },
  );

  check("loses no increment of many writers that compare and retry", async ({ storage }) => {
    await put(storage, "/n", { n: 0 });
    await using watch = watching(storage, { start: "/n" });
    await watch.ready();
    await Promise.all(Array.from({ length: 10 }, () => increment(storage, "/n", 10)));
    assert.deepEqual((await storage.get("/n"))?.value.object, { n: 100 });
    const seen = (await watch.take(100)).map((event) => event.current?.value.object);
    assert.deepEqual(
      seen,
      Array.from({ length: 100 }, (_, index) => ({ n: index + 1 })),
    );
  });

  check(
    "shows a commit to reads and watches once it is acknowledged, not before its turn",
    async ({ storage }) => {
      await using watch = watching(storage, prefixRange("/"));
      await watch.ready();
      const writes = Array.from({ length: 50 }, (_, n) =>
        storage.commit({ compare: [], writes: [putOf(`/${n}`, { n })] }).then(async ({ revision }) => {
          assert.ok(storage.revision >= revision);
          assert.ok((await storage.get(`/${n}`)) !== undefined);
        }),
      );
      const events = await watch.take(50);
      await Promise.all(writes);
      const revisions = events.map(({ revision }) => revision);
      assert.deepEqual(
        revisions,
        revisions.toSorted((a, b) => a - b),
      );
      assert.equal(new Set(revisions).size, 50);
    },
  );
}

function closing(check: Check): void {
  check("finishes what was begun, ends watches and refuses the rest when closed", async ({ storage }) => {
    const watch = watching(storage, prefixRange("/other/"));
    const pending = watch.next();
    const begun = storage.commit({ compare: [], writes: [putOf("/a", { n: 1 })] });
    await storage.close();
    assert.equal((await begun).committed, true);
    assert.equal((await pending).done, true);
    await assert.rejects(storage.get("/a"), ClosedError);
    await assert.rejects(storage.range(prefixRange("/")), ClosedError);
    await assert.rejects(storage.commit({ compare: [], writes: [] }), ClosedError);
    await storage.close();
  });
}

const putOf = (key: string, object: object): Write & { type: "put" } => ({
  type: "put",
  key,
  value: StoredValue.ofObject(object),
});

async function put(storage: Storage, key: string, object: object): Promise<number> {
  return (await storage.commit({ compare: [], writes: [putOf(key, object)] })).revision;
}

async function remove(storage: Storage, key: string): Promise<number> {
  return (await storage.commit({ compare: [], writes: [{ type: "delete", key }] })).revision;
}

async function keysOf(storage: Storage, range: KeyRange, revision?: number): Promise<string[]> {
  const { items } = await storage.range(range, revision === undefined ? {} : { revision });
  return items.map(({ key }) => key);
}

async function increment(storage: Storage, key: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const standing = await storage.get(key);
    const { n } = (standing?.value.object ?? { n: 0 }) as { n: number };
    const compare = [{ key, modRevision: standing?.modRevision ?? 0 }];
    const { committed } = await storage.commit({ compare, writes: [putOf(key, { n: n + 1 })] });
    if (committed) done++;
  }
}

function summary(event: StorageEvent | undefined) {
  return {
    type: event?.type,
    key: event?.key,
    revision: event?.revision,
    current: event?.current?.value.object,
    previous: event?.previous?.value.object,
  };
}

/** A watch to read from step by step. */
function watching(storage: Storage, range: KeyRange, fromRevision?: number, signal?: AbortSignal) {
  const controller = new AbortController();
  const watch: StorageWatch = storage.watch(range, {
    signal: signal ?? controller.signal,
    ...(fromRevision === undefined ? {} : { fromRevision }),
  });
  const iterator = watch[Symbol.asyncIterator]();
  const buffered: StorageEvent[] = [];
  return {
    next: () => iterator.next(),
    requestProgress: () => watch.requestProgress(),
    abort: () => controller.abort(),
    /** Resolves when the watch is in place, wherever the store is. */
    async ready() {
      if (!storage.supportsProgress) return;
      watch.requestProgress();
      const { value } = await iterator.next();
      buffered.push(...(value?.events ?? []));
    },
    async take(count: number): Promise<StorageEvent[]> {
      while (buffered.length < count) {
        const { value, done } = await iterator.next();
        if (done) throw new Error(`the watch ended after ${buffered.length} of ${count} events`);
        buffered.push(...(value?.events ?? []));
      }
      return buffered.splice(0, count);
    },
    async [Symbol.asyncDispose]() {
      controller.abort();
      await iterator.return?.();
    },
  };
}
