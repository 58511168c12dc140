import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { createMemoryStorage } from "../memory/memory-storage.ts";
import { openSqliteStorage } from "../sqlite/sqlite-storage.ts";
import { StoredValue, UnreadableValueError } from "../storage.ts";
import { storageCompliance } from "../test-support/compliance.ts";
import { loadSecretbox } from "./ciphers.ts";
import { readEncryptionConfiguration } from "./configuration.ts";
import { encryptedStorage } from "./encrypted-storage.ts";
import { openEncryptionFile } from "./encryption-file.ts";
import { createTransformer } from "./transformer.ts";

const secretKey = "/registry/core/secrets/default/a";
const key = (fill: number, length = 32) => Buffer.alloc(length, fill).toString("base64");
const provider = (name: string, ...keys: [string, number][]) => ({
  [name]: { keys: keys.map(([keyName, fill]) => ({ name: keyName, secret: key(fill) })) },
});
const configuration = (resources: string[], ...providers: object[]) => ({
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "EncryptionConfiguration",
  resources: [{ resources, providers }],
});
const transformer = (resources: string[], ...providers: object[]) =>
  createTransformer(readEncryptionConfiguration(configuration(resources, ...providers)));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const clear = Buffer.from('{"kind":"Secret","data":{"password":"aHVudGVyMg=="}}');

for (const name of ["aescbc", "aesgcm", "secretbox"]) {
  test(`${name} writes upstream's prefix with the first key, and reads what any key wrote`, async () => {
    const old = await transformer(["secrets"], provider(name, ["key1", 1]));
    const rotated = await transformer(["secrets"], provider(name, ["key2", 2], ["key1", 1]));
    const sealed = old.seal(secretKey, clear);
    assert.ok(text(sealed.bytes).startsWith(`k8s:enc:${name}:v1:key1:`));
    assert.ok(!text(sealed.bytes).includes("Secret"));
    assert.deepEqual(Buffer.from(rotated.open(secretKey, sealed.bytes).bytes), clear);
    assert.equal(rotated.open(secretKey, sealed.bytes).sealedBy, old.sealerOf(secretKey));
    assert.notEqual(rotated.sealerOf(secretKey), old.sealerOf(secretKey));
    assert.notEqual(text(old.seal(secretKey, clear).bytes), text(sealed.bytes), "no nonce is used twice");
  });
}

test("aesgcm authenticates where a value lies, in the form kube-apiserver reads: nonce, text, tag", async () => {
  const { seal, open } = await transformer(["secrets"], provider("aesgcm", ["key1", 1]));
  const { bytes } = seal(secretKey, clear);
  assert.throws(() => open(`${secretKey}-elsewhere`, bytes), {
    message: "cipher: message authentication failed",
  });
  const box = bytes.subarray("k8s:enc:aesgcm:v1:key1:".length);
  const decipher = createDecipheriv("aes-256-gcm", Buffer.alloc(32, 1), box.subarray(0, 12));
  decipher.setAAD(Buffer.from(secretKey));
  decipher.setAuthTag(box.subarray(-16));
  assert.deepEqual(Buffer.concat([decipher.update(box.subarray(12, -16)), decipher.final()]), clear);
});

test("secretbox is NaCl's: its published vector opens", async () => {
  const hex = (value: string) => Buffer.from(value, "hex");
  const secretbox = (await loadSecretbox())(
    hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"),
  );
  const opened = secretbox.decrypt(
    hex(
      "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5",
    ),
    "",
  );
  assert.equal(
    Buffer.from(opened).toString("hex"),
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
  );
});

for (const { name, providers, stored, message } of [
  {
    name: "no provider has the value's prefix",
    providers: [provider("aesgcm", ["a", 1])],
    stored: "k8s:enc:aescbc:v1:a:x",
    message: "no matching prefix found",
  },
  {
    name: "the provider has no key of that name",
    providers: [provider("aescbc", ["a", 1])],
    stored: "k8s:enc:aescbc:v1:b:x",
    message: "no matching key was found for the provided AES transformer",
  },
  {
    name: "secretbox does not open it",
    providers: [provider("secretbox", ["a", 1])],
    stored: `k8s:enc:secretbox:v1:a:${"x".repeat(60)}`,
    message: "output array was not large enough for encryption",
  },
  {
    name: "aescbc has no whole blocks",
    providers: [provider("aescbc", ["a", 1])],
    stored: `k8s:enc:aescbc:v1:a:${"x".repeat(20)}`,
    message: "the stored data is not a multiple of the block size",
  },
  {
    name: "it is too short",
    providers: [provider("aesgcm", ["a", 1])],
    stored: "k8s:enc:aesgcm:v1:a:x",
    message: "the stored data was shorter than the required size",
  },
]) {
  test(`upstream's message tells that ${name}`, async () => {
    const { open } = await transformer(["secrets"], ...providers);
    assert.throws(() => open(secretKey, Buffer.from(stored)), { message });
  });
}

test("the identity reads what lies in the clear, and encrypts nothing; migrating both ways works", async () => {
  const into = await transformer(["secrets"], provider("aesgcm", ["a", 1]), { identity: {} });
  const out = await transformer(["secrets"], { identity: {} }, provider("aesgcm", ["a", 1]));
  assert.deepEqual(into.open(secretKey, clear), { bytes: clear, sealedBy: "" });
  const { bytes } = into.seal(secretKey, clear);
  assert.deepEqual(Buffer.from(out.open(secretKey, bytes).bytes), clear);
  assert.deepEqual(out.seal(secretKey, clear).bytes, clear);
});

test("one name for two secrets, in two providers, opens with either", async () => {
  const old = await transformer(["secrets"], provider("aesgcm", ["a", 1]));
  const both = await transformer(["secrets"], provider("aesgcm", ["a", 2]), provider("aesgcm", ["a", 1]));
  const { bytes, sealedBy } = old.seal(secretKey, clear);
  assert.equal(both.open(secretKey, bytes).sealedBy, sealedBy);
  assert.notEqual(both.sealerOf(secretKey), sealedBy);
});

for (const { resources, encrypted, plain } of [
  {
    resources: ["secrets"],
    encrypted: ["core/secrets"],
    plain: ["core/configmaps", "example.com/secrets"],
  },
  { resources: ["*.apps"], encrypted: ["apps/deployments"], plain: ["core/secrets", "batch/jobs"] },
  { resources: ["*."], encrypted: ["core/pods", "core/secrets"], plain: ["apps/deployments"] },
  { resources: ["*.*"], encrypted: ["core/pods", "example.com/widgets"], plain: [] },
]) {
  test(`the rule ${resources} encrypts ${encrypted.join(" and ")}`, async () => {
    const { seal } = await transformer(resources, provider("aescbc", ["a", 1]));
    const isSealed = (place: string) =>
      text(seal(`/registry/${place}/x/y`, clear).bytes).startsWith("k8s:enc:");
    assert.deepEqual(encrypted.filter(isSealed), encrypted);
    assert.deepEqual(plain.filter(isSealed), []);
  });
}

test("a rule that an earlier one masks is refused", async () => {
  const rule = (resources: string[]) => ({ resources, providers: [{ identity: {} }] });
  const config = { ...configuration([]), resources: [rule(["*.*"]), rule(["secrets"])] };
  await assert.rejects(createTransformer(readEncryptionConfiguration(config)), {
    message: 'resource "secrets" is masked by earlier rule "*.*"',
  });
});

for (const { name, config, message } of [
  {
    name: "another kind",
    config: { apiVersion: "v1", kind: "Secret" },
    message: 'no kind "Secret" is registered for version "v1"',
  },
  ...[
    ["no name", {}, ".name: Required value: name is a mandatory field for a provider"],
    [
      "a colon in its name",
      { name: "a:b" },
      `.name: Invalid value: "a:b": invalid KMS provider name a:b, must not contain ':'`,
    ],
    [
      "no endpoint",
      { name: "a", endpoint: "" },
      '.endpoint: Invalid value: "": endpoint is a mandatory field for a kms',
    ],
    [
      "an endpoint of the network",
      { name: "a", endpoint: "tcp://x" },
      '.endpoint: Invalid value: "tcp://x": unsupported scheme "tcp" for KMS provider, only unix is supported',
    ],
    [
      "no time",
      { name: "a", timeout: "0s" },
      '.timeout: Invalid value: "0s": timeout should be a positive value',
    ],
    [
      "a cache",
      { name: "a", cachesize: 1 },
      ".cachesize: Invalid value: 1: cachesize is not supported in v2",
    ],
    [
      "a version to come",
      { name: "a", apiVersion: "v3" },
      '.apiVersion: Invalid value: "v3": unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported',
    ],
  ].map(([what, kms, message]) => ({
    name: `a plugin with ${what}`,
    config: configuration(["secrets"], {
      kms: { apiVersion: "v2", endpoint: "unix:///x", ...(kms as object) },
    }),
    message: `resources[0].providers[0].kms${message}`,
  })),
  {
    name: "a key of a wrong length, without showing it",
    config: configuration(["secrets"], { aescbc: { keys: [{ name: "a", secret: key(1, 5) }] } }),
    message:
      'resources[0].providers[0].aescbc.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 5, expected one of [16 24 32]',
  },
  {
    name: "a secret that is no base64",
    config: configuration(["secrets"], { secretbox: { keys: [{ name: "a", secret: "%%" }] } }),
    message:
      'resources[0].providers[0].secretbox.keys[0].secret: Invalid value: "REDACTED": secrets must be base64 encoded',
  },
  {
    name: "overlapping resources",
    config: configuration(["secrets", "*."], { identity: {} }),
    message:
      "resources[0].resources: Invalid value: [\"secrets\",\"*.\"]: using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
  },
  {
    name: "a lone star",
    config: configuration(["*"], { identity: {} }),
    message:
      "resources[0].resources[0]: Invalid value: \"*\": use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources",
  },
  {
    name: "no provider",
    config: configuration(["secrets"]),
    message: "resources[0].providers: Required value: at least one resources[0].providers is required",
  },
]) {
  test(`an encryption configuration with ${name} is refused`, () => {
    assert.throws(() => readEncryptionConfiguration(config), { message });
  });
}

test("a changed file is used within a minute; a broken one is not, and the last stays", async () => {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-encryption-"));
  const path = join(directory, "config.yaml");
  const clock = new VirtualClock();
  const write = (config: unknown) =>
    writeFile(path, typeof config === "string" ? config : JSON.stringify(config));
  try {
    await write(configuration(["secrets"], provider("aesgcm", ["a", 1])));
    const file = await openEncryptionFile({ path, reload: true, clock, logger: silentLogger });
    const writer = () => file.transformer.sealerOf(secretKey).split(":")[4];
    assert.equal(writer(), "a");
    await write(configuration(["secrets"], provider("aesgcm", ["b", 2], ["a", 1])));
    await clock.advance(60_000);
    assert.equal(writer(), "b");
    await write("resources: [[[");
    await clock.advance(60_000);
    assert.equal(writer(), "b");
    file.stop();
    assert.equal(clock.pendingTimers, 0);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("neither the file of the store nor its log holds plaintext; it is read again after a restart", async () => {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-encrypted-"));
  const clock = new VirtualClock();
  const seal = await transformer(["secrets"], provider("secretbox", ["a", 1]));
  const marker = "plaintext-marker";
  const put = (place: string) => ({
    type: "put" as const,
    key: place,
    value: StoredValue.ofObject({ data: marker + place }),
  });
  try {
    const storage = await openSqliteStorage({ directory, clock, transformer: seal });
    await storage.commit({ compare: [], writes: [put(secretKey), put("/registry/core/configmaps/d/b")] });
    const onDisk = await contents(directory);
    assert.ok(!onDisk.includes(marker + secretKey));
    assert.ok(onDisk.includes(`${marker}/registry/core/configmaps`), "what no rule names lies in the clear");
    assert.equal(await storage.isStale?.(secretKey), false);
    await storage.close();

    const rotated = await transformer(
      ["secrets"],
      provider("aesgcm", ["b", 2]),
      provider("secretbox", ["a", 1]),
    );
    const reopened = await openSqliteStorage({ directory, clock, transformer: rotated });
    assert.deepEqual((await reopened.get(secretKey))?.value.object, { data: marker + secretKey });
    assert.equal(await reopened.isStale?.(secretKey), true);
    await reopened.commit({ compare: [], writes: [put(secretKey)] });
    assert.equal(await reopened.isStale?.(secretKey), false);
    await reopened.close();

    const unencrypted = await openSqliteStorage({ directory, clock });
    const standing = await unencrypted.get(secretKey);
    assert.throws(() => standing?.value.object, UnreadableValueError);
    await unencrypted.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("what lay in the clear before is gone from the file once it was written again", async () => {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-encrypted-"));
  const clock = new VirtualClock();
  const marker = "plaintext-marker";
  const keys = Array.from({ length: 300 }, (_, index) => `${secretKey}${index}`);
  // Some fill pages of their own.
  const write = (place: string, index: number) => ({
    type: "put" as const,
    key: place,
    value: StoredValue.ofObject({ data: marker.repeat(index % 10 === 0 ? 800 : 5) }),
  });
  try {
    const plain = await openSqliteStorage({ directory, clock });
    await plain.commit({ compare: [], writes: keys.map(write) });
    await plain.close();
    assert.ok((await contents(directory)).includes(marker));
    const encrypting = await transformer(["secrets"], provider("aesgcm", ["a", 1]), { identity: {} });
    const storage = await openSqliteStorage({ directory, clock, transformer: encrypting });
    await storage.commit({ compare: [], writes: keys.slice(100).map(write) });
    const deletes = keys.slice(0, 100).map((key) => ({ type: "delete" as const, key }));
    await storage.commit({ compare: [], writes: deletes });
    await storage.close();
    assert.equal((await contents(directory)).includes(marker), false);
  } finally {
    await rm(directory, { recursive: true });
  }
});

async function contents(directory: string): Promise<string> {
  const names = await readdir(directory);
  return (await Promise.all(names.map((name) => readFile(join(directory, name), "latin1")))).join("");
}

storageCompliance("encrypted memory", async () => {
  const clock = new VirtualClock();
  const seal = await transformer(["*.*"], provider("aesgcm", ["a", 1]));
  const storage = encryptedStorage(createMemoryStorage({ clock }), seal);
  return { storage, elapse: (durationMs) => clock.advance(durationMs) };
});
