/**
 * Writes until the disk refuses, looks at the store, makes room and writes again. Runs under a limit on file sizes, which SQLite
 * meets as a full disk. Prints what it saw as JSON. Argument: directory.
 */
import { execFileSync } from "node:child_process";
import { systemClock } from "../../../base/system-clock.ts";
import { prefixRange, StoredValue } from "../../storage.ts";
import { openSqliteStorage } from "../sqlite-storage.ts";

const [directory = ""] = process.argv.slice(2);
const storage = await openSqliteStorage({ directory, clock: systemClock });

const put = (n: number) =>
  storage.commit({
    compare: [],
    writes: [
      { type: "put", key: `/${n}`, value: StoredValue.ofObject({ n, filler: "x".repeat(10_000) }) },
      { type: "put", key: "/last", value: StoredValue.ofObject({ n }) },
    ],
  });

let acknowledged = 0;
let refusals: PromiseSettledResult<unknown>[] = [];
for (; refusals.length === 0; ) {
  const results = await Promise.allSettled([put(acknowledged + 1), put(acknowledged + 2)]);
  refusals = results.filter(({ status }) => status === "rejected");
  acknowledged += results.length - refusals.length;
}
const afterRefusal = { revision: storage.revision, last: (await storage.get("/last"))?.value.object };
execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=unlimited"]);
const { revision } = await put(acknowledged + 1);
const { count } = await storage.range(prefixRange("/"));
await storage.close();
process.stdout.write(
  JSON.stringify({ acknowledged, refusals: refusals.length, afterRefusal, revision, count }),
);
