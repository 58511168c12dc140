import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "../api/core/types.generated.ts";
import { pods } from "../api/resources.generated.ts";
import type { BehaviorOf } from "./cri/sim/behavior.ts";
import { isReady, statusOf, TestNode } from "./test-support/test-node.ts";

const container = (name: string, more: Partial<Container> = {}): Container => ({
  name,
  image: "app:1",
  ...more,
});

/** Containers whose names begin with "ok" or "bad" end after a second; everything else runs on. */
const byName: BehaviorOf = ({ metadata: { name } }) =>
  name.startsWith("ok")
    ? { exitAfterMs: 1000 }
    : name.startsWith("bad")
      ? { exitAfterMs: 1000, exitCode: 1 }
      : {};

const start = () => TestNode.start({ runtime: { behavior: byName } });

for (const { title, restartPolicy, main, phase } of [
  {
    title: "init-container-starts-app-restartalways-pod",
    restartPolicy: "Always",
    main: "run",
    phase: "Running",
  },
  {
    title: "init-container-starts-app-restartnever-pod",
    restartPolicy: "Never",
    main: "ok",
    phase: "Succeeded",
  },
]) {
  test(`${title}: init containers run one after another, then the app`, async () => {
    await using node = await start();
    const initContainers = [container("ok-1"), container("ok-2")];
    await node.create("app", { restartPolicy, initContainers, containers: [container(main)] });
    const waiting = await node.untilPod("app", (pod) => statusOf(pod, "ok-1").state?.running !== undefined);
    assert.equal(waiting.status?.phase, "Pending");
    assert.equal(statusOf(waiting, main).state?.waiting?.reason, "PodInitializing");
    const initialized = waiting.status?.conditions?.find(({ type }) => type === "Initialized");
    assert.equal(initialized?.message, "containers with incomplete status: [ok-1 ok-2]");
    const pod = await node.untilPod("app", (p) => p.status?.phase === phase);
    const end = (name: string) => Date.parse(statusOf(pod, name).state?.terminated?.finishedAt ?? "");
    const begin = (name: string) => Date.parse(statusOf(pod, name).state?.terminated?.startedAt ?? "");
    assert.ok(begin("ok-2") >= end("ok-1"));
    for (const name of ["ok-1", "ok-2"]) {
      assert.equal(statusOf(pod, name).ready, true);
      assert.equal(statusOf(pod, name).restartCount, 0);
    }
  });
}

test("init-container-fails-stops-app-restartnever-pod: the app is never started", async () => {
  await using node = await start();
  const initContainers = [container("ok-1"), container("bad-2")];
  await node.create("app", { restartPolicy: "Never", initContainers, containers: [container("run")] });
  const pod = await node.untilPod("app", (p) => p.status?.phase === "Failed");
  assert.equal(statusOf(pod, "bad-2").state?.terminated?.exitCode, 1);
  assert.equal(statusOf(pod, "run").state?.waiting?.reason, "PodInitializing");
});

test("init-container-fails-stops-app-restartalways-pod: it is tried again and again", async () => {
  await using node = await start();
  const initContainers = [container("bad-1"), container("ok-2")];
  await node.create("app", { initContainers, containers: [container("run")] });
  const pod = await node.untilPod("app", (p) => statusOf(p, "bad-1").restartCount >= 3);
  assert.equal(pod.status?.phase, "Pending");
  assert.equal(statusOf(pod, "ok-2").state?.waiting?.reason, "PodInitializing");
  assert.equal(statusOf(pod, "run").state?.waiting?.reason, "PodInitializing");
});

test("A sidecar starts before the app, is restarted when it ends, and ends after the app", async () => {
  const ends: string[] = [];
  await using node: TestNode = await TestNode.start({
    runtime: {
      behavior: ({ metadata }) =>
        metadata.name === "side" && metadata.attempt === 0
          ? { exitAfterMs: 5000, exitCode: 1 }
          : { stopDelayMs: 500 },
    },
  });
  const initContainers = [container("side", { restartPolicy: "Always" })];
  await node.create("app", { initContainers, containers: [container("main")] });
  const pod = await node.untilPod("app", (p) => statusOf(p, "side").restartCount === 1 && isReady(p));
  assert.equal(statusOf(pod, "main").restartCount, 0);
  const watching = new AbortController();
  const seen = (async () => {
    for await (const event of node.runtime.runtime.events({ signal: watching.signal })) {
      if (event.type !== "stopped" || event.containerId === event.podSandboxId) continue;
      ends.push((await node.runtime.runtime.containerStatus(event.containerId)).metadata.name);
    }
  })();
  await node.delete("app");
  await node.until(async () => !(await node.exists("app")));
  watching.abort();
  await seen.catch(() => undefined);
  assert.deepEqual(ends, ["main", "side"]);
});

test("A job's sidecar does not keep it from succeeding", async () => {
  await using node = await start();
  const initContainers = [container("side", { restartPolicy: "Always" })];
  await node.create("job", { restartPolicy: "Never", initContainers, containers: [container("ok-main")] });
  const pod = await node.untilPod("job", (p) => p.status?.phase === "Succeeded");
  assert.notEqual(statusOf(pod, "side").state?.terminated, undefined);
});

for (const { title, hook } of [
  { title: "Pod Lifecycle, post start exec hook", hook: { exec: { command: ["hello"] } } },
  { title: "Pod Lifecycle, post start http hook", hook: { httpGet: { path: "/echo", port: 80 } } },
]) {
  test(`${title}: run with the container; one that fails ends it`, async () => {
    const calls: string[] = [];
    let fails = false;
    const outcome = () => ({ outcome: fails ? ("failure" as const) : ("success" as const), output: "" });
    await using node = await TestNode.start({
      runtime: {
        behavior: () => ({
          exec: (command) => {
            calls.push(command.join(" "));
            return { exitCode: fails ? 1 : 0 };
          },
        }),
      },
      network: {
        http: async ({ path }) => {
          calls.push(path);
          return outcome();
        },
        tcp: async () => outcome(),
        grpc: async () => outcome(),
      },
    });
    await node.create("good", { containers: [container("c", { lifecycle: { postStart: hook } })] });
    await node.untilRunning("good");
    assert.equal(calls.length, 1);
    fails = true;
    await node.create("bad", { containers: [container("c", { lifecycle: { postStart: hook } })] });
    const pod = await node.untilPod(
      "bad",
      (p) => statusOf(p).state?.waiting?.reason === "PostStartHookError",
    );
    assert.equal(isReady(pod), false);
    assert.ok((await node.eventsOf("bad")).some((event) => event.startsWith("FailedPostStartHook: ")));
  });
}

for (const { title, hook } of [
  { title: "Pod Lifecycle, prestop exec hook", hook: { exec: { command: ["bye"] } } },
  { title: "Pod Lifecycle, prestop http hook", hook: { httpGet: { path: "/bye", port: 80 } } },
]) {
  test(`${title}: run before the container is stopped (Pods, prestop hook)`, async () => {
    const calls: string[] = [];
    await using node = await TestNode.start({
      runtime: {
        behavior: () => ({
          exec: (command) => {
            calls.push(command.join(" "));
            return { exitCode: 0, delayMs: 3000 };
          },
        }),
      },
      network: {
        http: async ({ path }) => {
          calls.push(path);
          return { outcome: "success", output: "" };
        },
        tcp: async () => ({ outcome: "success", output: "" }),
        grpc: async () => ({ outcome: "success", output: "" }),
      },
    });
    await node.create("web", { containers: [container("c", { lifecycle: { preStop: hook } })] });
    await node.untilRunning("web");
    await node.delete("web");
    await node.until(async () => !(await node.exists("web")));
    assert.equal(calls.length, 1);
    assert.match(calls[0] ?? "", /bye/);
  });
}

test("An image that cannot be pulled: ErrImagePull, then ImagePullBackOff, and on once it can", async () => {
  let broken = true;
  await using node = await TestNode.start({
    runtime: { pullBehavior: () => (broken ? { error: "manifest unknown" } : {}) },
  });
  await node.create("web");
  const failed = await node.untilPod("web", (p) => statusOf(p).state?.waiting?.reason === "ErrImagePull");
  assert.equal(statusOf(failed).state?.waiting?.message, "manifest unknown");
  const held = await node.untilPod("web", (p) => statusOf(p).state?.waiting?.reason === "ImagePullBackOff");
  assert.equal(
    statusOf(held).state?.waiting?.message,
    'Back-off pulling image "app:1": ErrImagePull: manifest unknown',
  );
  assert.equal(held.status?.phase, "Pending");
  broken = false;
  await node.untilRunning("web");
});

for (const { title, image, policy, reason } of [
  { title: "absent with policy Never", image: "app:1", policy: "Never", reason: "ErrImageNeverPull" },
  { title: "badly named", image: "UPPER/case:1:2", policy: "Always", reason: "InvalidImageName" },
]) {
  test(`An image ${title} is told as ${reason}`, async () => {
    await using node = await TestNode.start();
    await node.create("web", { containers: [container("c", { image, imagePullPolicy: policy })] });
    await node.untilPod("web", (p) => statusOf(p).state?.waiting?.reason === reason, 5000);
  });
}

test("A container that cannot be started is told as RunContainerError and tried again", async () => {
  await using node = await TestNode.start({
    runtime: {
      behavior: ({ metadata }) => (metadata.attempt < 2 ? { startError: "exec: no such file" } : {}),
    },
  });
  await node.create("web");
  const pod = await node.untilPod("web", (p) => statusOf(p).state?.waiting?.reason === "RunContainerError");
  assert.equal(statusOf(pod).state?.waiting?.message, "exec: no such file");
  await node.untilRunning("web");
});

for (const { title } of [
  { title: "Ephemeral Container Creation" },
  { title: "Ephemeral Container, update ephemeral containers" },
]) {
  test(`${title}: it joins a running pod and is not restarted`, async () => {
    await using node = await start();
    await node.create("web");
    await node.untilRunning("web");
    for (const name of ["ok-debug", "debug-2"]) {
      const ephemeralContainers = [{ name, image: "tools:1", targetContainerName: "c" }];
      await node.client.patch(
        pods,
        { namespace: "default", name: "web" },
        { type: "strategic", patch: { spec: { ephemeralContainers } } },
        { subresource: "ephemeralcontainers" },
      );
    }
    const pod = await node.untilPod(
      "web",
      (p) =>
        p.status?.ephemeralContainerStatuses?.length === 2 &&
        statusOf(p, "debug-2").state?.running !== undefined &&
        statusOf(p, "ok-debug").state?.terminated !== undefined,
    );
    assert.equal(statusOf(pod).restartCount, 0);
    await node.clock.advance(60_000);
    assert.equal(statusOf(await node.pod("web"), "ok-debug").restartCount, 0);
  });
}
