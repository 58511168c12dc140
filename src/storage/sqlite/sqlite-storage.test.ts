import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { storageCompliance } from "../test-support/compliance.ts";
import { openSqliteStorage } from "./sqlite-storage.ts";

storageCompliance("sqlite", async () => {
  const clock = new VirtualClock();
  const directory = await mkdtemp(join(tmpdir(), "k8ts-sqlite-"));
  const storage = await openSqliteStorage({ directory, clock });
  return {
    storage,
    elapse: (durationMs) => clock.advance(durationMs),
    cleanUp: () => rm(directory, { recursive: true }),
  };
});
