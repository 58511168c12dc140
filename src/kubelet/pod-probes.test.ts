import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "../api/core/types.generated.ts";
import type { ContainerBehavior } from "./cri/sim/behavior.ts";
import { isReady, statusOf, TestNode } from "./test-support/test-node.ts";

const tcp = { tcpSocket: { port: 80 } };
const http = { httpGet: { path: "/healthz", port: 80 } };
const grpc = { grpc: { port: 80 } };
const exec = { exec: { command: ["cat", "/tmp/health"] } };

async function nodeWith(behavior: ContainerBehavior): Promise<TestNode> {
  return TestNode.start({ runtime: { behavior: () => behavior } });
}

const probed = (more: Partial<Container>) => ({
  terminationGracePeriodSeconds: 1,
  containers: [{ name: "c", image: "app:1", ...more }],
});

for (const { title, handler } of [
  { title: "Pod liveness probe, using http endpoint, restart", handler: http },
  { title: "Pod liveness probe, using grpc call, failure", handler: grpc },
  { title: "Pod liveness probe, using local file, restart", handler: exec },
]) {
  test(title, async () => {
    const exitCode = (node: () => TestNode) => (node().clock.now() - started > 20_000 ? 1 : 0);
    let started = Number.POSITIVE_INFINITY;
    await using node: TestNode = await nodeWith({
      unreadyAfterMs: 20_000,
      exec: () => ({ exitCode: exitCode(() => node), stderr: "no such file" }),
    });
    await node.create(
      "web",
      probed({ livenessProbe: { ...handler, periodSeconds: 1, failureThreshold: 1 } }),
    );
    const pod = await node.untilRunning("web");
    started = Date.parse(statusOf(pod).state?.running?.startedAt ?? "");
    await node.clock.advance(15_000);
    assert.equal(statusOf(await node.pod("web")).restartCount, 0);
    await node.untilPod("web", (p) => statusOf(p).restartCount === 1, 30_000);
    const events = await node.eventsOf("web");
    assert.ok(events.some((event) => event.startsWith("Unhealthy: Liveness probe failed:")));
    assert.ok(events.includes("Killing: Container c failed liveness probe, will be restarted"));
  });
}

for (const { title, handler } of [
  { title: "Pod liveness probe, using http endpoint, failure", handler: http },
  { title: "Pod liveness probe, using grpc call, success", handler: grpc },
  { title: "Pod liveness probe, using local file, no restart", handler: exec },
  { title: "Pod liveness probe, using tcp socket, no restart", handler: tcp },
]) {
  test(`${title}: what answers is left alone`, async () => {
    await using node = await nodeWith({});
    await node.create(
      "web",
      probed({ livenessProbe: { ...handler, initialDelaySeconds: 15, failureThreshold: 1 } }),
    );
    await node.untilRunning("web");
    await node.clock.advance(240_000);
    assert.equal(statusOf(await node.pod("web")).restartCount, 0);
  });
}

test("Pod liveness probe, using http endpoint, multiple restarts (slow)", async () => {
  await using node = await nodeWith({ unreadyAfterMs: 3000 });
  await node.create("web", probed({ livenessProbe: { ...http, periodSeconds: 1, failureThreshold: 1 } }));
  let seen = 0;
  await node.untilPod(
    "web",
    (pod) => {
      const { restartCount } = pod.status?.containerStatuses?.[0] ?? { restartCount: 0 };
      assert.ok(restartCount >= seen, "never fewer restarts than before");
      seen = restartCount;
      return restartCount === 5;
    },
    600_000,
  );
});

test("A container that a probe condemned stays down where the policy is Never", async () => {
  await using node = await nodeWith({ unreadyAfterMs: 3000, stopExitCode: 0 });
  const spec = probed({ livenessProbe: { ...http, periodSeconds: 1, failureThreshold: 1 } });
  await node.create("web", { ...spec, restartPolicy: "Never" });
  const pod = await node.untilPod(
    "web",
    (p) => p.status?.phase === "Succeeded" || p.status?.phase === "Failed",
  );
  assert.equal(statusOf(pod).restartCount, 0);
});

test("Pod readiness probe, with initial delay: not ready before it, and never restarted", async () => {
  await using node = await nodeWith({});
  await node.create(
    "web",
    probed({ readinessProbe: { ...http, initialDelaySeconds: 30, periodSeconds: 5 } }),
  );
  const pod = await node.untilRunning("web");
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
  const startedMs = Date.parse(statusOf(pod).state?.running?.startedAt ?? "");
  assert.ok(Date.parse(ready?.lastTransitionTime ?? "") - startedMs >= 30_000);
  assert.equal(statusOf(pod).restartCount, 0);
});

test("Pod readiness probe, failure: never ready, never restarted", async () => {
  await using node = await nodeWith({ readyAfterMs: Number.POSITIVE_INFINITY });
  await node.create("web", probed({ readinessProbe: { ...http, periodSeconds: 5 } }));
  await node.untilPod("web", (p) => p.status?.phase === "Running");
  for (let minute = 0; minute < 5; minute++) {
    await node.clock.advance(60_000);
    const pod = await node.pod("web");
    assert.equal(isReady(pod), false);
    assert.equal(statusOf(pod).restartCount, 0);
  }
});

test("Readiness comes and goes with the probe, by its thresholds", async () => {
  await using node = await nodeWith({ readyAfterMs: 12_000, unreadyAfterMs: 40_000 });
  await node.create(
    "web",
    probed({ readinessProbe: { ...http, periodSeconds: 2, successThreshold: 2, failureThreshold: 3 } }),
  );
  const up = await node.untilRunning("web");
  const startedMs = Date.parse(statusOf(up).state?.running?.startedAt ?? "");
  const upAfterMs = node.clock.now() - startedMs;
  assert.ok(upAfterMs >= 14_000 && upAfterMs < 18_000, `ready after ${upAfterMs} ms`);
  await node.untilPod("web", (pod) => !isReady(pod));
  const downAfterMs = node.clock.now() - startedMs;
  assert.ok(downAfterMs >= 44_000 && downAfterMs < 49_000, `unready after ${downAfterMs} ms`);
});

test("Until the startup probe succeeds no other probe counts, and the container has not started", async () => {
  await using node = await nodeWith({ readyAfterMs: 30_000 });
  await node.create(
    "slow",
    probed({
      startupProbe: { ...http, periodSeconds: 5, failureThreshold: 10 },
      livenessProbe: { ...http, periodSeconds: 1, failureThreshold: 1 },
      readinessProbe: { ...http, periodSeconds: 1 },
    }),
  );
  await node.untilPod("slow", (pod) => pod.status?.phase === "Running");
  await node.clock.advance(20_000);
  const early = statusOf(await node.pod("slow"));
  assert.deepEqual([early.started, early.ready, early.restartCount], [false, false, 0]);
  const late = statusOf(await node.untilRunning("slow"));
  assert.deepEqual([late.started, late.ready, late.restartCount], [true, true, 0]);
});

test("A startup probe that never succeeds ends the container", async () => {
  await using node = await nodeWith({ readyAfterMs: Number.POSITIVE_INFINITY });
  await node.create("stuck", probed({ startupProbe: { ...http, periodSeconds: 2, failureThreshold: 3 } }));
  await node.untilPod("stuck", (pod) => pod.status?.containerStatuses?.[0]?.restartCount === 1, 60_000);
  assert.ok(
    (await node.eventsOf("stuck")).includes("Killing: Container c failed startup probe, will be restarted"),
  );
});

test("A pod with a startup probe that is being deleted goes on being started and ready until it ends", async () => {
  await using node = await nodeWith({ stopDelayMs: 20_000 });
  const probe = { ...http, periodSeconds: 1 };
  const spec = probed({ startupProbe: probe, readinessProbe: probe });
  await node.create("web", { ...spec, terminationGracePeriodSeconds: 60 });
  await node.untilRunning("web");
  await node.delete("web");
  await node.clock.advance(5000);
  assert.deepEqual([statusOf(await node.pod("web")).started, isReady(await node.pod("web"))], [true, true]);
});

test("While a pod ends, what becomes of its containers and of its readiness is told", async () => {
  await using node = await TestNode.start({
    runtime: {
      behavior: ({ metadata }) =>
        metadata.name === "quick" ? { stopDelayMs: 1000 } : { stopDelayMs: 60_000, unreadyAfterMs: 40_000 },
    },
  });
  const readinessProbe = { ...http, periodSeconds: 1, failureThreshold: 1 };
  await node.create("web", {
    terminationGracePeriodSeconds: 120,
    containers: [
      { name: "quick", image: "app:1" },
      { name: "slow", image: "app:1", readinessProbe },
    ],
  });
  const pod = await node.untilRunning("web");
  const startedMs = Date.parse(statusOf(pod, "slow").state?.running?.startedAt ?? "");
  await node.delete("web");
  await node.untilPod("web", (p) => statusOf(p, "quick").state?.terminated !== undefined, 5000);
  assert.equal(statusOf(await node.pod("web"), "slow").ready, true);
  await node.untilPod("web", (p) => !statusOf(p, "slow").ready, 60_000);
  assert.ok(node.clock.now() - startedMs < 45_000);
  assert.notEqual(statusOf(await node.pod("web"), "slow").state?.running, undefined);
});
