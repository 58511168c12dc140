import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { builtInDefinitions } from "../../api/registry.ts";
import { schemas } from "../../api/schemas.ts";
import type { Status } from "../../apimachinery/api-error.ts";
import { createProtobufCodec, type ProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import { type Random, randomBelow, seededRandom } from "../../base/random.ts";
import type { HttpMethod } from "../../client/exchange.ts";
import { admin, startTestServer, type TestServer } from "../test-support/server.ts";
import { generateObject, mutateBytes } from "./test-support/generate.ts";

/**
 * `K8TS_FUZZ=500` runs that many rounds over every kind instead of a few; `K8TS_FUZZ=seed:12345` repeats the one case whose
 * failure printed that seed.
 */
const wish = process.env.K8TS_FUZZ ?? "";
const onlySeed = wish.startsWith("seed:") ? Number(wish.slice("seed:".length)) : undefined;
const rounds = onlySeed === undefined ? Number(wish || 6) : 1;
/** When an answer is missed; and what one may take of a processor. */
const maxMs = 60_000;
const maxBusyMs = 1_000;

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly path: string;
}

const kinds: readonly Kind[] = builtInDefinitions
  .filter(({ verbs }) => verbs === undefined || verbs.includes("create"))
  .flatMap(({ group, versions, kind, plural, namespaced }) =>
    versions.map((version) => ({
      group,
      version,
      kind,
      path: `/${group === "" ? "api" : `apis/${group}`}/${version}/${namespaced ? "namespaces/default/" : ""}${plural}`,
    })),
  );

let server: TestServer;
let protobuf: ProtobufCodec;
before(async () => {
  protobuf = createProtobufCodec(schemas);
  server = await startTestServer({ dependencies: { protobuf } });
});
after(() => server.close());

/** Rejects unless the server answers in time, with a success or a client's fault. */
async function send(
  method: HttpMethod,
  path: string,
  contentType: string,
  bytes: Uint8Array,
): Promise<number> {
  const begun = process.cpuUsage();
  const url = new URL(path, "https://x");
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), maxMs);
  const response = await Promise.race([
    server.server.handle(
      {
        method,
        path: decodeURIComponent(url.pathname),
        query: url.searchParams,
        headers: { "content-type": contentType },
        body: { bytes },
        signal: abort.signal,
      },
      { user: admin },
    ),
    new Promise<never>((_, reject) => {
      abort.signal.addEventListener("abort", () => reject(new Error(`no answer within ${maxMs} ms`)));
    }),
  ]).finally(() => clearTimeout(timer));
  assert.equal(response.type, "object");
  const object = (response as { object: object }).object; // as the line before has it
  assert.ok(response.status < 500 || isUpstreams(object as Status), JSON.stringify(object).slice(0, 2_000));
  if (response.status >= 400) assert.equal((object as Status).kind, "Status");
  // What was taken must be readable in every form.
  else JSON.stringify(object);
  const { user, system } = process.cpuUsage(begun);
  const busyMs = (user + system) / 1000;
  assert.ok(busyMs < maxBusyMs, `it took ${busyMs} ms`);
  return response.status;
}

/** Upstream answers these with 500 and no reason, and clients know them by their words. */
const upstreams = [
  /^failed to create typed patch object /,
  /^resourceVersion should not be set on objects to be created$/,
  /^strconv\.ParseUint: parsing /,
  // Of a Binding.
  /^target\.(kind|name): /,
];
const isUpstreams = ({ code, reason, message = "" }: Status) =>
  code === 500 && reason === undefined && upstreams.some((words) => words.test(message));

const json = "application/json";

async function attack(seed: number, kind: Kind, name: string): Promise<void> {
  const random = seededRandom(seed);
  const model = schemas.kind(kind.group, kind.version, kind.kind);
  if (model === undefined) return;
  const share = random.next() < 0.3 ? 0 : random.next() / 2;
  const object = generateObject(random, kind, model, name, share);
  const text = Buffer.from(JSON.stringify(object));
  const created = await send("POST", kind.path, json, text);
  await send("POST", kind.path, json, mutateBytes(random, text));
  await binary(random, kind, object);
  const other = generateObject(random, kind, model, name, share);
  const otherText = Buffer.from(JSON.stringify(other));
  const target = `${kind.path}/${created < 300 ? name : "missing"}`;
  await send("PUT", target, json, otherText);
  await send("PUT", `${target}/status`, json, otherText);
  const format = ["merge-patch", "strategic-merge-patch"][randomBelow(random, 2)];
  await send("PATCH", target, `application/${format}+json`, otherText);
  await send("PATCH", `${target}?fieldManager=f&force=true`, "application/apply-patch+yaml", otherText);
  await send("PATCH", `${kind.path}/${name}?fieldManager=f`, "application/apply-patch+yaml", text);
  const pointer = Object.keys(other)[randomBelow(random, Object.keys(other).length)] ?? "";
  const operations = [{ op: "add", path: `/${pointer}`, value: Reflect.get(other, pointer) ?? null }];
  await send("PATCH", target, "application/json-patch+json", Buffer.from(JSON.stringify(operations)));
  await send("DELETE", target, json, Buffer.from("{}"));
}

async function binary(random: Random, kind: Kind, object: Record<string, unknown>): Promise<void> {
  let bytes: Uint8Array;
  try {
    bytes = protobuf.encode(object);
  } catch {
    // Too poisoned for this side to write.
    return;
  }
  await send("POST", kind.path, "application/vnd.kubernetes.protobuf", mutateBytes(random, bytes));
}

test("objects of every kind that are wrong somewhere are refused or made whole, never a fault of the server", async () => {
  const failures: string[] = [];
  for (let round = 0; round < rounds; round++)
    for (const [index, kind] of kinds.entries()) {
      const seed = onlySeed ?? 1_000_003 * (round + 1) + index;
      if (onlySeed !== undefined && onlySeed % 1_000_003 !== index) continue;
      try {
        await attack(seed, kind, `f${seed}`);
      } catch (error) {
        failures.push(
          `K8TS_FUZZ=seed:${seed} (${kind.kind}): ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  assert.deepEqual(failures, []);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});
