import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { encryptedStorage } from "../../storage/encryption/encrypted-storage.ts";
import { createTransformer } from "../../storage/encryption/transformer.ts";
import { createMemoryStorage } from "../../storage/memory/memory-storage.ts";
import { StoredValue } from "../../storage/storage.ts";
import { startTestServer } from "../test-support/server.ts";

const secrets = "/api/v1/namespaces/default/secrets";
const place = "/registry/core/secrets/default/a";
const body = { apiVersion: "v1", kind: "Secret", metadata: { name: "a" }, stringData: { p: "hunter2" } };

/** A server whose secrets are encrypted with keys of these names, the first of which writes. */
async function start(clock: VirtualClock, below = createMemoryStorage({ clock }), ...names: string[]) {
  const keys = names.map((name) => ({
    name,
    secret: Buffer.alloc(32, name).toString("base64"),
  }));
  const transformer = await createTransformer({
    resources: [{ resources: ["secrets"], providers: [{ aesgcm: { keys } }] }],
  });
  const storage = encryptedStorage(below, transformer);
  const server = await startTestServer({ dependencies: { storage, clock } });
  const raw = async () => Buffer.from((await below.get(place))?.value.bytes ?? []).toString("latin1");
  return { server, below, raw };
}

test("a secret is encrypted where it lies, and rewritten by an update that changes nothing once keys are rotated", async () => {
  const clock = new VirtualClock();
  const before = await start(clock, undefined, "old");
  await before.server.ok("POST", secrets, { body });
  assert.match(await before.raw(), /^k8s:enc:aesgcm:v1:old:/);
  await before.server.close();

  const after = await start(clock, before.below, "new", "old");
  const read = await after.server.ok<AnyObject>("GET", `${secrets}/a`);
  const first = await after.server.ok<AnyObject>("PUT", `${secrets}/a`, { body: read });
  assert.match(await after.raw(), /^k8s:enc:aesgcm:v1:new:/);
  assert.notEqual(first.metadata.resourceVersion, read.metadata.resourceVersion);
  const second = await after.server.ok<AnyObject>("PUT", `${secrets}/a`, { body: first });
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
  await after.server.close();
});

for (const { name, stored, message } of [
  {
    name: "was tampered with",
    stored: `k8s:enc:aesgcm:v1:key:${"x".repeat(80)}`,
    message: "cipher: message authentication failed",
  },
  {
    name: "was written with a key that is gone",
    stored: `k8s:enc:aescbc:v1:gone:${"x".repeat(80)}`,
    message: "no matching prefix found",
  },
]) {
  test(`a secret that ${name} is an error in get and list, and does not look deleted`, async () => {
    const clock = new VirtualClock();
    const { server, below } = await start(clock, undefined, "key");
    const value = StoredValue.ofBytes(Buffer.from(stored));
    await below.commit({ compare: [], writes: [{ type: "put", key: place, value }] });
    const failureOf = async (path: string) => {
      const status = await server.object<{ code?: number; message?: string }>("GET", path);
      return `${status.code} ${status.message}`;
    };
    assert.equal(await failureOf(`${secrets}/a`), `500 Internal error occurred: ${message}`);
    assert.equal(
      await failureOf(secrets),
      `500 Internal error occurred: unable to transform key "${place}": ${message}`,
    );
    await server.close();
  });
}
