import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/core/types.generated.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { type PodInfo, podInfoOf } from "../cache/pod-info.ts";
import type { ClusterEvent, RequeueRule } from "../framework/cluster-event.ts";
import { success, unresolvable } from "../framework/status.ts";
import { node, type PodTraits, pod } from "../test-support/objects.ts";
import { SchedulingQueue } from "./scheduling-queue.ts";

const rules = new Map<string, readonly RequeueRule<PodInfo>[]>([
  [
    "Fit",
    [
      { resource: "pods", action: "delete" },
      { resource: "nodes", action: "add" },
    ],
  ],
  [
    "Taint",
    [
      { resource: "nodes", action: "update-taints" },
      { resource: "target", action: "update-tolerations" },
    ],
  ],
  [
    "Picky",
    [{ resource: "nodes", action: "add", hint: (_, { object }) => object?.metadata.name === "right" }],
  ],
]);

const nodeAdded = (name = "n"): ClusterEvent => ({ resource: "nodes", actions: ["add"], object: node(name) });

/** A queue with a transcript: what comes out, by name. */
function setUp() {
  const clock = new VirtualClock({ startMs: 0 });
  const queue = new SchedulingQueue({
    clock,
    rules,
    preEnqueue: ({ pod }) => ({
      plugin: "Gates",
      verdict: (pod.spec.schedulingGates ?? []).length > 0 ? unresolvable("gated") : success,
    }),
  });
  const info = (name: string, traits: PodTraits = {}) => podInfoOf(pod(name, traits));
  const take = () => queue.pop()?.info.pod.metadata.name;
  const fail = (plugin: string) => {
    const next = queue.pop();
    assert.ok(next);
    queue.reject(next, new Set([plugin]));
  };
  return { clock, queue, info, take, fail, placeOf: (name: string) => queue.placeOf(`uid-${name}`) };
}

test("the queue hands out the higher priority first, then who came first", async () => {
  const { clock, queue, info, take } = setUp();
  queue.add(info("early"));
  await clock.advance(1);
  queue.add(info("late"));
  queue.add(info("urgent", { priority: 10 }));
  assert.deepEqual([take(), take(), take(), take()], ["urgent", "early", "late", undefined]);
});

test("a rejected pod waits for an event that its plugin has a rule for", async () => {
  const { clock, queue, info, take, fail, placeOf } = setUp();
  queue.add(info("p"));
  fail("Fit");
  await clock.advance(60_000);
  queue.notify({ resource: "nodes", actions: ["update-labels"], object: node("n") });
  assert.equal(placeOf("p"), "unschedulable");
  queue.notify(nodeAdded());
  assert.equal(placeOf("p"), "active");
  assert.equal(take(), "p");
});

test("a hint decides which events of its kind are worth an attempt", async () => {
  const { clock, queue, info, fail, placeOf } = setUp();
  queue.add(info("p"));
  fail("Picky");
  await clock.advance(60_000);
  queue.notify(nodeAdded("wrong"));
  assert.equal(placeOf("p"), "unschedulable");
  queue.notify(nodeAdded("right"));
  assert.equal(placeOf("p"), "active");
});

test("who comes back too soon backs off, longer each time, while others are to be tried", async () => {
  const { clock, queue, info, placeOf } = setUp();
  const p = queue.add(info("p"));
  const waits: number[] = [];
  for (let attempt = 0; attempt < 6; attempt++) {
    assert.equal(queue.pop(), p);
    queue.reject(p, new Set(["Fit"]));
    queue.notify(nodeAdded());
    const rejectedMs = clock.now();
    while (placeOf("p") !== "active") {
      await clock.advance(100);
      // Another pod is there to be tried, so that the back-off is waited for.
      const other = queue.add(info(`other-${clock.now()}`, { priority: 5 }));
      assert.notEqual(queue.pop(), p);
      queue.delete(other.info.uid);
    }
    waits.push(clock.now() - rejectedMs);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test("a pod that backs off is tried when nothing else is to do", () => {
  const { queue, info, take, fail, placeOf } = setUp();
  queue.add(info("p"));
  fail("Fit");
  queue.notify(nodeAdded());
  assert.equal(placeOf("p"), "backoff");
  assert.equal(take(), "p");
});

test("a failed attempt is repeated after its back-off and not before", async () => {
  const { clock, queue, info, take } = setUp();
  queue.add(info("p"));
  const next = queue.pop();
  assert.ok(next);
  queue.retry(next);
  await clock.advance(999);
  assert.equal(take(), undefined);
  await clock.advance(1);
  assert.equal(take(), "p");
});

test("a rejected pod whose promise was broken is tried again after its back-off", async () => {
  const { clock, queue, info, take, fail, placeOf } = setUp();
  queue.add(info("p"));
  fail("Fit");
  queue.disappoint("uid-p");
  assert.equal(placeOf("p"), "error-backoff");
  assert.equal(take(), undefined);
  await clock.advance(1000);
  assert.equal(take(), "p");
});

test("after five minutes an unschedulable pod is tried whatever happened", async () => {
  const { clock, queue, info, take, fail } = setUp();
  queue.add(info("p"));
  fail("Fit");
  await clock.advance(299_999);
  assert.equal(take(), undefined);
  await clock.advance(1);
  assert.equal(take(), "p");
  assert.equal(clock.pendingTimers, 0);
});

test("a change of the pod itself brings it back if it is about what rejected it", async () => {
  const { clock, queue, info, fail, placeOf } = setUp();
  queue.add(info("p"));
  fail("Taint");
  await clock.advance(60_000);
  const status = { phase: "Pending" };
  queue.update(podInfoOf({ ...pod("p"), status } as Pod));
  queue.update(info("p", { labels: { a: "b" } }));
  assert.equal(placeOf("p"), "unschedulable");
  queue.update(info("p", { labels: { a: "b" }, spec: { tolerations: [{ operator: "Exists" }] } }));
  assert.equal(placeOf("p"), "active");
});

test("a gated pod enters once its gates are open", () => {
  const { queue, info, take, placeOf } = setUp();
  queue.add(info("p", { spec: { schedulingGates: [{ name: "g" }] } }));
  queue.notify(nodeAdded());
  queue.disappoint("uid-p");
  assert.equal(placeOf("p"), "gated");
  assert.equal(take(), undefined);
  queue.update(info("p"));
  assert.equal(take(), "p");
});

test("a deleted pod does not come out, wherever it was", async () => {
  const { clock, queue, info, take, fail } = setUp();
  for (const name of ["active", "rejected", "failed"]) queue.add(info(name));
  assert.equal(take(), "active");
  fail("Fit");
  const failed = queue.pop();
  assert.ok(failed);
  queue.retry(failed);
  for (const name of ["active", "rejected", "failed"]) queue.delete(`uid-${name}`);
  queue.reject(failed, new Set(["Fit"]));
  await clock.advance(600_000);
  queue.notify(nodeAdded());
  assert.equal(take(), undefined);
  assert.equal(queue.size, 0);
  assert.equal(clock.pendingTimers, 0);
});
