import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "../../api/core/types.generated.ts";
import { configMaps } from "../../api/resources.generated.ts";
import { inProcessTransport } from "../../apiserver/in-process.ts";
import { loopbackUser } from "../../apiserver/server.ts";
import { startTestServer } from "../../apiserver/test-support/server.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import { createClient } from "../../client/rest-client.ts";
import { createWorkQueue } from "../../client/work-queue.ts";
import { type Controller, runController, watch } from "./controller.ts";
import { create, event, requeueAfter, update } from "./intent.ts";

async function harness() {
  const server = await startTestServer();
  const { clock } = server;
  const random = seededRandom(1);
  const client = createClient({ transport: inProcessTransport(server.server, loopbackUser), clock });
  const informers = createInformerFactory({
    client,
    clock,
    random,
    logger: silentLogger,
    detectMutations: true,
  });
  const stop = new AbortController();
  const transcript: string[] = [];
  const run = <S>(controller: Controller<S>) => {
    informers.start(stop.signal);
    return runController(
      {
        ...controller,
        reconciled: ({ intents, failure }) =>
          transcript.push(
            `${controller.name} ${failure === undefined ? "done" : "failed"} ${intents.map(({ action }) => action)}`,
          ),
      },
      {
        client,
        clock,
        logger: silentLogger,
        recordEvent: (_, { reason }) => transcript.push(`event ${reason}`),
        createQueue: (name) => createWorkQueue({ name, clock, random }),
      },
      { signal: stop.signal, synced: informers.waitForSync() },
    );
  };
  return { server, clock, client, informers, stop, transcript, run };
}

const configMap = (name: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
});

test("a controller reconciles each change, sees its own writes before it goes on, and stops clean", async () => {
  const { server, clock, client, informers, stop, transcript, run } = await harness();
  const informer = informers.informer(configMaps);
  const seen: string[] = [];
  const running = run<ConfigMap>({
    name: "counter",
    watches: [watch(informer, ({ metadata }) => [`default/${metadata.name}`])],
    observe: (key) => informer.lister.get(key),
    reconcile(object) {
      const count = Number(object.data?.count ?? "0");
      seen.push(`${object.metadata.name} ${count}`);
      if (count === 3) return [event(object, "Normal", "Counted", "")];
      return [update(configMaps, object, { ...object, data: { count: String(count + 1) } })];
    },
  });
  await clock.settle();
  await client.create(configMaps, configMap("a"));
  await clock.advance(1000);
  assert.deepEqual(
    seen,
    ["a 0", "a 1", "a 2", "a 3"],
    "no state is seen twice: nothing is counted from a stale cache",
  );
  assert.deepEqual(transcript, [
    "counter done update",
    "counter done update",
    "counter done update",
    "event Counted",
    "counter done event",
  ]);
  stop.abort(new Error("over"));
  await running;
  await server.close();
  await clock.advance(3_600_000);
  assert.equal(clock.pendingTimers, 0, "no timer is left");
});

test("a reconcile that fails is tried again after a growing wait, one that asks for it after the time it names", async () => {
  const { server, clock, informers, stop, transcript, run } = await harness();
  const informer = informers.informer(configMaps);
  const startMs = clock.now();
  const attempts: number[] = [];
  const running = run<string>({
    name: "stubborn",
    watches: [watch(informer, () => [])],
    initialKeys: ["x"],
    observe: (key) => key,
    reconcile() {
      attempts.push(clock.now() - startMs);
      if (attempts.length < 4) throw new Error("not yet");
      return attempts.length === 4 ? [requeueAfter(60_000)] : [];
    },
  });
  await clock.advance(120_000);
  assert.deepEqual(attempts, [0, 5, 15, 35, 60_035]);
  assert.deepEqual(transcript.at(-1), "stubborn done ");
  stop.abort(new Error("over"));
  await running;
  await server.close();
});

test("objects that a controller may not write are retried, and their failure is counted", async () => {
  const { server, clock, informers, stop, transcript, run } = await harness();
  const informer = informers.informer(configMaps);
  const running = run<string>({
    name: "clumsy",
    watches: [watch(informer, () => [])],
    initialKeys: ["x"],
    observe: (key) => key,
    reconcile: () => [create(configMaps, configMap("Not A Name"))],
  });
  await clock.advance(16);
  assert.deepEqual(transcript, ["clumsy failed create", "clumsy failed create", "clumsy failed create"]);
  stop.abort(new Error("over"));
  await running;
  await server.close();
});

test("a controller that rests between reconciles takes a burst of changes in one, and the first at once", async () => {
  const { server, clock, client, informers, stop, run } = await harness();
  const informer = informers.informer(configMaps);
  const startMs = clock.now();
  const looks: number[] = [];
  const running = run<string>({
    name: "batching",
    pauseMs: 100,
    watches: [watch(informer, () => ["all"])],
    observe: (key) => key,
    reconcile() {
      looks.push(clock.now() - startMs);
      return [];
    },
  });
  await clock.settle();
  for (const name of ["a", "b", "c", "d"]) {
    await client.create(configMaps, configMap(name));
    await clock.advance(10);
  }
  await clock.advance(1000);
  assert.deepEqual(looks, [0, 100]);
  stop.abort(new Error("over"));
  await running;
  await server.close();
});
