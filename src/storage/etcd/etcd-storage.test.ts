import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sleep } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { systemClock } from "../../base/system-clock.ts";
import { prefixRange, type Storage, StoredValue } from "../storage.ts";
import { storageCompliance } from "../test-support/compliance.ts";
import { openEtcdStorage } from "./etcd-storage.ts";
import { EtcdProcess, hasEtcd } from "./test-support/etcd-process.ts";

let shared: Promise<EtcdProcess> | undefined;
after(async () => (await shared)?.stop());

const open = (etcd: EtcdProcess, ...others: string[]) =>
  openEtcdStorage({ endpoints: [...others, etcd.endpoint], clock: systemClock, random: seededRandom(1) });

const put = (storage: Storage, key: string, object: object) =>
  storage.commit({ compare: [], writes: [{ type: "put", key, value: StoredValue.ofObject(object) }] });

if (hasEtcd)
  storageCompliance("etcd", async () => {
    shared ??= EtcdProcess.start();
    const storage = await open(await shared);
    const { items } = await storage.range({ start: "", end: "\u{10ffff}" });
    for (const { key } of items) await storage.commit({ compare: [], writes: [{ type: "delete", key }] });
    return {
      storage,
      elapse: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
    };
  });

test("an etcd that is not there is named in the error", async () => {
  const opening = openEtcdStorage({
    endpoints: ["http://127.0.0.1:1"],
    clock: systemClock,
    random: seededRandom(1),
  });
  await assert.rejects(opening, /etcd at http:\/\/127\.0\.0\.1:1 does not answer: /);
});

test("etcd storage passes over a member that is down, and goes on after one was killed", {
  skip: !hasEtcd,
}, async () => {
  const etcd = await EtcdProcess.start();
  const storage = await open(etcd, "http://127.0.0.1:1");
  const controller = new AbortController();
  const watch = storage.watch(prefixRange("/"), { signal: controller.signal })[Symbol.asyncIterator]();
  await put(storage, "/a", { n: 1 });
  assert.deepEqual(
    (await watch.next()).value?.events.map(({ key }) => key),
    ["/a"],
  );
  await etcd.kill();
  await assert.rejects(put(storage, "/b", { n: 2 }));
  await etcd.run();
  let written = false;
  while (!written) {
    written = await put(storage, "/c", { n: 3 }).then(
      () => true,
      () => false,
    );
    if (!written) await sleep(systemClock, 20);
  }
  // "/b" failed, but may have been written all the same.
  const seen: string[] = [];
  while (!seen.includes("/c")) seen.push(...((await watch.next()).value?.events ?? []).map(({ key }) => key));
  assert.deepEqual(
    seen.filter((key) => key !== "/b"),
    ["/c"],
  );
  assert.deepEqual((await storage.get("/c"))?.value.object, { n: 3 });
  controller.abort();
  await storage.close();
  await etcd.stop();
});
