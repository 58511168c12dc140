import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { createMemoryStorage } from "../../storage/memory/memory-storage.ts";
import { CompactedError, prefixRange } from "../../storage/storage.ts";
import { startCompactor } from "./compactor.ts";
import { putElsewhere } from "./test-support/opened-cache.ts";

test("history is kept for one period and forgotten after one and a half", async () => {
  const clock = new VirtualClock();
  const storage = createMemoryStorage({ clock });
  const compactor = startCompactor({ storage, clock, logger: silentLogger });
  const read = (revision: number) => storage.range(prefixRange("/"), { revision });
  await clock.advance(299_000);
  const early = await putElsewhere(storage);
  await putElsewhere(storage);
  await clock.advance(300_000);
  const late = await putElsewhere(storage);
  assert.equal((await read(early)).count, 1);
  await clock.advance(300_000);
  await assert.rejects(read(early), CompactedError);
  assert.equal((await read(late)).count, 1);
  compactor.stop();
  await clock.settle();
  assert.equal(clock.pendingTimers, 0);
  await storage.close();
});
