import assert from "node:assert/strict";
import test from "node:test";
import { schemas } from "../api/schemas.ts";
import { type AnyObject, objectKey } from "../apimachinery/meta.ts";
import { createProtobufCodec } from "../apimachinery/protobuf/codec.ts";
import { readKindLazily } from "../apimachinery/protobuf/lazy-decode.ts";
import { Reader } from "../apimachinery/protobuf/reader.ts";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { Transport, WatchEvent } from "./exchange.ts";
import { createInformerFactory, type InformerFactoryOptions } from "./informer-factory.ts";
import { createClient } from "./rest-client.ts";
import { FakeApi } from "./test-support/fake-api.ts";
import { pod, pods } from "./test-support/objects.ts";

function setUp(options: Partial<InformerFactoryOptions> = {}) {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const api = new FakeApi({ type: pods, clock, random });
  const client = createClient({ transport: api });
  const factory = createInformerFactory({ client, clock, random, logger: silentLogger, ...options });
  const abort = new AbortController();
  return { clock, api, factory, abort };
}

test("an informer's cache holds the very objects that the server holds", async () => {
  const { clock, api, factory, abort } = setUp();
  const stored = api.put(pod("a", 0));
  const informer = factory.informer(pods);
  factory.start(abort.signal);
  await factory.waitForSync();
  assert.equal(informer.lister.get("n/a"), stored);
  const changed = api.put(pod("a", 0));
  await clock.settle();
  assert.equal(informer.lister.get("n/a"), changed);
  assert.equal(informer.lastSyncResourceVersion, changed.metadata.resourceVersion);
  abort.abort();
});

test("an informer tells a late handler what is there, and when it has seen all of it", async () => {
  const { clock, api, factory, abort } = setUp();
  api.put(pod("a", 0));
  const informer = factory.informer(pods);
  factory.start(abort.signal);
  await factory.waitForSync();
  const seen: [string | undefined, boolean][] = [];
  const registration = informer.addHandler({
    added: ({ metadata }, { isInInitialList }) => seen.push([metadata.name, isInInitialList]),
  });
  assert.equal(registration.hasSynced, false);
  await clock.settle();
  assert.equal(registration.hasSynced, true);
  api.put(pod("b", 0));
  await clock.settle();
  registration.remove();
  api.put(pod("c", 0));
  await clock.settle();
  assert.deepEqual(seen, [
    ["a", true],
    ["b", false],
  ]);
  abort.abort();
});

test("waiting for sync waits for the handlers, and can be given up", async () => {
  const { clock, api, factory, abort } = setUp();
  api.put(pod("a", 0));
  let seen = 0;
  factory.informer(pods).addHandler({
    added: () => new Promise<void>((resolve) => clock.setTimer(1000, resolve)).then(() => void seen++),
  });
  factory.start(abort.signal);
  const giveUp = new AbortController();
  const givenUp = assert.rejects(factory.waitForSync({ signal: giveUp.signal }), /enough/);
  const synced = factory.waitForSync().then(() => seen);
  await clock.settle();
  giveUp.abort(new Error("enough"));
  await givenUp;
  await clock.advance(1000);
  assert.equal(await synced, 1);
  abort.abort();
});

test("a replaced object is a deletion and an addition to handlers, even where neither was seen", async () => {
  const { clock, api, factory, abort } = setUp();
  api.put(pod("a", 0));
  const seen: string[] = [];
  factory.informer(pods).addHandler({
    added: () => seen.push("added"),
    updated: () => seen.push("updated"),
    deleted: (_object, { finalStateUnknown }) => seen.push(finalStateUnknown ? "deleted unseen" : "deleted"),
  });
  factory.start(abort.signal);
  await factory.waitForSync();
  api.dropWatches();
  api.put(pod("a", 0), { newUid: true });
  api.compact();
  await clock.advance(10_000);
  assert.deepEqual(seen, ["added", "deleted unseen", "added"]);
  abort.abort();
});

test("a deletion missed while away is told with the last state that was known", async () => {
  const { clock, api, factory, abort } = setUp();
  const last = api.put(pod("a", 0));
  const seen: unknown[] = [];
  const informer = factory.informer(pods);
  informer.addHandler({ deleted: (object, { finalStateUnknown }) => seen.push(object, finalStateUnknown) });
  factory.start(abort.signal);
  await factory.waitForSync();
  api.dropWatches();
  api.remove({ namespace: "n", name: "a" });
  api.compact();
  await clock.advance(10_000);
  assert.equal(seen[0], last);
  assert.equal(seen[1], true);
  assert.equal(informer.lister.get("n/a"), undefined);
  abort.abort();
});

test("a list that brings nothing new tells nobody anything", async () => {
  const { clock, api, factory, abort } = setUp();
  api.put(pod("a", 0));
  let updates = 0;
  factory.informer(pods).addHandler({ updated: () => updates++ });
  factory.start(abort.signal);
  await factory.waitForSync();
  api.dropWatches();
  api.compact();
  api.put(pod("b", 0));
  api.compact();
  await clock.advance(10_000);
  assert.equal(updates, 0);
  abort.abort();
});

test("resyncs go to the handlers that asked for them, when they are due", async () => {
  const { clock, api, factory, abort } = setUp({ defaultResyncMs: 0 });
  api.put(pod("a", 0));
  const counts = { often: 0, seldom: 0, never: 0 };
  const informer = factory.informer(pods);
  informer.addHandler({ updated: () => counts.often++ }, { resyncMs: 10_000 });
  informer.addHandler({ updated: () => counts.seldom++ }, { resyncMs: 30_000 });
  informer.addHandler({ updated: () => counts.never++ });
  factory.start(abort.signal);
  await clock.advance(60_500);
  assert.deepEqual(counts, { often: 6, seldom: 2, never: 0 });
  abort.abort();
  await clock.settle();
  assert.equal(clock.pendingTimers, 0);
});

test("one informer serves all who ask for the same selection", () => {
  const { factory } = setUp();
  const transform = (object: AnyObject) => object;
  assert.equal(factory.informer(pods), factory.informer(pods));
  assert.equal(factory.informer(pods, { transform }), factory.informer(pods, { transform }));
  const different = [
    factory.informer(pods),
    factory.informer(pods, { namespace: "n" }),
    factory.informer(pods, { labelSelector: "a=b" }),
    factory.informer(pods, { fieldSelector: "a=b" }),
    factory.informer(pods, { metadataOnly: true }),
    factory.informer(pods, { transform }),
    factory.informer({ ...pods, version: "v2" }),
  ];
  assert.equal(new Set(different).size, different.length);
});

test("an informer asked for after the start starts with the next one", async () => {
  const { clock, api, factory, abort } = setUp();
  api.put(pod("a", 0));
  factory.start(abort.signal);
  const informer = factory.informer(pods);
  await clock.settle();
  assert.equal(informer.hasSynced, false);
  factory.start(abort.signal);
  await factory.waitForSync();
  assert.equal(informer.lister.list().length, 1);
  abort.abort();
});

test("a transform drops fields before they are stored; one that throws keeps the object", async () => {
  const { api, factory, abort } = setUp();
  api.put({ ...pod("a", 0), spec: "large" } as AnyObject);
  const slim = factory.informer(pods, { transform: ({ spec: _spec, ...rest }) => rest });
  const broken = factory.informer(pods, {
    transform() {
      throw new Error("broken");
    },
  });
  const metadataOnly = factory.informer(pods, { metadataOnly: true });
  factory.start(abort.signal);
  await factory.waitForSync();
  assert.equal(slim.lister.get("n/a")?.spec, undefined);
  assert.equal(broken.lister.get("n/a")?.spec, "large");
  assert.deepEqual(Object.keys(metadataOnly.lister.get("n/a") ?? {}), ["apiVersion", "kind", "metadata"]);
  abort.abort();
});

test("the mutation detector makes whoever changes a cached object throw", async () => {
  const { api, factory, abort } = setUp({ detectMutations: true });
  api.put(pod("a", 0));
  const informer = factory.informer(pods);
  factory.start(abort.signal);
  await factory.waitForSync();
  const cached = informer.lister.get("n/a") as { metadata: { name: string } };
  assert.throws(() => {
    cached.metadata.name = "b";
  }, TypeError);
  abort.abort();
});

test("an informer of 20,000 objects gives others their turn while it fills", async () => {
  const { api, factory, abort } = setUp();
  for (let index = 0; index < 20_000; index++) api.put(pod(`p${index}`, 0));
  const informer = factory.informer(pods);
  let seen = 0;
  informer.addHandler({ added: () => seen++ });
  factory.start(abort.signal);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(informer.lister.list().length < 20_000);
  await factory.waitForSync();
  assert.equal(seen, 20_000);
  abort.abort();
});

test("a stopped informer leaves no watch, no timer, and tells nobody anything", async () => {
  const { clock, api, factory, abort } = setUp();
  let seen = 0;
  factory.informer(pods).addHandler({ added: () => seen++ });
  factory.start(abort.signal);
  await factory.waitForSync();
  abort.abort();
  api.put(pod("a", 0));
  await clock.settle();
  assert.equal(seen, 0);
  assert.equal(api.watcherCount, 0);
  assert.equal(clock.pendingTimers, 0);
});

test("informers of many resources do not come back all at once after an outage", async () => {
  const { clock, api, factory, abort } = setUp();
  for (let index = 0; index < 200; index++) factory.informer(pods, { namespace: `n${index}` });
  factory.start(abort.signal);
  await factory.waitForSync();
  api.down = true;
  api.dropWatches();
  await clock.advance(300_000);
  api.down = false;
  const before = api.requests.length;
  let most = 0;
  for (let second = 0; second < 60; second++) {
    const start = api.requests.length;
    await clock.advance(1000);
    most = Math.max(most, api.requests.length - start);
  }
  assert.ok(api.requests.length - before >= 200);
  assert.ok(most < 40, `${most} requests within one second`);
  abort.abort();
});

/** A pod whose spec claims to be longer than it is: nothing of that shows before it is read. */
function malformed(object: AnyObject): AnyObject {
  const bytes = Buffer.from(
    createProtobufCodec(schemas).encodeMessage({ ...object, spec: { nodeName: "node" } }),
  );
  bytes[bytes.lastIndexOf("node") - 1] = 100;
  const typeMeta = { apiVersion: "v1", kind: "Pod" };
  return readKindLazily(new Reader(bytes), schemas.model("core.v1.Pod"), typeMeta) as AnyObject;
}

for (const listMode of ["streaming", "paged"] as const) {
  test(`what comes malformed fails its request (${listMode}), which is made again, and no handler hears of it`, async () => {
    const { clock, api, abort } = setUp();
    api.put(pod("a", 0));
    let malformedLeft = 2;
    const corrupted = (object: AnyObject) => (malformedLeft-- > 0 ? malformed(object) : object);
    async function* corruptedEvents(batches: AsyncIterable<readonly WatchEvent[]>) {
      for await (const batch of batches)
        yield batch.map((event) =>
          event.type === "BOOKMARK"
            ? event
            : ({ ...event, object: corrupted(event.object as AnyObject) } as WatchEvent),
        );
    }
    const transport: Transport = {
      async send(request) {
        const response = await api.send(request);
        if (response.type === "watch") return { ...response, events: corruptedEvents(response.events) };
        if (response.type !== "object") return response;
        const list = response.object as { readonly items: readonly AnyObject[] };
        return { ...response, object: { ...list, items: list.items.map(corrupted) } };
      },
      close: () => api.close(),
    };
    const factory = createInformerFactory({
      ...{ client: createClient({ transport }), clock, random: seededRandom(1), logger: silentLogger },
      policy: { listMode },
    });
    const seen: unknown[] = [];
    const tell = (object: AnyObject) => void seen.push(`${objectKey(object)} ${JSON.stringify(object.spec)}`);
    factory.informer(pods).addHandler({ added: tell, updated: (_old, object) => tell(object) });
    factory.start(abort.signal);
    await clock.advance(60_000);
    assert.deepEqual(seen, ["n/a undefined"]);
    malformedLeft = 2;
    api.put(pod("a", 0));
    await clock.advance(60_000);
    assert.deepEqual([malformedLeft < 0, new Set(seen)], [true, new Set(["n/a undefined"])]);
    assert.equal(factory.informer(pods).hasSynced, true);
    abort.abort();
  });
}
