import assert from "node:assert/strict";
import { test } from "node:test";
import { nodes, pods } from "../api/resources.generated.ts";
import { statusOf, TestNode } from "./test-support/test-node.ts";

const asking = (cpu: string, memory: string) => ({
  containers: [{ name: "c", image: "app:1", resources: { requests: { cpu, memory } } }],
});

for (const { name, first, second, reason, message } of [
  {
    name: "asks for more CPU than is left",
    first: asking("6", "1Gi"),
    second: asking("3", "1Gi"),
    reason: "OutOfcpu",
    message:
      "Pod was rejected: Node didn't have enough resource: cpu, requested: 3000, used: 6000, capacity: 8000",
  },
  {
    name: "asks for more memory than there is",
    first: asking("1", "1Gi"),
    second: asking("1", "64Gi"),
    reason: "OutOfmemory",
    message: `Pod was rejected: Node didn't have enough resource: memory, requested: ${64 * 2 ** 30}, used: ${2 ** 30}, capacity: ${32 * 2 ** 30}`,
  },
  {
    name: "selects another node",
    first: {},
    second: { nodeSelector: { disk: "ssd" } },
    reason: "NodeAffinity",
    message:
      "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  },
  {
    name: "wants a host port that is taken",
    first: { containers: [{ name: "c", image: "app:1", ports: [{ containerPort: 80, hostPort: 8080 }] }] },
    second: { containers: [{ name: "c", image: "app:1", ports: [{ containerPort: 81, hostPort: 8080 }] }] },
    reason: "NodePorts",
    message:
      "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  },
  {
    name: "sets a sysctl that is not safe",
    first: {},
    second: { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } },
    reason: "SysctlForbidden",
    message: 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
  },
]) {
  test(`A node refuses a pod that ${name}`, async () => {
    await using node = await TestNode.start();
    await node.create("first", first);
    await node.untilRunning("first");
    await node.create("second", second);
    const pod = await node.untilPod("second", ({ status }) => status?.phase === "Failed", 10_000);
    assert.equal(pod.status?.reason, reason);
    assert.equal(pod.status?.message, message);
    assert.equal((await node.runtime.runtime.listPodSandboxes()).length, 1);
    // It goes like any other ended pod.
    await node.delete("second");
    await node.until(async () => !(await node.exists("second")));
  });
}

test("A node takes no more pods than it may", async () => {
  await using node = await TestNode.start({ kubelet: { maxPods: 2 } });
  for (const name of ["a", "b"]) await node.create(name);
  for (const name of ["a", "b"]) await node.untilRunning(name);
  await node.create("c");
  const pod = await node.untilPod("c", ({ status }) => status?.phase === "Failed", 10_000);
  assert.equal(pod.status?.reason, "OutOfpods");
  // One that ended makes room.
  await node.delete("a");
  await node.until(async () => !(await node.exists("a")));
  await node.create("d");
  await node.untilRunning("d");
});

test("A kubelet that comes back sends none of its pods away, and counts them", async () => {
  await using node = await TestNode.start();
  await node.create("big", asking("6", "1Gi"));
  const before = await node.untilRunning("big");
  await node.stopKubelet();
  node.startKubelet();
  await node.create("other", asking("3", "1Gi"));
  await node.untilPod("other", ({ status }) => status?.reason === "OutOfcpu");
  const after = await node.pod("big");
  assert.equal(statusOf(after).containerID, statusOf(before).containerID);
});

test("A label that came a moment ago counts for affinity", async () => {
  await using node = await TestNode.start();
  await node.client.patch(
    nodes,
    { name: "node-1" },
    { type: "merge", patch: { metadata: { labels: { disk: "ssd" } } } },
  );
  await node.create("picky", { nodeSelector: { disk: "ssd" } });
  await node.untilRunning("picky");
  assert.equal((await node.client.list(pods, { namespace: "default" })).items.length, 1);
});
