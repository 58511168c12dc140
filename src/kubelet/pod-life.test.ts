import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/core/types.generated.ts";
import { configMaps, pods, services } from "../api/resources.generated.ts";
import { retryOnConflict } from "../client/create-or-update.ts";
import { isReady, statusOf, TestNode } from "./test-support/test-node.ts";

const endsWith = (exitCode: number, afterMs = 1000) => ({
  behavior: () => ({ exitAfterMs: afterMs, exitCode }),
});

test("A pod runs: Running and ready, with addresses and container id (Pods, assigned hostip)", async () => {
  await using node = await TestNode.start();
  await node.create("web");
  const pod = await node.untilRunning("web");
  const status = statusOf(pod);
  assert.match(status.containerID ?? "", /^sim:\/\//);
  assert.equal(status.restartCount, 0);
  assert.equal(status.started, true);
  assert.match(pod.status?.podIP ?? "", /^10\.244\.0\./);
  assert.deepEqual(pod.status?.podIPs, [{ ip: pod.status?.podIP }]);
  assert.equal(pod.status?.hostIP, "10.95.0.1");
  assert.deepEqual(await node.eventsOf("web"), [
    'Pulling: Pulling image "app:1"',
    'Pulled: Successfully pulled image "app:1" in 500ms (500ms including waiting). Image size: 5000000 bytes.',
    "Created: Container created",
    "Started: Container started",
  ]);
});

test("A crash loop waits 0, 10, 20, 40 … at most 300 seconds between restarts, and says so", async () => {
  await using node = await TestNode.start({ runtime: endsWith(1) });
  await node.create("loop");
  const startedAt: number[] = [];
  for (let restart = 0; restart <= 7; restart++) {
    const pod = await node.untilPod("loop", (p) => {
      const [status] = p.status?.containerStatuses ?? [];
      return status?.restartCount === restart && status.state?.running !== undefined;
    });
    startedAt.push(Date.parse(statusOf(pod).state?.running?.startedAt ?? ""));
    if (restart === 2) {
      const waiting = await node.untilPod("loop", (p) => statusOf(p).state?.waiting !== undefined);
      const { state, lastState } = statusOf(waiting);
      assert.equal(state?.waiting?.reason, "CrashLoopBackOff");
      assert.match(
        state?.waiting?.message ?? "",
        /^back-off 20s restarting failed container=c pod=loop_default\(/,
      );
      assert.equal(lastState?.terminated?.exitCode, 1);
      assert.equal(waiting.status?.phase, "Running");
    }
  }
  const pauses = startedAt.slice(1).map((at, index) => Math.floor((at - (startedAt[index] ?? 0)) / 1000) - 1);
  // The API tells whole seconds: a pause may look one longer than it was.
  const wanted = [0, 10, 20, 40, 80, 160, 300];
  assert.ok(
    pauses.every((pause, index) => pause - (wanted[index] ?? 0) <= 1 && pause >= (wanted[index] ?? 0)),
    String(pauses),
  );
});

for (const { policy, exitCode, phase, restarts } of [
  { policy: "Never", exitCode: 0, phase: "Succeeded", restarts: 0 },
  { policy: "Never", exitCode: 3, phase: "Failed", restarts: 0 },
  { policy: "OnFailure", exitCode: 0, phase: "Succeeded", restarts: 0 },
]) {
  test(`Restart policy ${policy}: exit code ${exitCode} ends the pod as ${phase} (Container Runtime, Restart Policy, Pod Phases)`, async () => {
    await using node = await TestNode.start({ runtime: endsWith(exitCode) });
    await node.create("job", { restartPolicy: policy });
    const pod = await node.untilPod("job", (p) => p.status?.phase === phase);
    const { restartCount, state } = statusOf(pod);
    assert.equal(restartCount, restarts);
    assert.equal(state?.terminated?.exitCode, exitCode);
    assert.equal(state?.terminated?.reason, exitCode === 0 ? "Completed" : "Error");
    assert.equal(isReady(pod), false);
    // Ended means ended: nothing runs, and nothing is started again.
    await node.clock.advance(600_000);
    assert.equal(statusOf(await node.pod("job")).restartCount, restarts);
  });
}

test("Restart policy OnFailure restarts what failed until it succeeds", async () => {
  await using node = await TestNode.start({
    runtime: {
      behavior: ({ metadata }) => ({ exitAfterMs: 500, exitCode: metadata.attempt < 2 ? 1 : 0 }),
    },
  });
  await node.create("job", { restartPolicy: "OnFailure" });
  const pod = await node.untilPod("job", (p) => p.status?.phase === "Succeeded");
  assert.equal(statusOf(pod).restartCount, 2);
});

test("A deleted pod gets its grace period, then is killed, then is gone (Pods, lifecycle)", async () => {
  await using node = await TestNode.start({ runtime: { behavior: () => ({ stopDelayMs: 3_600_000 }) } });
  await node.create("slow", { terminationGracePeriodSeconds: 20 });
  await node.untilRunning("slow");
  await node.delete("slow");
  await node.clock.advance(18_000);
  assert.equal((await node.pod("slow")).metadata.deletionGracePeriodSeconds, 20);
  const before = node.clock.now();
  await node.until(async () => !(await node.exists("slow")));
  assert.ok(node.clock.now() - before < 4000, "gone soon after the grace period");
  assert.deepEqual(await node.runtime.runtime.listPodSandboxes(), []);
  assert.deepEqual(await node.runtime.runtime.listContainers(), []);
  assert.deepEqual(
    [...node.host.directories].filter((path) => path.startsWith("/kubelet/pods/")),
    [],
  );
  assert.deepEqual(
    [...node.host.groups.keys()].filter((path) => path.includes("/pod")),
    [],
  );
});

test("A second deletion with less time ends the wait of the first", async () => {
  await using node = await TestNode.start({ runtime: { behavior: () => ({ stopDelayMs: 3_600_000 }) } });
  await node.create("slow", { terminationGracePeriodSeconds: 600 });
  await node.untilRunning("slow");
  await node.delete("slow");
  await node.clock.advance(5000);
  assert.ok(await node.exists("slow"));
  await node.delete("slow", 3);
  await node.clock.advance(5000);
  assert.equal(await node.exists("slow"), false);
});

test("A pod deleted by force is gone from the API at once and from the node soon after", async () => {
  await using node = await TestNode.start({ runtime: { behavior: () => ({ stopDelayMs: 3_600_000 }) } });
  await node.create("slow", { terminationGracePeriodSeconds: 600 });
  await node.untilRunning("slow");
  await node.delete("slow", 0);
  assert.equal(await node.exists("slow"), false);
  await node.clock.advance(5000);
  assert.deepEqual(await node.runtime.runtime.listPodSandboxes(), []);
});

test("activeDeadlineSeconds ends a pod that still runs (Pods, ActiveDeadlineSeconds)", async () => {
  await using node = await TestNode.start();
  await node.create("late");
  await node.untilRunning("late");
  await node.client.patch(
    pods,
    { namespace: "default", name: "late" },
    { type: "merge", patch: { spec: { activeDeadlineSeconds: 5 } } },
  );
  const pod = await node.untilPod("late", (p) => p.status?.phase === "Failed", 20_000);
  assert.equal(pod.status?.reason, "DeadlineExceeded");
  assert.equal(pod.status?.message, "Pod was active on the node longer than the specified deadline");
  await node.untilPod("late", (p) => statusOf(p).state?.terminated !== undefined);
});

test("A container whose image changes is replaced, and counts as restarted (Pods, update)", async () => {
  await using node = await TestNode.start();
  await node.create("web");
  const first = statusOf(await node.untilRunning("web")).containerID;
  await node.client.patch(
    pods,
    { namespace: "default", name: "web" },
    { type: "strategic", patch: { spec: { containers: [{ name: "c", image: "app:2" }] } } },
  );
  const pod = await node.untilPod("web", (p) => statusOf(p).restartCount === 1 && isReady(p));
  assert.notEqual(statusOf(pod).containerID, first);
  assert.equal(statusOf(pod).image, "app:2");
  assert.ok(
    (await node.eventsOf("web")).includes("Killing: Container c definition changed, will be restarted"),
  );
});

test("A pod that lost its sandbox gets a new one with a new address", async () => {
  await using node = await TestNode.start();
  await node.create("web");
  const before = await node.untilRunning("web");
  const [sandbox] = await node.runtime.runtime.listPodSandboxes();
  await node.during(node.runtime.runtime.stopPodSandbox(sandbox?.id ?? ""));
  const after = await node.untilPod("web", (p) => isReady(p) && statusOf(p).restartCount === 1);
  assert.notEqual(after.status?.podIP, before.status?.podIP);
  assert.deepEqual(after.status?.podIPs, [{ ip: after.status?.podIP }]);
  assert.ok((await node.eventsOf("web")).some((event) => event.startsWith("SandboxChanged:")));
});

test("Pods Generation, updates: each change of the spec is one more, and the node has soon seen it", async () => {
  await using node = await TestNode.start();
  const containers = [{ name: "c", image: "app:1" }];
  await node.create("web", {
    initContainers: [{ name: "init", image: "init:1", command: ["true"] }],
    containers,
  });
  await node.untilRunning("web");
  const name = { namespace: "default", name: "web" };
  type Change = (pod: Pod) => Partial<Pod["spec"]>;
  const toleration = { key: "foo", operator: "Equal", value: "bar", effect: "NoSchedule" };
  const changes: readonly (readonly [Change, number])[] = [
    [() => ({}), 1],
    [() => ({ tolerations: [toleration] }), 2],
    [() => ({ activeDeadlineSeconds: 5000 }), 3],
    [({ spec }) => ({ containers: spec.containers.map((c) => ({ ...c, image: "app:2" })) }), 4],
    [
      ({ spec }) => ({ initContainers: spec.initContainers?.map((c) => ({ ...c, image: "init:2" })) ?? [] }),
      5,
    ],
  ];
  const update = (edit: (pod: Pod) => Pod) =>
    retryOnConflict(async () => node.client.update(pods, edit(await node.client.get(pods, name))));
  const observed = (generation: number) =>
    node.untilPod(
      "web",
      ({ metadata, status }) => {
        assert.equal(metadata.generation, generation);
        return status?.observedGeneration === generation;
      },
      20_000,
    );
  for (const [change, generation] of changes) {
    await update((pod) => ({ ...pod, spec: { ...pod.spec, ...change(pod) } }));
    await observed(generation);
  }
  await update((pod) => ({
    ...pod,
    metadata: { ...pod.metadata, annotations: { key: "value" }, generation: 1 },
  }));
  const tolerations = (await observed(5)).spec.tolerations ?? [];
  assert.deepEqual(tolerations.map(({ key }) => key).sort(), [
    "foo",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
  ]);
});

test("Pods Generation, 500 updates: the node has seen the last", async () => {
  await using node = await TestNode.start();
  await node.create("web", { activeDeadlineSeconds: 5000 });
  await node.untilRunning("web");
  const name = { namespace: "default", name: "web" };
  for (let round = 1; round < 500; round++)
    await node.client.patch(pods, name, {
      type: "merge",
      patch: { spec: { activeDeadlineSeconds: 5000 - round } },
    });
  const { metadata } = await node.untilPod("web", ({ status }) => status?.observedGeneration === 500);
  assert.equal(metadata.generation, 500);
});

test("Pods, service environment variables: those of the services that exist, in the container's environment", async () => {
  const environments = new Map<string, ReadonlyMap<string, string>>();
  await using node = await TestNode.start({
    runtime: {
      behavior: ({ envs = [] }, { metadata }) => {
        environments.set(metadata.name, new Map(envs.map(({ name, value }) => [name, value])));
        return {};
      },
    },
  });
  const service = await node.client.create(services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "fooservice", namespace: "default" },
    spec: { type: "ClusterIP", ports: [{ port: 8765, targetPort: 8080 }], selector: { app: "x" } },
  });
  await node.create("client");
  await node.untilRunning("client");
  await node.create("alone", { enableServiceLinks: false });
  await node.untilRunning("alone");
  const ip = service.spec?.clusterIP ?? "";
  const seen = environments.get("client");
  const wanted = {
    FOOSERVICE_SERVICE_HOST: ip,
    FOOSERVICE_SERVICE_PORT: "8765",
    FOOSERVICE_PORT: `tcp://${ip}:8765`,
    FOOSERVICE_PORT_8765_TCP: `tcp://${ip}:8765`,
    FOOSERVICE_PORT_8765_TCP_PROTO: "tcp",
    FOOSERVICE_PORT_8765_TCP_PORT: "8765",
    FOOSERVICE_PORT_8765_TCP_ADDR: ip,
  };
  for (const [name, value] of Object.entries(wanted)) assert.equal(seen?.get(name), value, name);
  assert.equal(environments.get("alone")?.has("FOOSERVICE_SERVICE_HOST"), false);
});

test("Pods, completes the lifecycle of a Pod and the PodStatus: another's condition stays, ours are ours", async () => {
  await using node = await TestNode.start();
  await node.create("web", {}, { labels: { stage: "created" } });
  await node.untilRunning("web");
  const name = { namespace: "default", name: "web" };
  await node.client.patch(pods, name, {
    type: "merge",
    patch: { metadata: { labels: { stage: "patched" } } },
  });
  const conditions = [{ type: "TestCondition", status: "True", reason: "Set", message: "by a test" }];
  await node.client.patch(
    pods,
    name,
    { type: "strategic", patch: { status: { conditions } } },
    { subresource: "status" },
  );
  await node.client.patch(pods, name, {
    type: "strategic",
    patch: { spec: { containers: [{ name: "c", image: "app:2" }] } },
  });
  const pod = await node.untilPod("web", (p) => statusOf(p).restartCount === 1 && isReady(p));
  assert.equal(pod.status?.conditions?.find(({ type }) => type === "TestCondition")?.message, "by a test");
  assert.equal(pod.metadata.labels?.stage, "patched");
  await node.delete("web");
  await node.until(async () => !(await node.exists("web")));
});

test("EmptyDir Wrapper Volume, ConfigMap volumes, no race: fifty volumes of a pod, several pods at once", async () => {
  await using node = await TestNode.start();
  const names = Array.from({ length: 50 }, (_, index) => `cm-${index}`);
  for (const name of names) {
    const metadata = { name, namespace: "default" };
    await node.client.create(configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: { key: name },
    });
  }
  const volumes = names.map((name) => ({ name: `v-${name}`, configMap: { name } }));
  const volumeMounts = names.map((name) => ({ name: `v-${name}`, mountPath: `/etc/${name}` }));
  const all = ["a", "b", "c", "d", "e"];
  for (const pod of all)
    await node.create(pod, { volumes, containers: [{ name: "c", image: "app:1", volumeMounts }] });
  for (const pod of all) await node.untilRunning(pod);
  assert.equal(node.host.volumes.size, all.length * names.length);
  for (const [path, payload] of node.host.volumes) {
    const text = new TextDecoder().decode(payload.get("key")?.bytes);
    assert.ok(path.endsWith(`/v-${text}`), path);
  }
});
