import assert from "node:assert/strict";
import { serviceUnavailable, tooManyRequests } from "../../apimachinery/api-error.ts";
import { type AnyObject, type ObjectMeta, objectKey, type ResourceType } from "../../apimachinery/meta.ts";
import { silentLogger } from "../../base/log.ts";
import { type Random, randomBelow, seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { EventHandler } from "../informer.ts";
import { createInformerFactory } from "../informer-factory.ts";
import { createClient } from "../rest-client.ts";
import { FakeApi } from "./fake-api.ts";
import { overProtobuf } from "./protobuf-wire.ts";

const pods: ResourceType = { group: "", version: "v1", resource: "pods", kind: "Pod", namespaced: true };

/** Applies what it is told to a replica, and checks that each step follows from the one before. */
class Replay {
  readonly objects = new Map<string, AnyObject>();
  readonly handler: EventHandler<AnyObject>;
  readonly faults: string[] = [];

  constructor(afterwards: () => Promise<void> | undefined) {
    this.handler = {
      added: (object) => {
        const key = objectKey(object);
        if (this.objects.has(key)) this.faults.push(`${key} was added twice`);
        this.objects.set(key, object);
        return afterwards();
      },
      updated: (old, object) => {
        const key = objectKey(object);
        const known = this.objects.get(key);
        if (known !== old) this.faults.push(`${key} was updated from a state that was never told`);
        if (known?.metadata.uid !== object.metadata.uid) this.faults.push(`${key} was replaced by an update`);
        this.objects.set(key, object);
        return afterwards();
      },
      deleted: (object) => {
        const key = objectKey(object);
        const known = this.objects.get(key);
        if (known === undefined) this.faults.push(`${key} was deleted without having been added`);
        if (known?.metadata.uid !== object.metadata.uid) this.faults.push(`${key}: another one was deleted`);
        this.objects.delete(key);
        return afterwards();
      },
    };
  }
}

function injectFault(api: FakeApi, random: Random): void {
  switch (randomBelow(random, 9)) {
    case 0:
      api.dropWatches("cut");
      break;
    case 1:
      api.dropWatches("end");
      break;
    case 2:
      api.silenceWatches();
      break;
    case 3:
      api.compact();
      break;
    case 4:
      api.compact();
      api.dropWatches("cut");
      break;
    case 5:
      api.down = !api.down;
      if (api.down) api.dropWatches("cut");
      break;
    case 6:
      api.latencyMs = () => (random.next() < 0.3 ? randomBelow(random, 5000) : 0);
      break;
    case 7: {
      const odds = random.next() / 2;
      api.intercept = () => (random.next() < odds ? serviceUnavailable("overloaded") : undefined);
      break;
    }
    default: {
      const odds = random.next() / 2;
      api.intercept = () => (random.next() < odds ? tooManyRequests("slow down", 3) : undefined);
    }
  }
}

/** With all that a server writes of an empty one, so that it is the same after it went over a wire. */
function pod(metadata: ObjectMeta, nodeName: string): AnyObject {
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [], nodeName }, status: {} };
}

function write(api: FakeApi, random: Random): void {
  const namespace = random.next() < 0.7 ? "a" : "b";
  const name = `p${randomBelow(random, 12)}`;
  if (random.next() < 0.3) {
    api.remove({ namespace, name });
    return;
  }
  const object = pod({ namespace, name, labels: { half: namespace } }, `n${randomBelow(random, 3)}`);
  api.put(object, { newUid: random.next() < 0.1 });
}

/**
 * Informers against a server with every fault, from a seed: random writes, lost and silent watches, compactions, errors
 * and delays. After quiet each cache equals the server, and what each handler was told replays into that state; rejects
 * with the difference otherwise.
 */
export async function simulateInformers(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const api = new FakeApi({ type: pods, clock, random });
  api.streamsLists = random.next() < 0.5;
  api.sendsBookmarks = random.next() < 0.7;
  for (let index = randomBelow(random, 20); index > 0; index--) write(api, random);

  const factory = createInformerFactory({
    // Some seeds go over the wire, where objects come lazily.
    client: createClient({ transport: seed % 8 === 1 ? overProtobuf(api, seededRandom(seed)) : api, clock }),
    clock,
    random,
    logger: silentLogger,
    detectMutations: true,
    policy: { listMode: random.next() < 0.5 ? "streaming" : "paged", pageSize: 1 + randomBelow(random, 8) },
  });
  const everything = factory.informer(pods);
  const oneNamespace = factory.informer(pods, { namespace: "a" });
  everything.addIndex("namespace", ({ metadata }) => [metadata.namespace ?? ""]);
  const pause = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve));
  const replays = [
    { informer: everything, replay: new Replay(() => undefined), queueLimit: 1000 },
    { informer: everything, replay: new Replay(() => pause(randomBelow(random, 3000))), queueLimit: 3 },
    {
      informer: everything,
      replay: new Replay(() => {
        throw new Error("this handler always throws");
      }),
      queueLimit: 1,
    },
    { informer: oneNamespace, replay: new Replay(() => undefined), queueLimit: 2 },
  ];
  for (const { informer, replay, queueLimit } of replays) informer.addHandler(replay.handler, { queueLimit });
  const abort = new AbortController();
  factory.start(abort.signal);

  const backup = api.backUp();
  const restoreAt = random.next() < 0.2 ? randomBelow(random, 25) : -1;
  for (let step = 0; step < 25; step++) {
    if (step === restoreAt) api.restore(backup);
    for (let index = randomBelow(random, 6); index > 0; index--) write(api, random);
    if (random.next() < 0.3) injectFault(api, random);
    if (step === 12) {
      const late = { informer: everything, replay: new Replay(() => undefined), queueLimit: 5 };
      replays.push(late);
      everything.addHandler(late.replay.handler, { queueLimit: late.queueLimit });
    }
    await clock.advance(randomBelow(random, random.next() < 0.1 ? 400_000 : 4000));
  }

  api.down = false;
  api.latencyMs = () => 0;
  api.intercept = () => undefined;
  if (restoreAt >= 0) {
    // Until then a server that has caught up with the versions from before it was restored cannot be told from the old.
    api.dropWatches("cut");
    await clock.settle();
    const seen = Math.max(
      ...[everything, oneNamespace].map((informer) => Number(informer.lastSyncResourceVersion)),
    );
    while (api.version <= seen) api.put(pod({ namespace: "a", name: "last" }, "n0"));
    api.compact();
  }
  // Longer than a silent watch, and the longest back-off after it, can last.
  await clock.advance(11 * 60_000);

  const held = [...api.objects()];
  for (const { informer, namespace } of [
    { informer: everything, namespace: undefined },
    { informer: oneNamespace, namespace: "a" },
  ]) {
    const want = byKey(
      held.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
    );
    assert.deepEqual(byKey(informer.lister.list()), want, "the cache differs from the server");
    assert.equal(informer.hasSynced, true);
  }
  for (const value of ["a", "b"]) {
    const want = byKey(held.filter(({ metadata }) => metadata.namespace === value));
    assert.deepEqual(byKey(everything.lister.byIndex("namespace", value)), want, "the index differs");
  }
  for (const { informer, replay } of replays) {
    assert.deepEqual(replay.faults, []);
    assert.deepEqual(byKey([...replay.objects.values()]), byKey(informer.lister.list()), "a replay differs");
  }
  abort.abort();
  await clock.settle();
  assert.equal(api.watcherCount, 0, "a watch was left open");
  await api.close();
}

function byKey(objects: readonly AnyObject[]): readonly AnyObject[] {
  return objects.toSorted((left, right) => (objectKey(left) < objectKey(right) ? -1 : 1));
}
