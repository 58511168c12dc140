import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "../api/core/types.generated.ts";
import { nodes, pods } from "../api/resources.generated.ts";
import { statusOf, TestNode } from "./test-support/test-node.ts";

const guaranteed = (name: string, cpu: string, memory: string, more: Partial<Container> = {}): Container => ({
  name,
  image: "app:1",
  resources: { requests: { cpu, memory }, limits: { cpu, memory } },
  ...more,
});

function resize(node: TestNode, name: string, changes: Readonly<Record<string, [string, string]>>) {
  const containers = Object.entries(changes).map(([container, [cpu, memory]]) => ({
    name: container,
    resources: { requests: { cpu, memory }, limits: { cpu, memory } },
  }));
  return node.client.patch(
    pods,
    { namespace: "default", name },
    { type: "strategic", patch: { spec: { containers } } },
    { subresource: "resize" },
  );
}

const condition = (pod: Pod, type: string) => pod.status?.conditions?.find((c) => c.type === type);

const settled = (pod: Pod) =>
  pod.status?.observedGeneration === pod.metadata.generation &&
  condition(pod, "PodResizeInProgress") === undefined &&
  condition(pod, "PodResizePending") === undefined;

for (const { name, changes } of [
  {
    name: "In-place Pod Resize, guaranteed pods with multiple containers, net increase",
    changes: { c1: ["200m", "200Mi"], c2: ["200m", "200Mi"], c3: ["50m", "50Mi"] },
  },
  {
    name: "In-place Pod Resize, guaranteed pods with multiple containers, net decrease",
    changes: { c1: ["110m", "110Mi"], c2: ["50m", "50Mi"], c3: ["50m", "50Mi"] },
  },
  {
    name: "In-place Pod Resize, guaranteed pods with multiple containers, various operations",
    changes: { c1: ["140m", "50Mi"], c2: ["50m", "240Mi"], c3: ["140m", "100Mi"] },
  },
] as const) {
  test(`${name}: limits change, nothing restarts`, async () => {
    await using node = await TestNode.start();
    await node.create("web", { containers: ["c1", "c2", "c3"].map((c) => guaranteed(c, "100m", "100Mi")) });
    const before = await node.untilRunning("web");
    assert.deepEqual(statusOf(before, "c1").resources, guaranteed("c1", "100m", "100Mi").resources);
    await resize(node, "web", changes as unknown as Record<string, [string, string]>);
    const after = await node.untilPod(
      "web",
      (pod) => settled(pod) && statusOf(pod, "c1").resources?.limits?.cpu === changes.c1[0],
    );
    for (const [container, [cpu, memory]] of Object.entries(changes)) {
      const status = statusOf(after, container);
      assert.deepEqual(status.resources, guaranteed(container, cpu, memory).resources);
      assert.deepEqual(status.allocatedResources, { cpu, memory });
      assert.equal(status.containerID, statusOf(before, container).containerID);
      assert.equal(status.restartCount, 0);
      const id = status.containerID?.split("://")[1] ?? "";
      const { resources } = await node.runtime.runtime.containerStatus(id);
      assert.equal(resources?.cpuQuota, Number.parseInt(cpu, 10) * 100);
      assert.equal(resources?.memoryLimitBytes, Number.parseInt(memory, 10) * 2 ** 20);
    }
    const total = Object.values(changes).reduce((sum, [cpu]) => sum + Number.parseInt(cpu, 10), 0);
    const [[, group] = []] = [...node.host.groups].filter(([path]) => path.includes("/pod"));
    assert.equal(group?.cpuQuotaUs, total * 100);
  });
}

test("A resize that the policy wants by restart replaces the container", async () => {
  await using node = await TestNode.start();
  const resizePolicy = [{ resourceName: "memory", restartPolicy: "RestartContainer" }];
  await node.create("web", { containers: [guaranteed("c", "100m", "100Mi", { resizePolicy })] });
  await node.untilRunning("web");
  await resize(node, "web", { c: ["200m", "100Mi"] });
  const first = await node.untilPod("web", (pod) => statusOf(pod).resources?.limits?.cpu === "200m");
  assert.equal(statusOf(first).restartCount, 0);
  await resize(node, "web", { c: ["200m", "200Mi"] });
  const second = await node.untilPod("web", (pod) => settled(pod) && statusOf(pod).restartCount === 1);
  assert.equal(statusOf(second).resources?.limits?.memory, "200Mi");
});

test("A resize beyond the node is refused, or infeasible where the API server knows no better; one beyond what is free waits", async () => {
  await using node = await TestNode.start();
  await node.create("other", { containers: [guaranteed("c", "4", "1Gi")] });
  await node.create("web", { containers: [guaranteed("c", "1", "1Gi")] });
  await node.untilRunning("other");
  await node.untilRunning("web");
  await assert.rejects(resize(node, "web", { c: ["9", "1Gi"] }), /cpu, requested: 9000, allocatable: 8000/);
  // As if the node had become smaller just now.
  const [found] = (await node.client.list(nodes)).items;
  const larger = { status: { allocatable: { cpu: "16" } } };
  const nodeName = { name: found?.metadata.name ?? "" };
  await node.client.patch(nodes, nodeName, { type: "merge", patch: larger }, { subresource: "status" });
  await resize(node, "web", { c: ["9", "1Gi"] });
  const infeasible = await node.untilPod("web", (pod) => condition(pod, "PodResizePending") !== undefined);
  assert.equal(condition(infeasible, "PodResizePending")?.reason, "Infeasible");
  assert.equal(
    condition(infeasible, "PodResizePending")?.message,
    "Node didn't have enough capacity: cpu, requested: 9000, capacity: 8000",
  );
  await resize(node, "web", { c: ["6", "1Gi"] });
  const deferred = await node.untilPod(
    "web",
    (pod) => condition(pod, "PodResizePending")?.reason === "Deferred",
  );
  assert.equal(statusOf(deferred).resources?.limits?.cpu, "1");
  await node.delete("other");
  const done = await node.untilPod(
    "web",
    (pod) => settled(pod) && statusOf(pod).resources?.limits?.cpu === "6",
  );
  assert.equal(statusOf(done).restartCount, 0);
});

test("A kubelet that comes back goes on with a resize asked for meanwhile", async () => {
  await using node = await TestNode.start();
  await node.create("web", { containers: [guaranteed("c", "1", "1Gi")] });
  const before = await node.untilRunning("web");
  await node.stopKubelet();
  await resize(node, "web", { c: ["2", "1Gi"] });
  node.startKubelet();
  const after = await node.untilPod(
    "web",
    (pod) => settled(pod) && statusOf(pod).resources?.limits?.cpu === "2",
  );
  assert.equal(statusOf(after).containerID, statusOf(before).containerID);
});

test("In-place Pod Resize, burtable pod with multiple containers and various operations: limits come, others go", async () => {
  await using node = await TestNode.start();
  const asking = (name: string, resources: Container["resources"]): Container =>
    resources === undefined ? { name, image: "app:1" } : { name, image: "app:1", resources };
  const requests = { cpu: "100m", memory: "100Mi" };
  const names = ["c1", "c2", "c3", "c4", "c5", "c6"];
  await node.create("web", {
    containers: [
      asking("c1", { requests }),
      asking("c2", { requests }),
      asking("c3", { requests, limits: { cpu: "200m", memory: "200Mi" } }),
      asking("c4", { requests: { cpu: "100m" } }),
      asking("c5", { requests: { memory: "100Mi" } }),
      asking("c6", { requests, limits: { cpu: "200m" } }),
    ],
  });
  const before = await node.untilRunning("web");
  const wanted: Readonly<Record<string, Container["resources"]>> = {
    c1: { requests: { cpu: "150m", memory: "150Mi" } },
    c2: { requests, limits: { cpu: "300m", memory: "300Mi" } },
    c3: { requests: { cpu: "50m", memory: "50Mi" }, limits: { cpu: "100m", memory: "250Mi" } },
    c4: { requests: { cpu: "100m", memory: "50Mi" } },
    c5: { requests: { cpu: "50m", memory: "100Mi" } },
    c6: { requests, limits: { cpu: "200m", memory: "150Mi" } },
  };
  const containers = names.map((name) => ({ name, resources: wanted[name] }));
  await node.client.patch(
    pods,
    { namespace: "default", name: "web" },
    { type: "strategic", patch: { spec: { containers } } },
    { subresource: "resize" },
  );
  const after = await node.untilPod(
    "web",
    (pod) => settled(pod) && statusOf(pod, "c1").resources?.requests?.cpu === "150m",
  );
  for (const name of names) {
    assert.deepEqual(statusOf(after, name).resources, wanted[name], name);
    assert.equal(statusOf(after, name).containerID, statusOf(before, name).containerID);
  }
});
