import assert from "node:assert/strict";
import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import type { Server } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { silentLogger } from "../../base/log.ts";
import { serveGrpc } from "../../base/test-support/grpc-server.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { externalTokenKeys } from "./external-token-keys.ts";

/** As k8s.io/externaljwt declares it. */
const { root } = protobuf.parse(`
syntax = "proto3";
package v1;
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
message SignRequest { string claims = 1; }
message SignResponse { string header = 1; string signature = 2; }
message FetchKeysRequest {}
message FetchKeysResponse { repeated Key keys = 1; Timestamp data_timestamp = 2; int64 refresh_hint_seconds = 3; }
message Key { string key_id = 1; bytes key = 2; bool exclude_from_oidc_discovery = 3; }
message MetadataRequest {}
message MetadataResponse { int64 max_token_expiration_seconds = 1; }`);

interface SignerKey {
  readonly id: string;
  readonly pair: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly isHidden?: boolean;
}

const signerKey = (id: string, isHidden = false): SignerKey => ({
  id,
  pair: generateKeyPairSync("ec", { namedCurve: "prime256v1" }),
  isHidden,
});

/** A plugin on a socket of its own, with what a test gives it. */
const plugin = {
  keys: [signerKey("one")],
  maxSeconds: 86_400,
  header: { alg: "ES256", kid: "one", typ: "JWT" } as Record<string, string>,
  fetches: 0,
};
const directory = await mkdtemp(join(tmpdir(), "k8ts-signer-"));
const path = join(directory, "signer.sock");

function serve(): Promise<Server> {
  const methods = {
    Sign: ({ claims }: { claims?: unknown }) => {
      const header = Buffer.from(JSON.stringify(plugin.header)).toString("base64url");
      const signing = plugin.keys.find(({ id }) => id === plugin.header.kid)?.pair.privateKey;
      const signature =
        signing &&
        createSign("sha256").update(`${header}.${claims}`).sign({ key: signing, dsaEncoding: "ieee-p1363" });
      return { header, signature: signature?.toString("base64url") ?? "" };
    },
    FetchKeys: () => {
      plugin.fetches++;
      return {
        keys: plugin.keys.map(({ id, pair, isHidden }) => ({
          keyId: id,
          key: pair.publicKey.export({ type: "spki", format: "der" }),
          excludeFromOidcDiscovery: isHidden,
        })),
        dataTimestamp: { seconds: 1 },
        refreshHintSeconds: 60,
      };
    },
    Metadata: () => ({ maxTokenExpirationSeconds: plugin.maxSeconds }),
  };
  return serveGrpc(`unix:${path}`, { name: "v1.ExternalJWTSigner", root, methods });
}

const server = await serve();
after(async () => {
  server.forceShutdown();
  await rm(directory, { recursive: true });
});
beforeEach(() => {
  plugin.keys = [signerKey("one")];
  plugin.maxSeconds = 86_400;
  plugin.header = { alg: "ES256", kid: "one", typ: "JWT" };
});

async function open() {
  const clock = new VirtualClock();
  return { clock, keys: await externalTokenKeys({ path, clock, logger: silentLogger }) };
}

test("tokens are signed by the plugin, and verified with its keys", async () => {
  const { keys } = await open();
  const token = await keys.sign({ sub: "a" });
  assert.deepEqual(await keys.verify(token), { sub: "a" });
  assert.equal(await keys.verify(`${token.slice(0, -4)}AAAA`), undefined);
  assert.equal(keys.maxSeconds, 86_400);
  assert.deepEqual(
    keys.publicKeys.map(({ kid, alg, use }) => [kid, alg, use]),
    [["one", "ES256", "sig"]],
  );
  keys.close();
});

test("keys are read again as often as the plugin wants, and for one that is not known", async () => {
  const { keys, clock } = await open();
  const before = plugin.fetches;
  await clock.advance(60_000);
  assert.equal(plugin.fetches - before, 1);
  const first = await keys.sign({});
  plugin.keys = [...plugin.keys, signerKey("two")];
  plugin.header = { ...plugin.header, kid: "two" };
  const second = await keys.sign({ n: 2 });
  assert.deepEqual(await keys.verify(second), { n: 2 });
  assert.equal(plugin.fetches - before, 2);
  assert.deepEqual(await keys.verify(first), {});
  keys.close();
  assert.equal(clock.pendingTimers, 0);
});

test("a key that only verifies is not published, and signs nothing", async () => {
  plugin.keys = [signerKey("one", true), signerKey("two")];
  const { keys } = await open();
  assert.deepEqual(
    keys.publicKeys.map(({ kid }) => kid),
    ["two"],
  );
  await assert.rejects(keys.sign({}), {
    message:
      "while validating header: key used for signing JWT (kid: one) is excluded from OIDC discovery docs",
  });
  keys.close();
});

for (const { header, why } of [
  { header: { alg: "ES256", kid: "one", typ: "JOSE" }, why: "bad type" },
  { header: { alg: "ES256", typ: "JWT" }, why: "key id missing" },
  { header: { alg: "ES256", kid: "x".repeat(1025), typ: "JWT" }, why: "key id longer than 1 kb" },
  { header: { alg: "HS256", kid: "one", typ: "JWT" }, why: 'bad signing algorithm "HS256"' },
  {
    header: { alg: "ES256", kid: "one", typ: "JWT", jku: "x" },
    why: 'while parsing header JSON: json: unknown field "jku"',
  },
])
  test(`a signature whose header has a fault is refused: ${why}`, async () => {
    const { keys } = await open();
    plugin.header = header;
    await assert.rejects(keys.sign({}), { message: `while validating header: ${why}` });
    keys.close();
  });

test("a plugin without keys, or of tokens that hardly live, is not used", async () => {
  plugin.maxSeconds = 599;
  await assert.rejects(open(), {
    message: "max token life supported by external-jwt-signer (599s) is less than acceptable (min 600s)",
  });
  plugin.keys = [];
  await assert.rejects(open(), /^Error: while fetching token verification keys: .*found no keys/);
});
