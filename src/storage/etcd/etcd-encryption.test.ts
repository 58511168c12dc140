import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { systemClock } from "../../base/system-clock.ts";
import { encryptedStorage } from "../encryption/encrypted-storage.ts";
import { createTransformer } from "../encryption/transformer.ts";
import { prefixRange, StoredValue } from "../storage.ts";
import { openEtcdStorage } from "./etcd-storage.ts";
import { EtcdProcess, hasEtcd } from "./test-support/etcd-process.ts";

test("etcd holds encrypted values, which reads and watches show in the clear", {
  skip: !hasEtcd,
}, async () => {
  const etcd = await EtcdProcess.start();
  const below = await openEtcdStorage({
    endpoints: [etcd.endpoint],
    clock: systemClock,
    random: seededRandom(1),
  });
  const keys = [{ name: "key1", secret: Buffer.alloc(32, 1).toString("base64") }];
  const transformer = await createTransformer({
    resources: [{ resources: ["secrets"], providers: [{ aesgcm: { keys } }] }],
  });
  const storage = encryptedStorage(below, transformer);
  const controller = new AbortController();
  const range = prefixRange("/registry/core/secrets/");
  const watch = storage.watch(range, { signal: controller.signal })[Symbol.asyncIterator]();
  const key = "/registry/core/secrets/default/a";
  const write = (n: number) =>
    storage.commit({ compare: [], writes: [{ type: "put", key, value: StoredValue.ofObject({ n }) }] });
  await write(1);
  await write(2);

  const raw = Buffer.from((await below.get(key))?.value.bytes ?? []).toString("latin1");
  assert.ok(raw.startsWith("k8s:enc:aesgcm:v1:key1:") && !raw.includes('"n"'));
  assert.deepEqual((await storage.get(key))?.value.object, { n: 2 });
  assert.deepEqual((await storage.range(range)).items[0]?.value.object, { n: 2 });
  const events = [];
  while (events.length < 2) events.push(...((await watch.next()).value?.events ?? []));
  assert.deepEqual(
    events.map(({ current, previous }) => [current?.value.object, previous?.value.object]),
    [
      [{ n: 1 }, undefined],
      [{ n: 2 }, { n: 1 }],
    ],
  );
  const refused = await storage.commit({ compare: [{ key, modRevision: 0 }], writes: [] });
  assert.deepEqual(refused.committed ? undefined : refused.current[0]?.value.object, { n: 2 });
  assert.equal(await storage.isStale?.(key), false);
  controller.abort();
  await storage.close();
  await etcd.stop();
});
