import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { CompactedError, prefixRange, StoredValue } from "../storage.ts";
import { storageCompliance } from "../test-support/compliance.ts";
import { createMemoryStorage } from "./memory-storage.ts";

storageCompliance("memory", async () => {
  const clock = new VirtualClock();
  const storage = createMemoryStorage({ clock });
  return {
    storage,
    elapse: (durationMs) => clock.advance(durationMs),
    async cleanUp() {
      assert.equal(clock.pendingTimers, 0, "a closed store leaves no timer");
    },
  };
});

test("the memory engine's history is bounded even when nobody compacts", async () => {
  const storage = createMemoryStorage({ clock: new VirtualClock(), historyLimit: 100 });
  for (let n = 0; n < 1000; n++)
    await storage.commit({
      compare: [],
      writes: [{ type: "put", key: "/a", value: StoredValue.ofObject({ n }) }],
    });
  const { revision } = storage;
  await assert.rejects(storage.range(prefixRange("/"), { revision: revision - 150 }), CompactedError);
  assert.equal((await storage.range(prefixRange("/"), { revision: revision - 50 })).count, 1);
  await storage.close();
});

test("the memory engine hands out the very object that was put", async () => {
  const storage = createMemoryStorage({ clock: new VirtualClock() });
  const object = Object.freeze({ n: 1 });
  await storage.commit({
    compare: [],
    writes: [{ type: "put", key: "/a", value: StoredValue.ofObject(object) }],
  });
  assert.equal((await storage.get("/a"))?.value.object, object);
  await storage.close();
});
