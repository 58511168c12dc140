import assert from "node:assert/strict";
import { test } from "node:test";
import { nodes, pods } from "../api/resources.generated.ts";
import { startCluster } from "../testing/index.ts";

test("A pod that came before the first node is scheduled when a node comes", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const name = { namespace: "default", name: "early" };
  const spec = { containers: [{ name: "a", image: "a:1" }] };
  await cluster.client.create(pods, { apiVersion: "v1", kind: "Pod", metadata: name, spec });
  const condition = async () =>
    (await cluster.client.get(pods, name)).status?.conditions?.find(({ type }) => type === "PodScheduled");
  await cluster.until(async () => (await condition())?.message === "no nodes available to schedule pods");
  const allocatable = { cpu: "4", memory: "8Gi", pods: "110" };
  const ready = { type: "Ready", status: "True", reason: "KubeletReady", message: "" };
  const node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "late" },
    spec: {},
    status: { allocatable, conditions: [ready] },
  };
  await cluster.client.create(nodes, node);
  await cluster.client.patch(nodes, { name: "late" }, { type: "merge", patch: { spec: { taints: null } } });
  await cluster.until(async () => (await condition())?.status === "True", { timeout: "30s" });
  assert.equal((await cluster.client.get(pods, name)).spec.nodeName, "late");
});
