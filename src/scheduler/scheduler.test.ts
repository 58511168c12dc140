import assert from "node:assert/strict";
import { test } from "node:test";
import { nodes, pods } from "../api/resources.generated.ts";
import { startSchedulerCluster } from "./test-support/cluster.ts";
import { node, pod } from "./test-support/objects.ts";

test("a pod is bound to a node that fits, and says so in an event", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(node("small", { allocatable: { cpu: "1" } }), node("large"));
    await cluster.create(pod("web", { requests: { cpu: "2" } }));
    await cluster.untilBound("web");
    const bound = await cluster.pod("web");
    assert.equal(bound.spec.nodeName, "large");
    assert.equal(bound.status?.conditions?.find(({ type }) => type === "PodScheduled")?.status, "True");
    assert.deepEqual(await cluster.events("web", "Scheduled"), [
      "Successfully assigned default/web to large",
    ]);
    const record = cluster.scheduler.explain("default/web");
    assert.equal(record?.chosen?.node, "large");
    assert.deepEqual(record?.rejectedBy, { NodeResourcesFit: 1 });
  } finally {
    await cluster.close();
  }
});

test("a pod that fits nowhere waits with the reasons in its status until a node is added [Scheduler, resource limits]", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(
      node("small", { allocatable: { cpu: "1" } }),
      node("tainted", { taints: [{ key: "dedicated", value: "gpu", effect: "NoSchedule" }] }),
      node("cordoned", { unschedulable: true }),
    );
    await cluster.create(pod("web", { requests: { cpu: "2" } }));
    const scheduled = async () =>
      (await cluster.pod("web")).status?.conditions?.find(({ type }) => type === "PodScheduled");
    await cluster.until(async () => (await scheduled())?.reason === "Unschedulable");
    const condition = await scheduled();
    assert.equal(condition?.status, "False");
    assert.match(
      condition?.message ?? "",
      /^0\/3 nodes are available: 1 Insufficient cpu, 1 node\(s\) had untolerated taint\(s\), 1 node\(s\) were unschedulable\./,
    );
    assert.deepEqual(await cluster.events("web", "FailedScheduling"), [condition?.message]);
    const record = cluster.scheduler.explain("default/web");
    assert.equal(record?.message, condition?.message);
    assert.deepEqual(
      record?.rejections.map(({ node, plugin, detail }) => [node, plugin, detail]),
      [
        ["small", "NodeResourcesFit", "cpu: 2000 wanted, 1000 left"],
        ["tainted", "TaintToleration", "dedicated=gpu:NoSchedule"],
        ["cordoned", "NodeUnschedulable", undefined],
      ],
    );
    await cluster.create(node("large"));
    await cluster.untilBound("web");
    assert.equal(await cluster.nodeOf("web"), "large");
  } finally {
    await cluster.close();
  }
});

test("a pod without nodes is told that there are none", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(pod("web"));
    await cluster.until(async () => (await cluster.events("web", "FailedScheduling")).length > 0);
    assert.deepEqual(await cluster.events("web", "FailedScheduling"), [
      "no nodes available to schedule pods",
    ]);
  } finally {
    await cluster.close();
  }
});

test("a waiting pod gets the room of one that is deleted", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(node("only"));
    await cluster.create(pod("first", { requests: { cpu: "3" } }));
    await cluster.untilBound("first");
    await cluster.create(pod("second", { requests: { cpu: "3" } }));
    await cluster.until(async () => (await cluster.events("second", "FailedScheduling")).length > 0);
    await cluster.client.delete(pods, { namespace: "default", name: "first" }, { gracePeriodSeconds: 0 });
    await cluster.untilBound("second");
  } finally {
    await cluster.close();
  }
});

test("pods with gates or of another scheduler are left alone", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(node("only"));
    await cluster.create(pod("gated", { spec: { schedulingGates: [{ name: "example.com/wait" }] } }));
    await cluster.create(pod("foreign", { spec: { schedulerName: "other" } }));
    await cluster.create(pod("plain"));
    await cluster.untilBound("plain");
    await cluster.clock.advance(60_000);
    assert.equal(await cluster.nodeOf("gated"), "");
    assert.equal(await cluster.nodeOf("foreign"), "");
    const gated = await cluster.pod("gated");
    assert.equal(
      gated.status?.conditions?.find(({ type }) => type === "PodScheduled")?.reason,
      "SchedulingGated",
    );
    const patch = [{ op: "remove", path: "/spec/schedulingGates" }];
    await cluster.client.patch(
      pods,
      { namespace: "default", name: "gated" },
      { type: "json", operations: patch },
    );
    await cluster.untilBound("gated");
  } finally {
    await cluster.close();
  }
});

test("a node that is uncordoned takes the pods that waited", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(node("only", { unschedulable: true }));
    await cluster.create(pod("web"));
    await cluster.until(async () => (await cluster.events("web", "FailedScheduling")).length > 0);
    await cluster.client.patch(
      nodes,
      { name: "only" },
      { type: "merge", patch: { spec: { unschedulable: null } } },
    );
    await cluster.untilBound("web");
  } finally {
    await cluster.close();
  }
});

test("a hundred pods are spread evenly over ten nodes and none is overcommitted", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(...Array.from({ length: 10 }, (_, at) => node(`node-${at}`)));
    const names = Array.from({ length: 100 }, (_, at) => `web-${at}`);
    await cluster.create(...names.map((name) => pod(name, { requests: { cpu: "400m", memory: "100Mi" } })));
    await cluster.untilBound(...names);
    const counts = new Map<string, number>();
    for (const name of names) {
      const on = (await cluster.nodeOf(name)) ?? "";
      counts.set(on, (counts.get(on) ?? 0) + 1);
    }
    assert.deepEqual([...counts.values()], new Array(10).fill(10));
  } finally {
    await cluster.close();
  }
});
