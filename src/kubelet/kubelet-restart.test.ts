import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/core/types.generated.ts";
import { seededRandom } from "../base/random.ts";
import { CriError } from "./cri/cri-error.ts";
import { isReady, statusOf, TestNode } from "./test-support/test-node.ts";

const names = ["a", "b", "c"];
const probe = { httpGet: { port: 80 }, periodSeconds: 5 };
const spec: Partial<Pod["spec"]> = {
  initContainers: [{ name: "init", image: "app:1", command: ["true"] }],
  containers: [
    { name: "c", image: "app:1", startupProbe: probe, readinessProbe: probe, livenessProbe: probe },
  ],
};

test("A new kubelet adopts what runs: nothing restarts, and what was ready stays ready throughout", async () => {
  await using node = await TestNode.start();
  for (const name of names) await node.create(name, spec);
  const before = new Map<string, Pod>();
  for (const name of names) before.set(name, await node.untilRunning(name));
  await node.stopKubelet();
  await node.clock.advance(60_000);
  node.startKubelet();
  for (let round = 0; round < 12; round++) {
    await node.clock.advance(5000);
    for (const name of names) {
      const pod = await node.pod(name);
      assert.ok(isReady(pod), `${name} is ready ${round * 5} seconds after`);
      const [was, is] = [statusOf(before.get(name) as Pod), statusOf(pod)];
      assert.deepEqual([is.containerID, is.restartCount, is.started], [was.containerID, 0, true]);
    }
  }
});

test("What happened while the kubelet was away is told when it is back", async () => {
  await using node = await TestNode.start({
    runtime: {
      behavior: ({ metadata }) => (metadata.attempt === 0 ? { exitAfterMs: 5000, exitCode: 7 } : {}),
    },
  });
  await node.create("web");
  await node.untilRunning("web");
  await node.stopKubelet();
  await node.clock.advance(60_000);
  node.startKubelet();
  const pod = await node.untilPod("web", (p) => statusOf(p).restartCount === 1 && isReady(p));
  assert.equal(statusOf(pod).lastState?.terminated?.exitCode, 7);
});

test("Pods deleted while the kubelet was away leave nothing behind", async () => {
  await using node = await TestNode.start();
  for (const name of names) await node.create(name);
  for (const name of names) await node.untilRunning(name);
  const { uid } = (await node.pod("a")).metadata;
  await node.stopKubelet();
  await node.delete("a", 0);
  // Its sandbox was removed already when the kubelet died: only files and control groups are left.
  const gone = (await node.pod("b")).metadata.uid;
  await node.delete("b", 0);
  for (const { id, metadata } of await node.runtime.runtime.listPodSandboxes())
    if (metadata.uid === gone) await node.during(node.runtime.runtime.removePodSandbox(id));
  node.startKubelet();
  await node.until(async () => (await node.runtime.runtime.listPodSandboxes()).length === 1, 60_000);
  await node.clock.advance(1000);
  const left = [...node.host.directories, ...node.host.texts.keys(), ...node.host.groups.keys()];
  assert.deepEqual(
    left.filter((path) => path.includes(uid ?? "-") || path.includes(gone ?? "-")),
    [],
  );
  assert.ok(isReady(await node.pod("c")));
});

test("A pod that is being deleted when the kubelet dies is ended by the next one", async () => {
  await using node = await TestNode.start({ runtime: { behavior: () => ({ stopDelayMs: 3_600_000 }) } });
  await node.create("web", { terminationGracePeriodSeconds: 30 });
  await node.untilRunning("web");
  await node.delete("web");
  await node.clock.advance(5000);
  await node.stopKubelet();
  node.startKubelet();
  await node.until(async () => !(await node.exists("web")), 60_000);
  assert.deepEqual(await node.runtime.runtime.listPodSandboxes(), []);
});

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`With a runtime that fails one call in eight (seed ${seed}) all pods come to run, end and go`, async () => {
    const random = seededRandom(seed);
    let broken = false;
    const fault = (method: string) =>
      broken && method !== "Version" && random.next() < 0.125
        ? new CriError("Unavailable", "fault")
        : undefined;
    await using node = await TestNode.start({
      seed,
      runtime: {
        fault,
        behavior: ({ metadata }, { metadata: pod }) =>
          pod.name.startsWith("job") ? { exitAfterMs: 2000, exitCode: metadata.attempt < 1 ? 1 : 0 } : {},
      },
    });
    broken = true;
    for (const name of names) await node.create(name, spec);
    for (const name of ["job-1", "job-2"]) await node.create(name, { restartPolicy: "OnFailure" });
    for (const name of names) await node.untilRunning(name);
    for (const name of ["job-1", "job-2"]) await node.untilPod(name, (p) => p.status?.phase === "Succeeded");
    for (const name of [...names, "job-1", "job-2"]) await node.delete(name);
    for (const name of [...names, "job-1", "job-2"]) await node.until(async () => !(await node.exists(name)));
    broken = false;
    await node.clock.advance(180_000);
    assert.deepEqual(await node.runtime.runtime.listPodSandboxes(), []);
    assert.deepEqual(await node.runtime.runtime.listContainers(), []);
    assert.deepEqual(
      [...node.host.groups.keys()].filter((path) => path.includes("/pod")),
      [],
    );
  });
}

for (const { title, text, policy, exitCode, log, want } of [
  {
    title: "Container Runtime, TerminationMessage, from file of succeeding container",
    text: "OK",
    policy: "FallbackToLogsOnError",
    exitCode: 0,
    log: "stdout F noise",
    want: "OK",
  },
  {
    title: "Container Runtime, TerminationMessage, from log output of succeeding container",
    text: "",
    policy: "FallbackToLogsOnError",
    exitCode: 0,
    log: "stdout F noise",
    want: undefined,
  },
  {
    title: "Container Runtime, TerminationMessage, from container's log output of failing container",
    text: "",
    policy: "FallbackToLogsOnError",
    exitCode: 1,
    log: "stdout P DONE",
    want: "DONE",
  },
  {
    title: "A termination message from the log: lines end where their writer ended them, of both streams",
    text: "",
    policy: "FallbackToLogsOnError",
    exitCode: 1,
    log: "stdout F one\n2026-01-01T00:00:01Z stderr P two \n2026-01-01T00:00:01Z stderr F lines",
    want: "one\ntwo lines\n",
  },
] as const) {
  test(title, async () => {
    await using node: TestNode = await TestNode.start({
      runtime: {
        behavior: ({ mounts = [] }) => {
          const mount = mounts.find(({ containerPath }) => containerPath === "/dev/termination-log");
          node.host.texts.set(mount?.hostPath ?? "", text);
          return { exitAfterMs: 1000, exitCode };
        },
      },
    });
    await node.create("job", {
      restartPolicy: "Never",
      containers: [{ name: "c", image: "app:1", terminationMessagePolicy: policy }],
    });
    await node.untilPod("job", (p) => p.status?.phase === "Running");
    const { metadata } = await node.pod("job");
    const logPath = `/logs/default_job_${metadata.uid}/c/0.log`;
    node.host.texts.set(logPath, `2026-01-01T00:00:00.000000000Z ${log}\n`);
    const pod = await node.untilPod("job", (p) => statusOf(p).state?.terminated !== undefined);
    assert.equal(statusOf(pod).state?.terminated?.message, want);
  });
}
