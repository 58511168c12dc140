import assert from "node:assert/strict";
import { createDecipheriv, createHmac } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { silentLogger } from "../../../base/log.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { createMemoryStorage } from "../../memory/memory-storage.ts";
import { openSqliteStorage } from "../../sqlite/sqlite-storage.ts";
import { StoredValue, UnreadableValueError, UnsealableValueError } from "../../storage.ts";
import { encryptedStorage } from "../encrypted-storage.ts";
import { type FileEncryption, openEncryptionFile } from "../encryption-file.ts";
import { connectKms } from "./kms-service.ts";
import { encryptedObject, KmsPlugin } from "./test-support/kms-plugin.ts";

const key = "/registry/core/secrets/default/a";
const prefix = "k8s:enc:kms:v2:vault:";
const clear = Buffer.from('{"kind":"Secret"}');

const plugin = await KmsPlugin.start();
const directory = await mkdtemp(join(tmpdir(), "k8ts-kms-files-"));
const path = join(directory, "encryption.json");
const opened: FileEncryption[] = [];
after(async () => {
  for (const file of opened) file.stop();
  await plugin.stop();
  await rm(directory, { recursive: true });
});
beforeEach(() => {
  Object.assign(plugin, { failure: undefined, healthz: "ok" });
});

const configure = (...providers: object[]) =>
  writeFile(
    path,
    JSON.stringify({
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "EncryptionConfiguration",
      resources: [{ resources: ["secrets"], providers }],
    }),
  );
const vault = (fields: object = {}) => ({
  kms: { apiVersion: "v2", name: "vault", endpoint: plugin.endpoint, timeout: "10s", ...fields },
});

async function open(reload = false) {
  const clock = new VirtualClock();
  const file = await openEncryptionFile({ path, reload, clock, logger: silentLogger });
  opened.push(file);
  return { ...file, clock, stop: () => file.stop() };
}

test("a value lies in kube-apiserver's form of version 2, under a key of its own that HKDF makes of the seed", async () => {
  await configure(vault());
  const { transformer } = await open();
  const { bytes } = transformer.seal(key, clear);
  assert.equal(Buffer.from(bytes.subarray(0, prefix.length)).toString(), prefix);
  const object = encryptedObject.toObject(encryptedObject.decode(bytes.subarray(prefix.length))) as {
    encryptedData: Buffer;
    keyID: string;
    encryptedDEKSource: Buffer;
    annotations: Record<string, Buffer>;
    encryptedDEKSourceType: number;
  };
  assert.equal(object.keyID, "key-1");
  assert.equal(object.encryptedDEKSourceType, 1);
  assert.deepEqual(Object.keys(object.annotations), ["key.example.com"]);
  const service = connectKms(plugin.endpoint, 10_000);
  const seed = await service.decrypt("test", {
    ciphertext: object.encryptedDEKSource,
    keyId: object.keyID,
    annotations: new Map(),
  });
  service.close();
  assert.equal(seed.length, 32);
  const data = object.encryptedData;
  const derived = createHmac("sha256", seed).update(data.subarray(0, 32)).update(Buffer.of(1)).digest();
  const decipher = createDecipheriv("aes-256-gcm", derived, data.subarray(32, 44));
  decipher.setAAD(Buffer.from(key));
  decipher.setAuthTag(data.subarray(-16));
  assert.deepEqual(Buffer.concat([decipher.update(data.subarray(44, -16)), decipher.final()]), clear);
});

test("the plugin is asked once for a seed, however many values it opens; another server opens them too", async () => {
  await configure(vault());
  const first = await open();
  const below = createMemoryStorage({ clock: first.clock });
  const writing = encryptedStorage(below, first.transformer);
  const names = Array.from({ length: 50 }, (_, index) => `${key}${index}`);
  for (const name of names)
    await writing.commit({
      compare: [],
      writes: [{ type: "put", key: name, value: StoredValue.ofObject({ name }) }],
    });
  const second = await open();
  const before = plugin.asked.Decrypt;
  const reading = encryptedStorage(below, second.transformer);
  const { items } = await reading.range({ start: key, end: `${key}z` });
  assert.deepEqual(
    items.map(({ value }) => (value.object as { name: string }).name),
    names.toSorted(),
  );
  assert.equal(plugin.asked.Decrypt - before, 1);
  assert.equal(await reading.isStale?.(`${key}0`), false);
  await below.close();
});

test("a store on disk is opened with the plugin, and says what it said while it cannot be asked", async () => {
  await configure(vault());
  const first = await open();
  const place = join(directory, "store");
  const storage = await openSqliteStorage({
    directory: place,
    clock: first.clock,
    transformer: first.transformer,
  });
  await storage.commit({
    compare: [],
    writes: [{ type: "put", key, value: StoredValue.ofObject({ a: 1 }) }],
  });
  await storage.close();

  const second = await open();
  const reopened = await openSqliteStorage({
    directory: place,
    clock: second.clock,
    transformer: second.transformer,
  });
  plugin.failure = "sealed";
  const value = (await reopened.get(key))?.value;
  assert.throws(
    () => value?.object,
    new UnreadableValueError("failed to decrypt DEK, error: rpc error: code = Unavailable desc = sealed"),
  );
  plugin.failure = undefined;
  assert.deepEqual((await reopened.get(key))?.value.object, { a: 1 });
  await reopened.close();
});

test("a new key of the plugin writes within a minute, and makes stale what lies under the old one", async () => {
  plugin.keyId = "key-1";
  await configure(vault());
  const { transformer, clock } = await open();
  const { bytes, sealedBy } = transformer.seal(key, clear);
  assert.equal(transformer.sealerOf(key), sealedBy);
  plugin.keyId = "key-2";
  await clock.advance(60_000);
  assert.notEqual(transformer.sealerOf(key), sealedBy);
  assert.equal(transformer.open(key, bytes).sealedBy, sealedBy);
  assert.deepEqual(Buffer.from(transformer.open(key, bytes).bytes), clear);
});

test("without the plugin a seed writes for three minutes, reads go on, and health tells", async () => {
  await configure(vault());
  const { transformer, clock, checkPlugins } = await open();
  const storage = encryptedStorage(createMemoryStorage({ clock }), transformer);
  const write = () =>
    storage.commit({ compare: [], writes: [{ type: "put", key, value: StoredValue.ofObject({ a: 1 }) }] });
  await write();
  plugin.failure = "gone";
  await clock.advance(120_000);
  const unhealthy = /^Error: kms-provider-0: .*rpc error: code = Unavailable desc = gone$/;
  await assert.rejects(async () => checkPlugins?.(), unhealthy);
  await write();
  await clock.advance(61_000);
  await assert.rejects(write, (error) => {
    assert.ok(error instanceof UnsealableValueError);
    assert.match(error.message, /^encryptedDEKSource with keyID hash "sha256:[0-9a-f]{64}" expired at 2026-/);
    return true;
  });
  assert.deepEqual((await storage.get(key))?.value.object, { a: 1 });
  plugin.failure = undefined;
  await clock.advance(10_000);
  await checkPlugins?.();
  await write();
  await storage.close();
});

test("a plugin that is not there when the server starts is asked again every ten seconds", async () => {
  const late = await KmsPlugin.start();
  late.failure = "not yet";
  await configure({ kms: { apiVersion: "v2", name: "late", endpoint: late.endpoint } });
  const { transformer, clock, checkPlugins, stop } = await open();
  await assert.rejects(async () => checkPlugins?.(), /desc = not yet/);
  assert.throws(
    () => transformer.assertSealable?.(key),
    new UnsealableValueError("got unexpected nil transformer"),
  );
  late.failure = undefined;
  await clock.advance(10_000);
  transformer.assertSealable?.(key);
  stop();
  await late.stop();
});

for (const { name, state, want } of [
  { name: "is not well", state: { healthz: "sick" }, want: "got unexpected healthz status: sick" },
  { name: "names no key", state: { keyId: "" }, want: 'got invalid KMSv2 KeyID hash "": keyID is empty' },
  {
    name: "names too long a key",
    state: { keyId: "x".repeat(1025) },
    want: "keyID is 1025 bytes, which exceeds the max size of 1024",
  },
])
  test(`a plugin that ${name} is not healthy`, async () => {
    const sick = await KmsPlugin.start();
    Object.assign(sick, state);
    await configure({ kms: { apiVersion: "v2", name: "sick", endpoint: sick.endpoint } });
    const { checkPlugins, stop } = await open();
    await assert.rejects(
      async () => checkPlugins?.(),
      (error) =>
        error instanceof Error &&
        error.message.startsWith("kms-provider-0: kmsv2 Provider sick is not healthy, error: ") &&
        error.message.includes(want),
    );
    stop();
    await sick.stop();
  });

test("a changed file with a plugin is taken over once that is healthy, and what was opened before still is", async () => {
  const old = [{ name: "a", secret: Buffer.alloc(32, 1).toString("base64") }];
  await configure({ aesgcm: { keys: old } });
  const { transformer, clock, checkPlugins } = await open(true);
  const { bytes } = transformer.seal(key, clear);
  await checkPlugins?.();
  plugin.healthz = "starting";
  await configure(vault(), { aesgcm: { keys: old } });
  await clock.advance(60_000 + 20_100);
  assert.ok(transformer.sealerOf(key).startsWith("k8s:enc:aesgcm:"), "an unhealthy plugin is not taken");
  plugin.healthz = "ok";
  await clock.advance(60_000 + 20_100);
  assert.ok(transformer.sealerOf(key).startsWith(prefix));
  assert.deepEqual(Buffer.from(transformer.open(key, bytes).bytes), clear);
  assert.equal(Buffer.from(transformer.seal(key, clear).bytes).toString("latin1", 0, prefix.length), prefix);
});

test("a plugin of version 1 is refused as its gate has it", async () => {
  await configure(vault({ apiVersion: "v1" }));
  await assert.rejects(open(), /KMSv1 is deprecated and will only receive security updates going forward/);
});

test("a plugin may listen on an abstract socket", { skip: process.platform !== "linux" }, async () => {
  const abstract = await KmsPlugin.start();
  const name = `unix:///@k8ts-kms-${process.pid}`;
  abstract.hangUp();
  await abstract.listen(name);
  const service = connectKms(name, 10_000);
  assert.deepEqual(await service.status(), { version: "v2", healthz: "ok", keyId: "key-1" });
  service.close();
  await abstract.stop();
});
