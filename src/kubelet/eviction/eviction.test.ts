import assert from "node:assert/strict";
import { test } from "node:test";
import { nodes } from "../../api/resources.generated.ts";
import { isReady, statusOf, TestNode } from "../test-support/test-node.ts";

const low = 50 * 2 ** 20;

async function conditionOf(node: TestNode, type: string) {
  const { status } = await node.client.get(nodes, { name: "node-1" });
  return status?.conditions?.find((condition) => condition.type === type);
}

const using = (memory: string) => ({
  containers: [{ name: "c", image: "app:1", resources: { requests: { memory } } }],
});

test("When memory runs out the pod furthest beyond its request is evicted, and best-effort pods are refused", async () => {
  await using node = await TestNode.start({
    runtime: {
      behavior: (_, { metadata }) => ({
        memoryBytes: metadata.name === "greedy" ? 2e9 : 1e9,
        stopDelayMs: 600_000,
      }),
    },
  });
  await node.create("modest", using("1Gi"));
  await node.create("greedy", using("1Gi"));
  for (const name of ["modest", "greedy"]) await node.untilRunning(name);
  const before = node.host.usageNow;
  node.host.usageNow = { ...before, memoryAvailableBytes: low };
  const evicted = await node.untilPod("greedy", ({ status }) => status?.phase === "Failed", 30_000);
  node.host.usageNow = before;
  assert.equal(evicted.status?.reason, "Evicted");
  assert.match(
    evicted.status?.message ?? "",
    /^The node was low on resource: memory\. Threshold quantity: 100Mi, available: 51200Ki\. /,
  );
  const target = evicted.status?.conditions?.find(({ type }) => type === "DisruptionTarget");
  assert.equal(target?.reason, "TerminationByKubelet");
  assert.notEqual(statusOf(evicted).state?.terminated, undefined);
  await node.until(async () => (await conditionOf(node, "MemoryPressure"))?.status === "True", 15_000);
  await node.create("late");
  const late = await node.untilPod("late", ({ status }) => status?.phase === "Failed", 10_000);
  assert.equal(late.status?.message, "Pod was rejected: The node had condition: [MemoryPressure]. ");
  assert.ok(isReady(await node.pod("modest")));
  await node.until(async () => (await conditionOf(node, "MemoryPressure"))?.status === "False", 400_000);
  await node.create("later");
  await node.untilRunning("later");
});

test("A full disk is told at once, costs unused images, and is over five minutes after it is", async () => {
  await using node = await TestNode.start();
  await node.during(node.runtime.images.pullImage("unused:1"));
  await node.clock.advance(500_000);
  const before = node.host.usageNow;
  node.host.usageNow = { ...before, disk: { ...before.disk, availableBytes: 5e9 } };
  await node.until(async () => (await conditionOf(node, "DiskPressure"))?.status === "True", 15_000);
  assert.equal((await conditionOf(node, "DiskPressure"))?.reason, "KubeletHasDiskPressure");
  await node.until(async () => (await node.runtime.images.listImages()).length === 0, 5000);
  node.host.usageNow = before;
  await node.clock.advance(240_000);
  assert.equal((await conditionOf(node, "DiskPressure"))?.status, "True");
  await node.until(async () => (await conditionOf(node, "DiskPressure"))?.status === "False", 120_000);
});
