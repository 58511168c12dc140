import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectMeta } from "../../apimachinery/meta.ts";
import { definitionOf, nowMs, objectOf, rowOf, secondsAgo } from "../test-support/objects.ts";

const going = { deletionTimestamp: secondsAgo(5) };
const containers = [{ name: "a" }, { name: "b" }];
const running = (name: string, ready = true) => ({ name, ready, restartCount: 0, state: { running: {} } });
const ended = (exitCode: number, reason?: string) => ({ terminated: { exitCode, reason } });
const waiting = (reason: string) => ({ waiting: { reason } });
const ready = { type: "Ready", status: "True" };

interface PodCase {
  readonly name: string;
  readonly metadata?: ObjectMeta;
  readonly spec?: Record<string, unknown>;
  readonly status: Record<string, unknown>;
  /** READY, STATUS, RESTARTS. */
  readonly want: readonly [string, string, string];
}

const cases: readonly PodCase[] = [
  { name: "that waits for a node", status: { phase: "Pending" }, want: ["0/2", "Pending", "0"] },
  {
    name: "behind scheduling gates",
    status: {
      phase: "Pending",
      conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }],
    },
    want: ["0/2", "SchedulingGated", "0"],
  },
  {
    name: "whose containers run",
    status: { phase: "Running", conditions: [ready], containerStatuses: [running("a"), running("b")] },
    want: ["2/2", "Running", "0"],
  },
  {
    name: "of which one container is not ready",
    status: { phase: "Running", containerStatuses: [running("a"), running("b", false)] },
    want: ["1/2", "Running", "0"],
  },
  {
    name: "whose first container waits, which tells more than what the second does",
    status: {
      phase: "Pending",
      containerStatuses: [
        { name: "a", ready: false, restartCount: 0, state: waiting("ImagePullBackOff") },
        { name: "b", ready: false, restartCount: 0, state: waiting("ContainerCreating") },
      ],
    },
    want: ["0/2", "ImagePullBackOff", "0"],
  },
  {
    name: "that crashes again and again",
    status: {
      phase: "Running",
      containerStatuses: [
        {
          name: "a",
          ready: false,
          restartCount: 3,
          state: waiting("CrashLoopBackOff"),
          lastState: { terminated: { exitCode: 1, finishedAt: secondsAgo(300) } },
        },
        running("b"),
      ],
    },
    want: ["1/2", "CrashLoopBackOff", "3 (5m ago)"],
  },
  {
    name: "restarted by two containers, the later of which counts",
    status: {
      phase: "Running",
      containerStatuses: [
        {
          ...running("a"),
          restartCount: 1,
          lastState: { terminated: { exitCode: 1, finishedAt: secondsAgo(3600 * 30) } },
        },
        {
          ...running("b"),
          restartCount: 2,
          lastState: { terminated: { exitCode: 1, finishedAt: secondsAgo(45) } },
        },
      ],
    },
    want: ["2/2", "Running", "3 (45s ago)"],
  },
  {
    name: "restarted at an unknown time",
    status: { phase: "Running", containerStatuses: [{ ...running("a"), restartCount: 2 }] },
    want: ["1/2", "Running", "2"],
  },
  {
    name: "that has done its work",
    status: {
      phase: "Succeeded",
      containerStatuses: [{ name: "a", ready: false, restartCount: 0, state: ended(0, "Completed") }],
    },
    want: ["0/2", "Completed", "0"],
  },
  {
    name: "that failed without a word",
    status: {
      phase: "Failed",
      containerStatuses: [{ name: "a", ready: false, restartCount: 0, state: ended(3) }],
    },
    want: ["0/2", "ExitCode:3", "0"],
  },
  {
    name: "that a signal ended",
    status: {
      phase: "Failed",
      containerStatuses: [
        { name: "a", ready: false, restartCount: 0, state: { terminated: { exitCode: 137, signal: 9 } } },
      ],
    },
    want: ["0/2", "Signal:9", "0"],
  },
  {
    name: "of which one container is done while the other is ready, and the pod too",
    status: {
      phase: "Running",
      conditions: [ready],
      containerStatuses: [
        { name: "a", ready: false, restartCount: 0, state: ended(0, "Completed") },
        running("b"),
      ],
    },
    want: ["1/2", "Running", "0"],
  },
  {
    name: "of which one container is done while the other is ready, but not the pod",
    status: {
      phase: "Running",
      containerStatuses: [
        { name: "a", ready: false, restartCount: 0, state: ended(0, "Completed") },
        running("b"),
      ],
    },
    want: ["1/2", "NotReady", "0"],
  },
  {
    name: "that was evicted",
    status: { phase: "Failed", reason: "Evicted" },
    want: ["0/2", "Evicted", "0"],
  },
  {
    name: "that is being deleted",
    metadata: going,
    status: { phase: "Running", containerStatuses: [running("a")] },
    want: ["1/2", "Terminating", "0"],
  },
  {
    name: "that is being deleted after it ended",
    metadata: going,
    status: {
      phase: "Succeeded",
      containerStatuses: [{ name: "a", ready: false, restartCount: 0, state: ended(0, "Completed") }],
    },
    want: ["0/2", "Completed", "0"],
  },
  {
    name: "on a node out of reach",
    metadata: going,
    status: { phase: "Running", reason: "NodeLost" },
    want: ["0/2", "Unknown", "0"],
  },
  {
    name: "in its first of two init containers",
    spec: { initContainers: [{ name: "i" }, { name: "j" }] },
    status: {
      phase: "Pending",
      initContainerStatuses: [
        { name: "i", ready: false, restartCount: 0, state: { running: {} } },
        { name: "j", ready: false, restartCount: 0, state: waiting("PodInitializing") },
      ],
    },
    want: ["0/2", "Init:0/2", "0"],
  },
  {
    name: "in its second init container",
    spec: { initContainers: [{ name: "i" }, { name: "j" }] },
    status: {
      phase: "Pending",
      initContainerStatuses: [
        { name: "i", ready: true, restartCount: 0, state: ended(0, "Completed") },
        { name: "j", ready: false, restartCount: 0, state: waiting("PodInitializing") },
      ],
    },
    want: ["0/2", "Init:1/2", "0"],
  },
  {
    name: "whose init container crashes",
    spec: { initContainers: [{ name: "i" }] },
    status: {
      phase: "Pending",
      initContainerStatuses: [
        {
          name: "i",
          ready: false,
          restartCount: 2,
          state: waiting("CrashLoopBackOff"),
          lastState: { terminated: { exitCode: 1, finishedAt: secondsAgo(20) } },
        },
      ],
    },
    want: ["0/2", "Init:CrashLoopBackOff", "2 (20s ago)"],
  },
  {
    name: "whose init container failed",
    spec: { initContainers: [{ name: "i" }] },
    status: {
      phase: "Failed",
      initContainerStatuses: [{ name: "i", ready: false, restartCount: 0, state: ended(7) }],
    },
    want: ["0/2", "Init:ExitCode:7", "0"],
  },
  {
    name: "with a sidecar, which counts as one of its containers",
    spec: { initContainers: [{ name: "i", restartPolicy: "Always" }] },
    status: {
      phase: "Running",
      conditions: [ready],
      initContainerStatuses: [{ ...running("i"), started: true, restartCount: 1 }],
      containerStatuses: [running("a"), running("b")],
    },
    want: ["3/3", "Running", "1"],
  },
  {
    name: "whose sidecar has not started yet",
    spec: { initContainers: [{ name: "i", restartPolicy: "Always" }] },
    status: {
      phase: "Pending",
      initContainerStatuses: [{ ...running("i", false), started: false }],
    },
    want: ["0/3", "Init:0/1", "0"],
  },
  {
    name: "that initialized once and keeps its init container's restarts to itself",
    spec: { initContainers: [{ name: "i" }] },
    status: {
      phase: "Running",
      conditions: [ready, { type: "Initialized", status: "True" }],
      initContainerStatuses: [{ name: "i", ready: true, restartCount: 4, state: ended(0, "Completed") }],
      containerStatuses: [running("a"), running("b")],
    },
    want: ["2/2", "Running", "0"],
  },
];

for (const { name, metadata = {}, spec = {}, status, want } of cases)
  test(`a pod ${name} is shown as ${want.join(" ")}`, () => {
    const pod = objectOf("v1", "Pod", { metadata, spec: { containers, ...spec }, status });
    const { Ready, Status, Restarts } = rowOf(pod);
    assert.deepEqual([Ready, Status, Restarts], want);
  });

test("-o wide shows where a pod is and what it waits for", () => {
  const status = {
    podIPs: [{ ip: "10.1.0.5" }],
    nominatedNodeName: "n2",
    conditions: [{ type: "g/a", status: "True" }],
  };
  const spec = {
    containers,
    nodeName: "n1",
    readinessGates: [{ conditionType: "g/a" }, { conditionType: "g/b" }],
  };
  const {
    IP,
    Node,
    "Nominated Node": nominated,
    "Readiness Gates": gates,
  } = rowOf(objectOf("v1", "Pod", { spec, status }));
  assert.deepEqual([IP, Node, nominated, gates], ["10.1.0.5", "n1", "n2", "1/2"]);
  const bare = rowOf(objectOf("v1", "Pod", { spec: { containers } }));
  assert.deepEqual(
    [bare.IP, bare.Node, bare["Nominated Node"], bare["Readiness Gates"]],
    Array(4).fill("<none>"),
  );
});

test("a pod has the columns of kubectl get pods, in their order", () => {
  const { columns } = definitionOf("v1", "Pod");
  assert.deepEqual(
    columns.map(({ name, priority = 0 }) => `${name} ${priority}`),
    [
      "Name 0",
      "Ready 0",
      "Status 0",
      "Restarts 0",
      "Age 0",
      "IP 1",
      "Node 1",
      "Nominated Node 1",
      "Readiness Gates 1",
    ],
  );
  const age = columns.find(({ name }) => name === "Age");
  assert.equal(
    age?.value(objectOf("v1", "Pod", { metadata: { creationTimestamp: secondsAgo(90) } }), { nowMs }),
    "90s",
  );
});
