import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap, Pod } from "../api/core/types.generated.ts";
import { configMaps, nodes, pods } from "../api/resources.generated.ts";
import { ApiError } from "../apimachinery/api-error.ts";
import { silentLogger } from "../base/log.ts";
import { createInformerFactory } from "../client/informer-factory.ts";
import { runLeaderElection } from "../client/leader-election.ts";
import { TransportError } from "../client/transport-error.ts";
import type { TestCluster } from "./cluster-types.ts";
import { startCluster } from "./index.ts";

const configMap = (name: string, value = "1"): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data: { value },
});

/** An informer of the test's own, and the objects it knows: name=value, sorted. */
async function followConfigMaps(cluster: TestCluster, signal: AbortSignal) {
  const { client, clock, random } = cluster;
  const informers = createInformerFactory({ client, clock, random, logger: silentLogger });
  const informer = informers.informer(configMaps, { namespace: "default" });
  informers.start(signal);
  await cluster.until(() => informer.hasSynced);
  return () =>
    informer.lister
      .list()
      .filter(({ metadata }) => metadata.name !== "kube-root-ca.crt")
      .map(({ metadata, data }) => `${metadata.name}=${data?.value}`)
      .sort();
}

for (const { name, fault, advance } of [
  {
    name: "its watch is cut",
    fault: ({ faults }: TestCluster) => assert.equal(faults.dropWatches({ resource: "configmaps" }), 1),
  },
  {
    name: "its watch falls silent",
    fault: ({ faults }: TestCluster) =>
      assert.equal(faults.dropWatches({ resource: "configmaps", silent: true }), 1),
    // Found out by the bookmarks that do not come.
    advance: "20m",
  },
  {
    name: "its version is compacted away",
    fault: ({ faults }: TestCluster) => assert.equal(faults.expire({ resource: "configmaps" }), 1),
  },
  {
    name: "it is told to come later, three times",
    fault: ({ faults }: TestCluster) => {
      faults.answer(429, { retryAfterSeconds: 2, resource: "configmaps", verb: ["list", "watch"], times: 3 });
      faults.expire({ resource: "configmaps" });
    },
  },
  {
    name: "half of what it asks fails",
    fault: ({ faults }: TestCluster) => {
      faults.answer(500, { verb: ["list", "watch"], chance: 0.5 });
      faults.dropWatches();
    },
  },
  {
    name: "all it hears comes late",
    fault: ({ faults }: TestCluster) => {
      faults.latency(["1s", "5s"], { verb: ["list", "watch"] });
      faults.dropWatches();
    },
  },
  {
    name: "it is cut off for five minutes",
    fault: ({ faults, clock }: TestCluster) => {
      const partition = faults.partition("kubernetes-admin");
      clock.setTimer(300_000, () => partition.heal());
    },
    advance: "6m",
    writesAs: "somebody else",
  },
  {
    name: "it is cut off for five minutes and nothing tells it",
    fault: ({ faults, clock }: TestCluster) => {
      const partition = faults.partition("kubernetes-admin", { silent: true });
      clock.setTimer(300_000, () => partition.heal());
    },
    advance: "6m",
    writesAs: "somebody else",
  },
] satisfies {
  name: string;
  fault: (cluster: TestCluster) => void;
  advance?: string;
  writesAs?: string;
}[] as readonly {
  name: string;
  fault: (cluster: TestCluster) => void;
  advance?: string;
  writesAs?: string;
}[]) {
  test(`An informer sees what was written while ${name}`, async () => {
    await using cluster = await startCluster({ nodes: 0 });
    using stop = stopping();
    const writer = cluster.clientFor("somebody else");
    await writer.create(configMaps, configMap("changed"));
    await writer.create(configMaps, configMap("deleted"));
    const seen = await followConfigMaps(cluster, stop.signal);
    assert.deepEqual(seen(), ["changed=1", "deleted=1"]);
    fault(cluster);
    await writer.create(configMaps, configMap("created"));
    await writer.update(configMaps, configMap("changed", "2"));
    await writer.delete(configMaps, { namespace: "default", name: "deleted" });
    await cluster.advance(advance ?? "3m");
    assert.deepEqual(seen(), ["changed=2", "created=1"]);
  });
}

function stopping(): { readonly signal: AbortSignal; [Symbol.dispose](): void } {
  const controller = new AbortController();
  return { signal: controller.signal, [Symbol.dispose]: () => controller.abort() };
}

test("A silent watch hears nothing until the fault is healed", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  using stop = stopping();
  const seen = await followConfigMaps(cluster, stop.signal);
  cluster.faults.dropWatches({ silent: true });
  await cluster.client.create(configMaps, configMap("unheard"));
  await cluster.advance("10s");
  assert.deepEqual(seen(), []);
  cluster.faults.heal();
  await cluster.advance("30s");
  assert.deepEqual(seen(), ["unheard=1"]);
});

test("A node that is cut off is not ready after its grace, tainted, and its pods are evicted five minutes later", async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const { client, faults } = cluster;
  const bound: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "lonely", namespace: "default" },
    spec: { nodeName: "node-1", containers: [{ name: "a", image: "a:1" }] },
  };
  await cluster.until(async () => (await client.list(nodes)).items.length === 2);
  await client.create(pods, bound);
  const name = { namespace: "default", name: "lonely" };
  await cluster.until(async () => (await client.get(pods, name)).status?.phase === "Running");
  const startMs = cluster.clock.now();
  const partition = faults.partition("node-1");
  const readiness = async () =>
    (await client.get(nodes, { name: "node-1" })).status?.conditions?.find(({ type }) => type === "Ready")
      ?.status;
  await cluster.until(async () => (await readiness()) === "Unknown");
  const notReadyS = (cluster.clock.now() - startMs) / 1000;
  assert.ok(notReadyS >= 40 && notReadyS <= 60, `${notReadyS} s`);
  await cluster.until(async () =>
    ((await client.get(nodes, { name: "node-1" })).spec?.taints ?? []).some(
      ({ key, effect }) => key === "node.kubernetes.io/unreachable" && effect === "NoExecute",
    ),
  );
  const taintedMs = cluster.clock.now();
  await cluster.until(async () => (await client.get(pods, name)).metadata.deletionTimestamp !== undefined);
  const evictedS = (cluster.clock.now() - taintedMs) / 1000;
  assert.ok(evictedS >= 295 && evictedS <= 305, `${evictedS} s`);
  assert.equal((await client.get(nodes, { name: "node-2" })).spec?.taints, undefined);
  // Its kubelet learns of it once it is back, and the pod ends.
  assert.ok(partition.hits > 0);
  partition.heal();
  await cluster.until(async () => (await readiness()) === "True");
  await cluster.until(async () => (await client.list(pods, { namespace: "default" })).items.length === 0);
});

test("A node that was cut off for a minute comes back, and its pods are ready again", async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const { client, faults } = cluster;
  await cluster.until(async () => (await client.list(nodes)).items.length === 1);
  const metadata = { name: "patient", namespace: "default" };
  const spec = { containers: [{ name: "a", image: "a:1" }] };
  await client.create(pods, { apiVersion: "v1", kind: "Pod", metadata, spec });
  const readiness = async () =>
    (await client.get(pods, metadata)).status?.conditions?.find(({ type }) => type === "Ready")?.status;
  await cluster.until(async () => (await readiness()) === "True");
  const partition = faults.partition("node-1");
  await cluster.until(async () => (await readiness()) === "False");
  partition.heal();
  await cluster.until(async () => (await readiness()) === "True");
});

test("A leader that is cut off stops leading before another leads", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { clock, random, faults } = cluster;
  using stop = stopping();
  const log: string[] = [];
  const since = clock.now();
  const compete = (identity: string) =>
    runLeaderElection(
      {
        client: cluster.clientFor(identity),
        clock,
        random,
        logger: silentLogger,
        lease: { namespace: "kube-system", name: "operator" },
        identity,
        async lead({ signal }) {
          log.push(`${identity} leads`);
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
          log.push(`${identity} stops`);
        },
      },
      { signal: stop.signal },
    );
  const first = compete("first");
  await cluster.until(() => log.length === 1);
  const second = compete("second");
  await cluster.advance("1m");
  assert.deepEqual(log, ["first leads"]);
  using _partition = faults.partition("first");
  await cluster.until(() => log.length === 3, { timeout: "1m" });
  assert.deepEqual(log, ["first leads", "first stops", "second leads"]);
  assert.equal(await first, "lost");
  assert.ok(clock.now() - since < 120_000);
  faults.heal();
  stop[Symbol.dispose]();
  await cluster.advance("1s");
  assert.equal(await second, "released");
});

test("The controllers can be cut off, and catch up", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { client, faults } = cluster;
  const partition = faults.partition("controller-manager");
  await assert.rejects(
    (async () => {
      await using _namespace = await cluster.namespace();
    })(),
    /did not hold within/,
  );
  partition.heal();
  await using namespace = await cluster.namespace();
  assert.match(namespace.name, /^test-/);
  assert.ok((await client.list(configMaps, { namespace: namespace.name })).items.length > 0);
});

test("An answer in the server's place comes as often as it was asked for, to whom it is meant", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { client, faults } = cluster;
  const fault = faults.answer(409, { resource: "configmaps", verb: "create", name: "", times: 1 });
  await assert.rejects(client.create(configMaps, configMap("a")), (error) => {
    assert.ok(error instanceof ApiError);
    return error.status.code === 409 && error.reason === "Conflict";
  });
  await client.create(configMaps, configMap("a"));
  assert.equal(fault.hits, 1);
  using other = faults.answer(503, { who: "somebody", resource: "configmaps" });
  await client.get(configMaps, { namespace: "default", name: "a" });
  await assert.rejects(cluster.clientFor("somebody").list(configMaps), /503/);
  assert.equal(other.hits, 1);
});

test("Too many requests are waited out on virtual time, as the answer says", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  cluster.faults.answer(429, { retryAfterSeconds: 7, verb: "create", times: 2 });
  const startMs = cluster.clock.now();
  let created = false;
  const creating = cluster.client.create(configMaps, configMap("patient")).then(() => {
    created = true;
  });
  await cluster.until(() => created);
  await creating;
  assert.equal(cluster.clock.now() - startMs, 14_000);
});

test("A lost answer leaves the write done", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { client, faults } = cluster;
  faults.loseAnswers({ verb: "create", times: 1 });
  await assert.rejects(client.create(configMaps, configMap("done")), TransportError);
  assert.equal((await client.get(configMaps, { namespace: "default", name: "done" })).data?.value, "1");
});

test("The rest of a list that began before history was forgotten is refused with 410", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { client, faults } = cluster;
  for (const name of ["a", "b", "c"]) await client.create(configMaps, configMap(name));
  const page = await client.list(configMaps, { namespace: "default", limit: 1 });
  await client.create(configMaps, configMap("d"));
  faults.expire();
  const rest = { namespace: "default", limit: 1, continue: page.metadata.continue ?? "" };
  await assert.rejects(client.list(configMaps, rest), (error) => (error as ApiError).status.code === 410);
  faults.heal();
  assert.equal((await client.list(configMaps, rest)).items.length, 1);
});

test("What chance decides is the same for the same seed", async () => {
  const outcomes = async (seed: number) => {
    await using cluster = await startCluster({ nodes: 0, seed });
    cluster.faults.answer(500, { chance: 0.5, verb: "list" });
    const lists = Array.from({ length: 20 }, () => cluster.client.list(configMaps));
    return (await Promise.allSettled(lists)).map(({ status }) => status);
  };
  assert.deepEqual(await outcomes(7), await outcomes(7));
  assert.notDeepEqual(await outcomes(7), await outcomes(8));
});
