import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { prefixRange, type Storage, StoredValue } from "../storage.ts";
import { EmbeddedStorage, type Journal, type JournalBatch } from "./embedded-storage.ts";

/** A journal whose batches become durable, or fail, when the test says so. */
class SteppedJournal implements Journal {
  readonly batches: { readonly keys: string[]; readonly settle: PromiseWithResolvers<void> }[] = [];

  write(batch: JournalBatch): Promise<void> {
    const settle = Promise.withResolvers<void>();
    this.batches.push({ keys: [...batch.writes].map(({ version }) => version.key), settle });
    return settle.promise;
  }

  async close(): Promise<void> {}
}

function opened() {
  const journal = new SteppedJournal();
  const clock = new VirtualClock();
  return { journal, clock, storage: new EmbeddedStorage({ clock, journal }) };
}

const put = (
  storage: Storage,
  key: string,
  n: number,
  compare: { key: string; modRevision: number }[] = [],
) => storage.commit({ compare, writes: [{ type: "put", key, value: StoredValue.ofObject({ n }) }] });

test("commits that arrive while a batch is written share the next one", async () => {
  const { journal, clock, storage } = opened();
  const first = [put(storage, "/a", 1), put(storage, "/b", 1)];
  await clock.settle();
  const second = [put(storage, "/c", 1), put(storage, "/d", 1), put(storage, "/c", 2)];
  await clock.settle();
  assert.deepEqual(
    journal.batches.map(({ keys }) => keys),
    [["/a", "/b"]],
  );
  journal.batches[0]?.settle.resolve();
  await Promise.all(first);
  await clock.settle();
  assert.deepEqual(journal.batches[1]?.keys, ["/c", "/d"], "a key that changed twice is written once");
  journal.batches[1]?.settle.resolve();
  assert.deepEqual(
    (await Promise.all(second)).map(({ revision }) => revision),
    [4, 5, 6],
  );
  await storage.close();
});

test("what is not durable is seen by decisions, not by reads and watches", async () => {
  const { journal, clock, storage } = opened();
  const watch = storage.watch(prefixRange("/"), { signal: AbortSignal.timeout(60_000) });
  const event = watch[Symbol.asyncIterator]().next();
  const created = put(storage, "/a", 1);
  const refused = put(storage, "/a", 2, [{ key: "/a", modRevision: 0 }]);
  const nothing = storage.commit({ compare: [], writes: [] });
  let answered = 0;
  for (const result of [created, refused, nothing, event]) void result.then(() => answered++);
  await clock.settle();
  assert.equal(answered, 0);
  assert.deepEqual([await storage.get("/a"), storage.revision], [undefined, 1]);
  journal.batches[0]?.settle.resolve();
  assert.deepEqual(await created, { committed: true, revision: 2 });
  const refusal = await refused;
  assert.equal(refusal.committed ? "" : refusal.current[0]?.modRevision, 2);
  assert.deepEqual(await nothing, { committed: true, revision: 2 });
  assert.equal((await event).value?.events.length, 1);
  await storage.close();
});

test("commits take effect in the order of their calls", async () => {
  const storage = new EmbeddedStorage({ clock: new VirtualClock() });
  const results = await Promise.all(Array.from({ length: 100 }, (_, n) => put(storage, `/k${n % 7}`, n)));
  assert.deepEqual(
    results.map(({ revision }) => revision),
    results.map((_, index) => index + 2),
  );
  await storage.close();
});

test("a batch that fails takes with it what was decided since, and nothing else", async () => {
  const { journal, clock, storage } = opened();
  const kept = put(storage, "/a", 1);
  await clock.settle();
  journal.batches[0]?.settle.resolve();
  await kept;
  const failing = put(storage, "/a", 2);
  await clock.settle();
  const resting = put(storage, "/b", 1, [{ key: "/a", modRevision: 3 }]);
  journal.batches[1]?.settle.reject(new Error("no space left"));
  await assert.rejects(failing, /no space left/);
  await assert.rejects(resting, /no space left/);
  assert.deepEqual((await storage.get("/a"))?.value.object, { n: 1 });
  assert.deepEqual([storage.revision, await storage.get("/b")], [2, undefined]);
  const after = put(storage, "/b", 2, [{ key: "/a", modRevision: 2 }]);
  await clock.settle();
  journal.batches[2]?.settle.resolve();
  assert.deepEqual(await after, { committed: true, revision: 3 });
  await storage.close();
});

test("an expiry that the disk refuses is tried again", async () => {
  const { journal, clock, storage } = opened();
  const value = StoredValue.ofObject({});
  const created = storage.commit({
    compare: [],
    writes: [{ type: "put", key: "/a", value, ttlSeconds: 10 }],
  });
  await clock.settle();
  journal.batches[0]?.settle.resolve();
  await created;
  await clock.advance(10_000);
  journal.batches[1]?.settle.reject(new Error("no space left"));
  await clock.advance(1000);
  assert.deepEqual(journal.batches[2]?.keys, ["/a"]);
  journal.batches[2]?.settle.resolve();
  await clock.settle();
  assert.equal(await storage.get("/a"), undefined);
  await storage.close();
});
