import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { CompactedError, prefixRange, type Storage, StoredValue } from "../storage.ts";
import { openSqliteStorage, StoreLockedError } from "./sqlite-storage.ts";

async function newDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-durability-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const open = (directory: string, clock = new VirtualClock()) => openSqliteStorage({ directory, clock });

const put = (storage: Storage, key: string, object: object, ttlSeconds?: number) =>
  storage.commit({
    compare: [],
    writes: [
      {
        type: "put",
        key,
        value: StoredValue.ofObject(object),
        ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
      },
    ],
  });

test("a store comes back with its keys, their revisions and its own", async (t) => {
  const directory = await newDirectory(t);
  const first = await open(directory);
  await put(first, "/a", { n: 1 });
  await put(first, "/a", { n: 2 });
  await put(first, "/é😀", { n: 3 });
  await first.commit({ compare: [], writes: [{ type: "delete", key: "/é😀" }] });
  const [before, a] = [first.revision, await first.get("/a")];
  await first.close();
  const second = await open(directory);
  assert.equal(second.revision, before);
  const back = await second.get("/a");
  assert.deepEqual([back?.createRevision, back?.modRevision], [a?.createRevision, a?.modRevision]);
  assert.deepEqual(back?.value.object, { n: 2 });
  assert.equal((await second.range(prefixRange("/"))).count, 1);
  assert.equal((await put(second, "/b", {})).revision, before + 1);
  await second.close();
});

test("a watch or a read from before the opening finds its history compacted", async (t) => {
  const directory = await newDirectory(t);
  const first = await open(directory);
  const { revision } = await put(first, "/a", { n: 1 });
  await put(first, "/a", { n: 2 });
  await first.close();
  const second = await open(directory);
  await assert.rejects(second.range(prefixRange("/"), { revision }), CompactedError);
  const early = second.watch(prefixRange("/"), { fromRevision: revision, signal: t.signal });
  await assert.rejects(early[Symbol.asyncIterator]().next(), CompactedError);
  const next = second.watch(prefixRange("/"), { fromRevision: second.revision + 1, signal: t.signal });
  await put(second, "/b", {});
  const { value } = await next[Symbol.asyncIterator]().next();
  assert.deepEqual(
    value?.events.map(({ key }) => key),
    ["/b"],
  );
  await second.close();
});

test("a key's remaining time goes on over a restart", async (t) => {
  const directory = await newDirectory(t);
  const clock = new VirtualClock();
  const first = await open(directory, clock);
  await put(first, "/past", {}, 5);
  await put(first, "/soon", {}, 20);
  await put(first, "/kept", {}, 5);
  await put(first, "/kept", {});
  await first.close();
  assert.equal(clock.pendingTimers, 0);
  await clock.advance(10_000);
  const second = await open(directory, clock);
  const watch = second.watch(prefixRange("/"), { signal: t.signal })[Symbol.asyncIterator]();
  const deleted = async () => (await watch.next()).value?.events.map(({ type, key }) => [type, key]);
  await clock.advance(1);
  assert.deepEqual(await deleted(), [["delete", "/past"]]);
  await clock.advance(10_000);
  assert.deepEqual(await deleted(), [["delete", "/soon"]]);
  assert.deepEqual(
    (await second.range(prefixRange("/"))).items.map(({ key }) => key),
    ["/kept"],
  );
  await second.close();
});

test("a data directory belongs to one store at a time", async (t) => {
  const directory = await newDirectory(t);
  const first = await open(directory);
  await put(first, "/a", {});
  await assert.rejects(open(directory), (error) => {
    assert.ok(error instanceof StoreLockedError);
    assert.equal(error.message, `another k8ts uses this data directory: ${directory}`);
    return true;
  });
  await put(first, "/b", {});
  await first.close();
  await (await open(directory)).close();
});

test("a file that is no store, or a later version's, is refused with the reason", async (t) => {
  const directory = await newDirectory(t);
  await writeFile(join(directory, "store.db"), "no database ".repeat(1000));
  await assert.rejects(open(directory), /the store in .* cannot be opened: file is not a database/);
  const later = await newDirectory(t);
  await (await open(later)).close();
  const database = new DatabaseSync(join(later, "store.db"));
  database.exec("PRAGMA user_version = 99");
  database.close();
  await assert.rejects(open(later), /its format is 99; this version of k8ts knows format 1/);
});

test("kill -9 under load loses nothing acknowledged and shows no half transaction", async (t) => {
  const directory = await newDirectory(t);
  const writers = 8;
  for (const acknowledgements of [1, 40, 300, 900, 1500]) {
    const { steps, revision } = await killAfter(directory, writers, acknowledgements);
    const storage = await open(directory);
    assert.ok(storage.revision >= revision, `revision ${storage.revision} of at least ${revision}`);
    for (let writer = 0; writer < writers; writer++) await checkWriter(storage, writer, steps[writer] ?? 0);
    await storage.close();
  }
});

/** Kills a loaded store once it has acknowledged so much; the last acknowledged step of each writer, and revision. */
async function killAfter(directory: string, writers: number, acknowledgements: number) {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "test-support/loaded-store.ts"), directory, String(writers)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  let seen = 0;
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    output += text;
    seen += text.split("\n").length - 1;
    if (seen >= acknowledgements && !child.killed) {
      assert.equal(child.exitCode, null, "the child was to be killed, not to fail");
      child.kill("SIGKILL");
    }
  });
  await once(child, "close");
  assert.equal(child.signalCode, "SIGKILL");
  const steps: number[] = [];
  let revision = 0;
  // The last line may be cut short: what was not printed was not acknowledged.
  for (const line of output.split("\n").slice(0, -1)) {
    const [writer = 0, step = 0, at = 0] = line.split(" ").map(Number);
    steps[writer] = step;
    revision = Math.max(revision, at);
  }
  return { steps, revision };
}

async function checkWriter(storage: Storage, writer: number, acknowledged: number): Promise<void> {
  const [first, second, third] = await Promise.all(
    ["first", "second", "third"].map((name) => storage.get(`/${writer}/${name}`)),
  );
  const step = (first?.value.object as { step: number } | undefined)?.step ?? 0;
  assert.ok(
    step === acknowledged || step === acknowledged + 1 || acknowledged === 0,
    `${step}, ${acknowledged}`,
  );
  assert.deepEqual(second?.value.object, first?.value.object);
  assert.equal(second?.modRevision, first?.modRevision);
  const thirdStands = step % 2 === 0 && step > 0;
  assert.deepEqual(third?.value.object, thirdStands ? first?.value.object : undefined);
  assert.equal(third?.modRevision, thirdStands ? first?.modRevision : undefined);
}

test("a full disk refuses commits, keeps the store whole, and is forgotten once there is room", async (t) => {
  const directory = await newDirectory(t);
  const script = join(import.meta.dirname, "test-support/full-disk.ts");
  const limited = `ulimit -S -f 2000 && exec "$0" "$1" "$2"`;
  const { stdout } = await promisify(execFile)("sh", ["-c", limited, process.execPath, script, directory]);
  const seen = JSON.parse(stdout) as {
    acknowledged: number;
    refusals: number;
    afterRefusal: { revision: number; last: { n: number } };
    revision: number;
    count: number;
  };
  assert.ok(seen.refusals > 0 && seen.acknowledged > 0, stdout);
  assert.equal(seen.afterRefusal.last.n, seen.acknowledged);
  assert.equal(seen.revision, seen.afterRefusal.revision + 1);
  assert.equal(seen.count, seen.acknowledged + 2);
  const storage = await open(directory);
  assert.equal(storage.revision, seen.revision);
  assert.equal((await storage.range(prefixRange("/"))).count, seen.count);
  await storage.close();
});
