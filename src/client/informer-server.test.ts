import assert from "node:assert/strict";
import test from "node:test";
import type { ConfigMap } from "../api/core/types.generated.ts";
import { configMaps, namespaces } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { objectKey } from "../apimachinery/meta.ts";
import { inProcessTransport } from "../apiserver/in-process.ts";
import { admin, startTestServer } from "../apiserver/test-support/server.ts";
import { silentLogger } from "../base/log.ts";
import { randomBelow, seededRandom } from "../base/random.ts";
import type { ApiResponse, Transport, WatchEvent } from "./exchange.ts";
import { createInformerFactory } from "./informer-factory.ts";
import { createClient } from "./rest-client.ts";

/** The same claim as the simulation's, against the real API server in this process: lists, streams, bookmarks, patches. */

const seeds = Number(process.env.SEEDS ?? 20);

/** Cuts watches at random: after some batches the stream throws. */
function unreliable(inner: Transport, breaks: () => boolean): Transport {
  async function* cut(events: AsyncIterable<readonly WatchEvent[]>) {
    for await (const batch of events) {
      if (breaks()) throw new Error("connection reset");
      yield batch;
    }
  }
  return {
    async send(request): Promise<ApiResponse> {
      if (breaks()) throw new Error("connection refused");
      const response = await inner.send(request);
      return response.type === "watch" ? { ...response, events: cut(response.events) } : response;
    },
    close: () => inner.close(),
  };
}

async function simulate(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const { server, clock, close } = await startTestServer();
  const transport = inProcessTransport(server, admin);
  const client = createClient({ transport });
  const faults = { on: true };
  const lossy = createClient({
    transport: unreliable(transport, () => faults.on && random.next() < 0.15),
    clock,
  });
  for (const name of ["a", "b"])
    await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name }, spec: {} });

  const factory = createInformerFactory({
    ...{ client: lossy, clock, random },
    logger: silentLogger,
    policy: { listMode: seed % 2 === 0 ? "streaming" : "paged", pageSize: 3 },
  });
  const all = factory.informer(configMaps);
  const labelled = factory.informer(configMaps, { namespace: "a", labelSelector: "color=red" });
  const replay = new Map<string, ConfigMap>();
  all.addHandler({
    added: (object) => void replay.set(objectKey(object), object),
    updated: (old, object) => {
      assert.equal(replay.get(objectKey(object)), old);
      replay.set(objectKey(object), object);
    },
    deleted: (object) => void replay.delete(objectKey(object)),
  });
  const abort = new AbortController();
  factory.start(abort.signal);

  for (let step = 0; step < 60; step++) {
    const namespace = random.next() < 0.6 ? "a" : "b";
    const name = `c${randomBelow(random, 8)}`;
    const color = random.next() < 0.5 ? "red" : "blue";
    const metadata = { namespace, name, labels: { color } };
    const object: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { step: String(step) } };
    try {
      const dice = random.next();
      if (dice < 0.5) await client.create(configMaps, object);
      else if (dice < 0.75)
        await client.patch(configMaps, { namespace, name }, { type: "merge", patch: object });
      else await client.delete(configMaps, { namespace, name });
    } catch (error) {
      assert.ok(isApiError(error, "AlreadyExists") || isApiError(error, "NotFound"), String(error));
    }
    if (random.next() < 0.3) await clock.advance(randomBelow(random, 3000));
  }
  faults.on = false;
  await clock.advance(90_000);

  const { items } = await client.list(configMaps);
  const texts = (objects: Iterable<ConfigMap>) => [...objects].map((object) => JSON.stringify(object)).sort();
  assert.deepEqual(texts(all.lister.list()), texts(items));
  assert.deepEqual(texts(replay.values()), texts(items));
  const red = items.filter(({ metadata }) => metadata.namespace === "a" && metadata.labels?.color === "red");
  assert.deepEqual(texts(labelled.lister.list()), texts(red));
  const held = new Set(items);
  for (const object of all.lister.list())
    assert.ok(held.has(object), "the cache holds a copy of the server's object");
  abort.abort();
  await clock.settle();
  await close();
}

test(`informers follow the real API server through cut connections (${seeds} seeds)`, async () => {
  for (let seed = 0; seed < seeds; seed++) {
    try {
      await simulate(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
