import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/core/types.generated.ts";
import type { StartFailure } from "./container-statuses.ts";
import { generatePodStatus } from "./pod-status.ts";
import type { RuntimePodStatus } from "./runtime-pod.ts";
import { containerNamed, instance, podWith, runtimeWith } from "./test-support/records.ts";

interface Extra {
  readonly failure?: StartFailure;
  readonly readiness?: "success" | "failure";
  readonly isTerminal?: boolean;
}

function statusOf(pod: Pod, runtime: RuntimePodStatus, extra: Extra = {}) {
  return generatePodStatus({
    pod,
    runtime,
    runtimeName: "containerd",
    startFailure: () => extra.failure,
    terminationMessage: () => undefined,
    readiness: () => extra.readiness,
    startup: () => undefined,
    nowMs: Date.UTC(2026, 0, 1),
    hostIps: ["192.0.2.7"],
    qosClass: "BestEffort",
    isTerminal: extra.isTerminal ?? false,
  });
}

const never = { restartPolicy: "Never" };
const onFailure = { restartPolicy: "OnFailure" };
const two = { containers: [containerNamed("a"), containerNamed("b")] };
const init = { initContainers: [containerNamed("i")] };
const sidecar = { initContainers: [containerNamed("i", { restartPolicy: "Always" })] };

for (const { name, spec, containers, want, terminal } of [
  { name: "is Pending before anything runs", spec: {}, containers: [], want: "Pending" },
  {
    name: "is Pending while one container waits",
    spec: two,
    containers: [instance("a", "running")],
    want: "Pending",
  },
  {
    name: "is Running when all have started",
    spec: two,
    containers: [instance("a", "running"), instance("b", "running")],
    want: "Running",
  },
  {
    name: "is Running while a crashed container will restart",
    spec: {},
    containers: [instance("a", 1)],
    want: "Running",
  },
  {
    name: "is Succeeded when all ended well under Never",
    spec: never,
    containers: [instance("a", 0)],
    want: "Succeeded",
  },
  {
    name: "is Failed when one ended badly under Never",
    spec: { ...two, ...never },
    containers: [instance("a", 0), instance("b", 2)],
    want: "Failed",
  },
  {
    name: "is Running while one still runs under Never",
    spec: { ...two, ...never },
    containers: [instance("a", 1), instance("b", "running")],
    want: "Running",
  },
  {
    name: "is Running while a failure will restart under OnFailure",
    spec: onFailure,
    containers: [instance("a", 1)],
    want: "Running",
  },
  {
    name: "is Succeeded under OnFailure when all ended well",
    spec: onFailure,
    containers: [instance("a", 0)],
    want: "Succeeded",
  },
  {
    name: "is Pending while initialising",
    spec: init,
    containers: [instance("i", "running")],
    want: "Pending",
  },
  {
    name: "is Pending after a failed init container that restarts",
    spec: init,
    containers: [instance("i", 1)],
    want: "Pending",
  },
  {
    name: "is Failed after a failed init container under Never",
    spec: { ...init, ...never },
    containers: [instance("i", 1)],
    want: "Failed",
  },
  {
    name: "is Running beside a sidecar",
    spec: sidecar,
    containers: [instance("i", "running"), instance("a", "running")],
    want: "Running",
  },
  {
    name: "is Succeeded though a sidecar was stopped",
    spec: { ...sidecar, ...never },
    containers: [instance("i", 137), instance("a", 0)],
    want: "Succeeded",
  },
  {
    name: "is Failed when it was ended under Always with an error",
    spec: {},
    containers: [instance("a", 137)],
    terminal: true,
    want: "Failed",
  },
  {
    name: "is Succeeded when it was ended under Always without error",
    spec: {},
    containers: [instance("a", 0)],
    terminal: true,
    want: "Succeeded",
  },
]) {
  test(`A pod's phase ${name}`, () => {
    assert.equal(
      statusOf(podWith(spec), runtimeWith(containers), { isTerminal: terminal ?? false }).phase,
      want,
    );
  });
}

test("A pod that ended stays ended", () => {
  const pod = podWith({}, { status: { phase: "Failed" } });
  assert.equal(statusOf(pod, runtimeWith([instance("a", "running")])).phase, "Failed");
});

const condition = (status: ReturnType<typeof statusOf>, type: string) =>
  status.conditions?.find((c) => c.type === type);

test("A running container without a probe is ready, and so is its pod", () => {
  const status = statusOf(podWith(), runtimeWith([instance("a", "running")]));
  assert.equal(status.containerStatuses?.[0]?.ready, true);
  assert.equal(status.containerStatuses?.[0]?.started, true);
  assert.equal(condition(status, "Ready")?.status, "True");
  assert.deepEqual(status.podIPs, [{ ip: "10.244.0.5" }]);
});

test("Pod readiness probe, with initial delay: a container with a readiness probe is unready until it succeeds", () => {
  const pod = podWith({
    containers: [containerNamed("a", { readinessProbe: { exec: { command: ["x"] } } })],
  });
  const runtime = runtimeWith([instance("a", "running")]);
  const before = statusOf(pod, runtime);
  assert.equal(condition(before, "Ready")?.message, "containers with unready status: [a]");
  assert.equal(condition(statusOf(pod, runtime, { readiness: "success" }), "Ready")?.status, "True");
});

test("A crash loop shows as waiting, with the last termination beside it", () => {
  const failure = { reason: "CrashLoopBackOff", message: "back-off 10s restarting failed container" };
  const [status] = statusOf(podWith(), runtimeWith([instance("a", 1)]), { failure }).containerStatuses ?? [];
  assert.deepEqual(status?.state, { waiting: failure });
  assert.equal(status?.lastState?.terminated?.exitCode, 1);
});

test("A container that cannot start shows why", () => {
  const failure = { reason: "ErrImagePull", message: "not found" };
  const [status] = statusOf(podWith(), runtimeWith([]), { failure }).containerStatuses ?? [];
  assert.deepEqual(status?.state, { waiting: failure });
});

test("A running container that vanished is told as lost", () => {
  const running = {
    name: "a",
    ready: true,
    image: "i",
    imageID: "",
    restartCount: 2,
    state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
  };
  const pod = podWith({}, { status: { containerStatuses: [running] } });
  const [status] = statusOf(pod, runtimeWith([])).containerStatuses ?? [];
  assert.equal(status?.state?.terminated?.reason, "ContainerStatusUnknown");
  assert.equal(status?.restartCount, 2);
});

test("Conditions keep the time of their last change", () => {
  const first = statusOf(podWith(), runtimeWith([instance("a", "running")]));
  const old = first.conditions?.map((c) => ({ ...c, lastTransitionTime: "2020-01-01T00:00:00Z" })) ?? [];
  const pod = podWith(
    {},
    { status: { ...first, conditions: [...old, { type: "example.com/gate", status: "True" }] } },
  );
  const second = statusOf(pod, runtimeWith([instance("a", 1)]));
  assert.equal(condition(second, "PodScheduled")?.lastTransitionTime, "2020-01-01T00:00:00Z");
  assert.equal(condition(second, "Ready")?.lastTransitionTime, "2026-01-01T00:00:00Z");
  assert.equal(condition(second, "example.com/gate")?.status, "True");
});

test("A readiness gate that is not met keeps the pod unready", () => {
  const pod = podWith({ readinessGates: [{ conditionType: "example.com/gate" }] });
  const status = statusOf(pod, runtimeWith([instance("a", "running")]));
  assert.equal(condition(status, "Ready")?.reason, "ReadinessGatesNotReady");
  assert.equal(condition(status, "ContainersReady")?.status, "True");
});

test("Ephemeral containers have statuses of their own and no say in readiness", () => {
  const pod = podWith({ ephemeralContainers: [containerNamed("e")] });
  const status = statusOf(pod, runtimeWith([instance("a", "running"), instance("e", 1)]));
  assert.equal(status.ephemeralContainerStatuses?.[0]?.state?.terminated?.exitCode, 1);
  assert.equal(condition(status, "Ready")?.status, "True");
});
