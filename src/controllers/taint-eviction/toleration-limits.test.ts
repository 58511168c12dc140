import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/core/types.generated.ts";
import { nodes, pods } from "../../api/resources.generated.ts";
import { startCluster } from "../../testing/index.ts";

const taint = { key: "kubernetes.io/e2e-evict-taint-key", value: "evictTaintVal", effect: "NoExecute" };

/** As upstream's createPodForTaintsTest: deletionGracePeriodSeconds of a new pod is nobody's to say. */
function tolerant(name: string, tolerationSeconds: number, nodeName?: string): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { group: "b" }, deletionGracePeriodSeconds: 1 },
    spec: {
      containers: [{ name: "pause", image: "pause:1" }],
      tolerations: [{ key: taint.key, value: taint.value, effect: taint.effect, tolerationSeconds }],
      ...(nodeName === undefined ? {} : { nodeSelector: { "kubernetes.io/hostname": nodeName } }),
    },
  };
}

test("Pod Eviction, Toleration limits: of two pods on a tainted node each goes when its own time is over", async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const { client } = cluster;
  const running = async (name: string) => {
    const isRunning = async () =>
      (await client.get(pods, { namespace: "default", name })).status?.phase === "Running";
    await cluster.until(isRunning);
    return client.get(pods, { namespace: "default", name });
  };
  const left = async () =>
    (await client.list(pods, { namespace: "default" })).items.map(({ metadata }) => metadata.name);
  await client.create(pods, tolerant("first", 5));
  const { nodeName = "" } = (await running("first")).spec;
  await client.create(pods, tolerant("second", 25, nodeName));
  assert.equal((await running("second")).spec.nodeName, nodeName);
  const taints = [
    { ...taint, timeAdded: new Date(cluster.clock.now()).toISOString().replace(/\.\d+Z/, "Z") },
  ];
  await client.patch(nodes, { name: nodeName }, { type: "strategic", patch: { spec: { taints } } });
  const taintedMs = cluster.clock.now();
  const seconds = () => (cluster.clock.now() - taintedMs) / 1000;
  await cluster.until(async () => (await left()).join() === "second");
  // Five seconds, and at most the pod's grace period beside them.
  assert.ok(seconds() >= 4 && seconds() <= 5 + 30, `first after ${seconds()} s`);
  await cluster.until(async () => (await left()).length === 0);
  assert.ok(seconds() >= 24 && seconds() <= 25 + 30, `second after ${seconds()} s`);
});

test("Taint, Pod Eviction on taint removal: who is still tolerated then stays", async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const { client } = cluster;
  await client.create(pods, tolerant("stays", 10));
  const name = { namespace: "default", name: "stays" };
  await cluster.until(async () => (await client.get(pods, name)).status?.phase === "Running");
  const node = { name: (await client.get(pods, name)).spec.nodeName ?? "" };
  await client.patch(nodes, node, { type: "strategic", patch: { spec: { taints: [taint] } } });
  await cluster.advance("5s");
  await client.patch(nodes, node, { type: "merge", patch: { spec: { taints: null } } });
  await cluster.advance("75s");
  assert.equal((await client.get(pods, name)).metadata.deletionTimestamp, undefined);
});
