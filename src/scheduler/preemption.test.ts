import assert from "node:assert/strict";
import { test } from "node:test";
import { podCondition } from "../api/core/pod-conditions.ts";
import { podDisruptionBudgets, pods } from "../api/resources.generated.ts";
import { forbidden } from "../apimachinery/api-error.ts";
import { startSchedulerCluster } from "./test-support/cluster.ts";
import { node, pod } from "./test-support/objects.ts";

const cpu = (amount: string) => ({ cpu: amount });

async function fullCluster() {
  const cluster = await startSchedulerCluster();
  await cluster.create(node("a"), node("b"));
  await cluster.create(pod("low", { requests: cpu("3"), priority: 1 }));
  await cluster.untilBound("low");
  await cluster.create(pod("middle", { requests: cpu("3"), priority: 5 }));
  await cluster.untilBound("middle");
  return cluster;
}

test("a more important pod takes the place of the least important one [Scheduler, Basic Preemption]", async () => {
  const cluster = await fullCluster();
  try {
    const place = await cluster.nodeOf("low");
    await cluster.create(pod("high", { requests: cpu("3"), priority: 10 }));
    await cluster.until(async () => (await cluster.pod("low")).metadata.deletionTimestamp !== undefined);
    // [Verify the DisruptionTarget condition is added to the preempted pod]
    const disruption = podCondition(await cluster.pod("low"), "DisruptionTarget");
    assert.equal(disruption?.status, "True");
    assert.equal(disruption?.reason, "PreemptionByScheduler");
    assert.equal(disruption?.message, "default-scheduler: preempting to accommodate a higher priority pod");
    const high = await cluster.pod("high");
    assert.equal(high.status?.nominatedNodeName, place);
    assert.deepEqual(await cluster.events("low", "Preempted"), [
      `Preempted by pod ${high.metadata.uid} on node ${place}`,
    ]);
    await cluster.finishDeletions();
    await cluster.untilBound("high");
    assert.equal(await cluster.nodeOf("high"), place);
    assert.equal((await cluster.pod("middle")).metadata.deletionTimestamp, undefined);
  } finally {
    await cluster.close();
  }
});

test("a critical pod preempts a less important one [Scheduler, Preemption for critical pod]", async () => {
  const cluster = await fullCluster();
  try {
    const spec = { priorityClassName: "system-cluster-critical" };
    await cluster.create(pod("critical", { requests: cpu("3"), priority: 2_000_000_000, spec }));
    await cluster.until(async () => (await cluster.pod("low")).metadata.deletionTimestamp !== undefined);
    await cluster.finishDeletions();
    await cluster.untilBound("critical");
  } finally {
    await cluster.close();
  }
});

test("the preempted pod carries its condition until its finalizer lets it go [Verify the DisruptionTarget condition is added to the preempted pod]", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(node("only"));
    const metadata = { name: "victim", namespace: "default", finalizers: ["example.com/test-finalizer"] };
    await cluster.create(pod("victim", { requests: cpu("4"), priority: 1, metadata }));
    await cluster.untilBound("victim");
    await cluster.create(pod("high", { requests: cpu("4"), priority: 10 }));
    await cluster.until(async () => (await cluster.pod("victim")).metadata.deletionTimestamp !== undefined);
    await cluster.finishDeletions();
    const victim = await cluster.pod("victim");
    assert.equal(podCondition(victim, "DisruptionTarget")?.reason, "PreemptionByScheduler");
    assert.equal(await cluster.nodeOf("high"), "");
    const name = { namespace: "default", name: "victim" };
    await cluster.client.patch(pods, name, { type: "merge", patch: { metadata: { finalizers: null } } });
    await cluster.finishDeletions();
    await cluster.untilBound("high");
  } finally {
    await cluster.close();
  }
});

test("room that was made for a pod is not taken by a less important one", async () => {
  const cluster = await fullCluster();
  try {
    await cluster.create(pod("high", { requests: cpu("3"), priority: 10 }));
    await cluster.until(async () => (await cluster.pod("low")).metadata.deletionTimestamp !== undefined);
    await cluster.create(pod("late", { requests: cpu("3"), priority: 3 }));
    await cluster.until(async () => (await cluster.events("late", "FailedScheduling")).length > 0);
    await cluster.finishDeletions();
    await cluster.untilBound("high");
    await cluster.clock.advance(30_000);
    assert.equal(await cluster.nodeOf("late"), "");
  } finally {
    await cluster.close();
  }
});

test("a pod that must not preempt is told so, one that nobody makes room for too", async () => {
  const cluster = await fullCluster();
  try {
    await cluster.create(
      pod("polite", { requests: cpu("3"), priority: 10, spec: { preemptionPolicy: "Never" } }),
    );
    await cluster.create(pod("least", { requests: cpu("3"), priority: 0 }));
    await cluster.create(pod("huge", { requests: cpu("100"), priority: 10 }));
    await cluster.until(async () => (await cluster.events("huge", "FailedScheduling")).length > 0);
    const short = "0/2 nodes are available: 2 Insufficient cpu.";
    assert.deepEqual(await cluster.events("polite", "FailedScheduling"), [
      `${short} preemption: not eligible due to preemptionPolicy=Never.`,
    ]);
    assert.deepEqual(await cluster.events("least", "FailedScheduling"), [
      `${short} preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.`,
    ]);
    assert.deepEqual(await cluster.events("huge", "FailedScheduling"), [
      `${short} preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.`,
    ]);
  } finally {
    await cluster.close();
  }
});

test("victims are sought where no disruption budget is broken", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(node("a"));
    await cluster.create(pod("guarded", { requests: cpu("3"), priority: 1, labels: { app: "db" } }));
    await cluster.untilBound("guarded");
    await cluster.create(node("b"));
    await cluster.create(pod("loose", { requests: cpu("3"), priority: 2 }));
    await cluster.untilBound("loose");
    await cluster.client.create(podDisruptionBudgets, {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "db", namespace: "default" },
      spec: { minAvailable: 1, selector: { matchLabels: { app: "db" } } },
    });
    await cluster.clock.settle();
    await cluster.create(pod("high", { requests: cpu("3"), priority: 10 }));
    await cluster.until(async () => (await cluster.pod("high")).status?.nominatedNodeName !== undefined);
    assert.equal((await cluster.pod("high")).status?.nominatedNodeName, "b");
    assert.equal((await cluster.pod("guarded")).metadata.deletionTimestamp, undefined);
  } finally {
    await cluster.close();
  }
});

test("where victims cannot be deleted, the attempts back off and say so", async () => {
  let deletions = 0;
  const cluster = await startSchedulerCluster({
    faults: (client) =>
      new Proxy(client, {
        get(target, name) {
          if (name === "delete")
            return async () => {
              deletions++;
              throw forbidden({ group: "", resource: "pods" }, "victim", "not allowed");
            };
          const member = Reflect.get(target, name) as unknown;
          return typeof member === "function" ? member.bind(target) : member;
        },
      }),
  });
  try {
    await cluster.create(node("only"));
    await cluster.create(pod("victim", { requests: cpu("3"), priority: 1 }));
    await cluster.untilBound("victim");
    await cluster.create(pod("high", { requests: cpu("3"), priority: 10 }));
    await cluster.clock.advance(60_000);
    assert.ok(deletions >= 3 && deletions <= 12, `${deletions} deletions in a minute`);
  } finally {
    await cluster.close();
  }
});
