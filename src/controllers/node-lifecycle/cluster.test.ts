import assert from "node:assert/strict";
import { test } from "node:test";
import { isPodReady } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { daemonSets, deployments, nodes, pods } from "../../api/resources.generated.ts";
import { startTestCluster } from "../test-support/cluster.ts";
import { webLabels } from "../test-support/objects.ts";

const second = 1000;

test("a node that dies is found, its pods stop serving, are driven off after five minutes and made elsewhere", async () => {
  const alive = new Set(["n1", "n2"]);
  const cluster = await startTestCluster({
    kubelet: { readyAfterMs: () => second, nodeOf: () => (alive.has("n1") ? "n1" : "n2") },
  });
  const { client, clock } = cluster;
  const beats = new Map<string, { stop(): void }>();
  for (const name of alive) {
    await cluster.addNode(name);
    beats.set(name, await cluster.keepAlive(name));
  }
  const metadata = { name: "web", namespace: "default" };
  const template = {
    metadata: { labels: webLabels },
    spec: { containers: [{ name: "web", image: "web:1" }] },
  };
  await client.create(deployments, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: { replicas: 3, selector: { matchLabels: webLabels }, template },
  });
  const all = () => cluster.list(pods, "default");
  const ready = async () => (await all()).filter(isPodReady);
  await cluster.until(async () => (await ready()).length === 3);
  await clock.advance(120 * second);
  assert.equal((await cluster.find(nodes, "n1"))?.spec.podCIDR, "10.244.0.0/24");
  assert.deepEqual(
    (await cluster.find(nodes, "n1"))?.spec.taints ?? [],
    [],
    "leases alone keep a node ready",
  );

  const diedMs = clock.now();
  beats.get("n1")?.stop();
  alive.delete("n1");
  const taintsOf = async (name: string) =>
    ((await cluster.find(nodes, name))?.spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
  await cluster.until(async () => (await taintsOf("n1")).length === 2);
  const foundMs = clock.now() - diedMs;
  assert.ok(foundMs >= 40 * second && foundMs <= 61 * second, `found dead after ${foundMs} ms`);
  assert.deepEqual(await taintsOf("n1"), [
    "node.kubernetes.io/unreachable:NoSchedule",
    "node.kubernetes.io/unreachable:NoExecute",
  ]);
  assert.equal((await ready()).length, 0, "nothing is sent to pods nobody can see");

  await cluster.until(async () => (await ready()).length === 3);
  const on = (await ready()).map(({ spec }: Pod) => spec.nodeName);
  assert.deepEqual(on, ["n2", "n2", "n2"]);
  const evictedMs = clock.now() - diedMs - foundMs;
  assert.ok(evictedMs >= 299 * second && evictedMs <= 330 * second, `replaced after ${evictedMs} ms`);
  assert.deepEqual(await taintsOf("n2"), []);
  for (const beat of beats.values()) beat.stop();
  await cluster.close();
});

test("pods are called not ready once when their node falls silent, and never for what its kubelet says of the node", async () => {
  const cluster = await startTestCluster();
  const { client, clock } = cluster;
  const ready = (status: "True" | "False") => ({
    type: "strategic" as const,
    patch: { status: { conditions: [{ type: "Ready", status }] } },
  });
  const status = { subresource: "status" };
  const beats = new Map<string, { stop(): void }>();
  for (const name of ["silent", "unwell"]) {
    await cluster.addNode(name);
    beats.set(name, await cluster.keepAlive(name));
    await client.create(pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default" },
      // Nothing drives it off.
      spec: {
        nodeName: name,
        containers: [{ name: "web", image: "web:1" }],
        tolerations: [{ operator: "Exists" }],
      },
    });
    await client.patch(pods, { name, namespace: "default" }, ready("True"), status);
  }
  const podOf = async (name: string) => await client.get(pods, { name, namespace: "default" });
  await clock.advance(60 * second);

  const well = await podOf("unwell");
  await client.patch(nodes, { name: "unwell" }, ready("False"), status);
  beats.get("silent")?.stop();
  await cluster.until(async () => !isPodReady(await podOf("silent")));
  // Its kubelet lives after all: only the lease is late.
  const again = await client.patch(pods, { name: "silent", namespace: "default" }, ready("True"), status);
  await clock.advance(600 * second);
  const found = (await cluster.find(nodes, "silent"))?.status?.conditions?.find(
    ({ type }) => type === "Ready",
  );
  assert.equal(found?.status, "Unknown");
  assert.equal((await podOf("silent")).metadata.resourceVersion, again.metadata.resourceVersion);
  assert.equal((await podOf("unwell")).metadata.resourceVersion, well.metadata.resourceVersion);
  for (const beat of beats.values()) beat.stop();
  await cluster.close();
});

test("a daemon set follows the nodes as they come, and rolls out one node at a time (DaemonSet-RollingUpdate)", async () => {
  const cluster = await startTestCluster({
    kubelet: {
      readyAfterMs: () => 20 * second,
      nodeOf: (pod) =>
        pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]
          ?.matchFields?.[0]?.values?.[0] ?? "",
    },
  });
  const { client } = cluster;
  const beats = [];
  for (const name of ["n1", "n2", "n3"]) {
    await cluster.addNode(name);
    beats.push(await cluster.keepAlive(name));
  }
  const spec = (image: string) => ({
    selector: { matchLabels: webLabels },
    template: { metadata: { labels: webLabels }, spec: { containers: [{ name: "agent", image }] } },
  });
  const metadata = { name: "agent", namespace: "default" };
  await client.create(daemonSets, {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata,
    spec: spec("agent:1"),
  });
  const status = async () => (await cluster.find(daemonSets, "agent", "default"))?.status;
  await cluster.until(async () => (await status())?.numberAvailable === 3);
  await cluster.addNode("n4");
  beats.push(await cluster.keepAlive("n4"));
  await cluster.until(async () => (await status())?.numberAvailable === 4);

  const current = await client.get(daemonSets, metadata);
  await client.update(daemonSets, { ...current, spec: spec("agent:2") });
  let fewest = 4;
  await cluster.until(async () => {
    const now = await status();
    fewest = Math.min(fewest, now?.numberReady ?? 0);
    return now?.updatedNumberScheduled === 4 && now.numberAvailable === 4 && now.observedGeneration === 2;
  });
  assert.equal(fewest, 3);
  for (const beat of beats) beat.stop();
  await cluster.close();
});
