import assert from "node:assert/strict";
import test from "node:test";
import type { ConfigMap, Secret } from "../../api/core/types.generated.ts";
import { configMaps, leases, namespaces, secrets } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { inProcessTransport } from "../../apiserver/in-process.ts";
import { admin, startTestServer } from "../../apiserver/test-support/server.ts";
import { silentLogger } from "../../base/log.ts";
import { randomBelow, seededRandom } from "../../base/random.ts";
import type { ApiResponse, Transport, WatchEvent } from "../exchange.ts";
import { addFinalizer, removeFinalizer } from "../finalizers.ts";
import { setControllerReference } from "../owner-references.ts";
import { createClient } from "../rest-client.ts";
import { controller } from "./controller.ts";
import { createManager, type Manager } from "./manager.ts";

/** Two replicas of a controller through everything that a network does. `SEEDS=1000` runs more, `SEED=n` one. */

const seeds = process.env.SEED === undefined ? Number(process.env.SEEDS ?? 8) : 1;
const firstSeed = Number(process.env.SEED ?? 0);
const namespace = "shop";
const finalizer = "example.com/copy";

interface Faults {
  /** Of requests, answers and batches of watches, how many get lost. */
  rate: number;
  isCutOff: boolean;
}

function unreliable(inner: Transport, faults: Faults, next: () => number): Transport {
  const breaks = () => faults.isCutOff || next() < faults.rate;
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
      if (response.type === "watch") return { ...response, events: cut(response.events) };
      // It was done, and nobody is told.
      if (breaks()) throw new Error("connection reset");
      return response;
    },
    close: async () => {},
  };
}

/** Keeps a secret that says what its config map says; takes it away itself, by a finalizer. Tells who wrote and when. */
const copier = (wrote: () => void) =>
  controller({
    name: "copier",
    for: configMaps,
    owns: [secrets],
    concurrency: 3,
    async reconcile(request, { client, cache }) {
      const owner = cache.get(configMaps, request);
      if (owner === undefined) return;
      const copy = cache.get(secrets, request);
      wrote();
      if (owner.metadata.deletionTimestamp !== undefined) {
        if (copy !== undefined)
          await client.delete(secrets, request).catch((error: unknown) => {
            if (!isApiError(error, "NotFound")) throw error;
          });
        await removeFinalizer(client, configMaps, owner, finalizer);
        return;
      }
      await addFinalizer(client, configMaps, owner, finalizer);
      const labels = { value: owner.data?.value ?? "" };
      const wanted: Secret = { apiVersion: "v1", kind: "Secret", metadata: { ...request, labels } };
      if (copy === undefined) await client.create(secrets, setControllerReference(owner, wanted));
      else if (copy.metadata.labels?.value !== labels.value)
        await client.update(secrets, { ...copy, metadata: { ...copy.metadata, labels } });
    },
  });

async function simulate(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const { server, clock, close } = await startTestServer();
  const transport = inProcessTransport(server, admin);
  const client = createClient({ transport, clock });
  await client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
    spec: {},
  });

  const stop = new AbortController();
  const violations: number[] = [];
  const replicas: { readonly manager: Manager; readonly faults: Faults; ended: Promise<unknown> }[] = [];
  function startReplica(): void {
    const faults = { rate: 0.1, isCutOff: false };
    const manager = createManager({
      client: createClient({ transport: unreliable(transport, faults, () => random.next()), clock }),
      ...{ clock, random, logger: silentLogger },
      leaderElection: { namespace, name: "copier" },
    });
    const leads = () => {
      const leaders = replicas.filter(({ manager }) => manager.isLeader).length;
      if (leaders !== 1) violations.push(leaders);
    };
    manager.add(copier(leads));
    // Whoever loses the lease is started again, as a pod's kubelet would.
    const ended = manager.run({ signal: stop.signal }).catch(() => {
      replicas.splice(replicas.indexOf(replica), 1);
      if (!stop.signal.aborted) startReplica();
    });
    const replica = { manager, faults, ended };
    replicas.push(replica);
  }
  startReplica();
  startReplica();

  const change = async (): Promise<void> => {
    const name = `c${randomBelow(random, 5)}`;
    const object: ConfigMap = {
      ...{ apiVersion: "v1", kind: "ConfigMap" },
      metadata: { name, namespace },
      data: { value: String(randomBelow(random, 100)) },
    };
    const dice = random.next();
    const done =
      dice < 0.4
        ? client.create(configMaps, object)
        : dice < 0.7
          ? client.patch(
              configMaps,
              { namespace, name },
              { type: "merge", patch: { data: object.data ?? {} } },
            )
          : dice < 0.85
            ? client.delete(configMaps, { namespace, name })
            : client.delete(secrets, { namespace, name });
    await done.catch((error: unknown) => assert.ok(isApiError(error), String(error)));
  };
  for (let round = 0; round < 30; round++) {
    await change();
    await clock.advance(randomBelow(random, 3000));
    const replica = replicas[randomBelow(random, replicas.length)];
    if (replica !== undefined && random.next() < 0.1) replica.faults.isCutOff = !replica.faults.isCutOff;
  }
  for (const { faults } of replicas) Object.assign(faults, { rate: 0, isCutOff: false });
  await clock.advance(30 * 60_000);

  const owners = (await client.list(configMaps, { namespace })).items.filter(({ metadata }) =>
    metadata.name?.startsWith("c"),
  );
  const copies = (await client.list(secrets, { namespace })).items;
  assert.deepEqual(
    copies.map(({ metadata }) => [metadata.name, metadata.labels?.value]),
    owners.map(({ metadata, data }) => [metadata.name, data?.value]),
    "after quiet every config map has its copy, and nothing else is there",
  );
  assert.deepEqual(
    owners.filter(({ metadata }) => metadata.deletionTimestamp !== undefined),
    [],
  );
  assert.deepEqual(violations, [], "whoever works is the only leader");
  const ending = Promise.all(replicas.map(({ ended }) => ended));
  stop.abort(new Error("over"));
  await clock.advance(60_000);
  await ending;
  const lease = await client.get(leases, { namespace, name: "copier" });
  assert.equal(lease.spec.holderIdentity ?? "", "", "the lease was given up");
  await close();
  await clock.advance(3_600_000);
  assert.equal(clock.pendingTimers, 0, "no timer is left");
}

test(`Controllers of two replicas come to what is wished, whatever gets lost, and only the leader works: ${seeds} seeds`, async () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    await simulate(seed).catch((error: unknown) => {
      throw new Error(`SEED=${seed}`, { cause: error });
    });
  }
});
