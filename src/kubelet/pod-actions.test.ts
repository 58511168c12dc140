import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/core/types.generated.ts";
import { computePodActions, type PodActions } from "./pod-actions.ts";
import type { RuntimePodStatus } from "./runtime-pod.ts";
import { containerNamed, instance, podWith, runtimeWith, sandbox } from "./test-support/records.ts";

const sidecar = (name: string, more = {}) => containerNamed(name, { restartPolicy: "Always", ...more });
const startupProbe = { exec: { command: ["true"] } };

function describe(actions: PodActions): string[] {
  return [
    ...(actions.killPod ? ["kill pod"] : []),
    ...(actions.createSandbox ? [`create sandbox ${actions.sandboxAttempt}`] : []),
    ...actions.toKill.map(({ name, reason }) => `kill ${name} ${reason}`),
    ...actions.toStart.map(({ container, kind }) => `start ${kind} ${container.name}`),
  ];
}

interface Row {
  readonly name: string;
  readonly pod: Pod;
  readonly runtime: RuntimePodStatus;
  readonly want: readonly string[];
  readonly liveness?: Record<string, "success" | "failure">;
  readonly startup?: Record<string, "success" | "failure">;
  readonly hash?: string;
}

const two = { containers: [containerNamed("a"), containerNamed("b")] };
const withInit = { ...two, initContainers: [containerNamed("i1"), containerNamed("i2")] };
const withSidecar = {
  containers: [containerNamed("a")],
  initContainers: [sidecar("s1"), containerNamed("i2")],
};

const rows: Row[] = [
  {
    name: "makes a new pod's sandbox and starts its containers",
    pod: podWith(two),
    runtime: runtimeWith([], []),
    want: ["create sandbox 0", "start main a", "start main b"],
  },
  {
    name: "starts with the first init container",
    pod: podWith(withInit),
    runtime: runtimeWith([], []),
    want: ["create sandbox 0", "start init i1"],
  },
  {
    name: "is quiet when all runs",
    pod: podWith(two),
    runtime: runtimeWith([instance("a", "running"), instance("b", "running")]),
    want: [],
  },
  {
    name: "starts what is missing",
    pod: podWith(two),
    runtime: runtimeWith([instance("a", "running")]),
    want: ["start main b"],
  },
  {
    name: "restarts an exited container under Always",
    pod: podWith(),
    runtime: runtimeWith([instance("a", 0)]),
    want: ["start main a"],
  },
  {
    name: "leaves a success alone under OnFailure",
    pod: podWith({ ...two, restartPolicy: "OnFailure" }),
    runtime: runtimeWith([instance("a", 0), instance("b", "running")]),
    want: [],
  },
  {
    name: "restarts a failure under OnFailure",
    pod: podWith({ ...two, restartPolicy: "OnFailure" }),
    runtime: runtimeWith([instance("a", 1), instance("b", "running")]),
    want: ["start main a"],
  },
  {
    name: "ends a pod whose work is done",
    pod: podWith({ restartPolicy: "Never" }),
    runtime: runtimeWith([instance("a", 3)]),
    want: ["kill pod"],
  },
  {
    name: "restarts by the container's own policy",
    pod: podWith({
      restartPolicy: "Never",
      containers: [containerNamed("a", { restartPolicy: "OnFailure" })],
    }),
    runtime: runtimeWith([instance("a", 3)]),
    want: ["start main a"],
  },
  {
    name: "restarts by an exit code rule",
    pod: podWith({
      restartPolicy: "Never",
      containers: [
        containerNamed("a", {
          restartPolicy: "Never",
          restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
        }),
      ],
    }),
    runtime: runtimeWith([instance("a", 42)]),
    want: ["start main a"],
  },
  {
    name: "makes a new sandbox when the old one died",
    pod: podWith(),
    runtime: runtimeWith([instance("a", 137)], [sandbox("s", "notReady")]),
    want: ["kill pod", "create sandbox 1", "start main a"],
  },
  {
    name: "makes no new sandbox for a pod whose work is done",
    pod: podWith({ restartPolicy: "OnFailure" }),
    runtime: runtimeWith([instance("a", 0)], [sandbox("s", "notReady")]),
    want: ["kill pod"],
  },
  {
    name: "makes a new sandbox when the old one has no address",
    pod: podWith(),
    runtime: runtimeWith([instance("a", "running")], [{ ...sandbox(), ips: [] }]),
    want: ["kill pod", "create sandbox 1", "start main a"],
  },
  {
    name: "waits for a running init container",
    pod: podWith(withInit),
    runtime: runtimeWith([instance("i1", "running")]),
    want: [],
  },
  {
    name: "goes on to the next init container",
    pod: podWith(withInit),
    runtime: runtimeWith([instance("i1", 0)]),
    want: ["start init i2"],
  },
  {
    name: "starts the main containers after the last init container",
    pod: podWith(withInit),
    runtime: runtimeWith([instance("i1", 0), instance("i2", 0)]),
    want: ["start main a", "start main b"],
  },
  {
    name: "restarts a failed init container",
    pod: podWith(withInit),
    runtime: runtimeWith([instance("i1", 1)]),
    want: ["start init i1"],
  },
  {
    name: "gives up on a failed init container under Never",
    pod: podWith({ ...withInit, restartPolicy: "Never" }),
    runtime: runtimeWith([instance("i1", 1)]),
    want: ["kill pod"],
  },
  {
    name: "does not run init containers again once initialised",
    pod: podWith(withInit),
    runtime: runtimeWith([instance("a", "running"), instance("b", 1)]),
    want: ["start main b"],
  },
  {
    name: "goes on once a sidecar runs",
    pod: podWith(withSidecar),
    runtime: runtimeWith([instance("s1", "running")]),
    want: ["start init i2"],
  },
  {
    name: "waits for a sidecar's startup probe",
    pod: podWith({ ...withSidecar, initContainers: [sidecar("s1", { startupProbe }), containerNamed("i2")] }),
    runtime: runtimeWith([instance("s1", "running")]),
    want: [],
  },
  {
    name: "restarts a sidecar that exits during initialisation",
    pod: podWith(withSidecar),
    runtime: runtimeWith([instance("s1", 0), instance("i2", "running")]),
    want: ["start init s1"],
  },
  {
    name: "restarts a sidecar beside running main containers",
    pod: podWith(withSidecar),
    runtime: runtimeWith([instance("s1", 1), instance("i2", 0), instance("a", "running")]),
    want: ["start init s1"],
  },
  {
    name: "ends the pod with its sidecars when the main work is done",
    pod: podWith({ ...withSidecar, restartPolicy: "Never" }),
    runtime: runtimeWith([instance("s1", "running"), instance("i2", 0), instance("a", 0)]),
    want: ["kill pod"],
  },
  {
    name: "kills and restarts what fails its liveness probe",
    pod: podWith(),
    runtime: runtimeWith([instance("a", "running")]),
    liveness: { "a-0": "failure" },
    want: ["kill a LivenessProbe", "start main a"],
  },
  {
    name: "kills without restart under Never",
    pod: podWith({ restartPolicy: "Never" }),
    runtime: runtimeWith([instance("a", "running")]),
    liveness: { "a-0": "failure" },
    want: ["kill a LivenessProbe"],
  },
  {
    name: "kills what fails its startup probe",
    pod: podWith(),
    runtime: runtimeWith([instance("a", "running")]),
    startup: { "a-0": "failure" },
    want: ["kill a StartupProbe", "start main a"],
  },
  {
    name: "replaces a container whose definition changed",
    pod: podWith(),
    runtime: runtimeWith([instance("a", "running")]),
    hash: "other",
    want: ["kill a ContainerChanged", "start main a"],
  },
  {
    name: "starts an ephemeral container during initialisation",
    pod: podWith({ ...withInit, ephemeralContainers: [containerNamed("e")] }),
    runtime: runtimeWith([instance("i1", "running")]),
    want: ["start ephemeral e"],
  },
  {
    name: "never restarts an ephemeral container",
    pod: podWith({ ephemeralContainers: [containerNamed("e")] }),
    runtime: runtimeWith([instance("a", "running"), instance("e", 1)]),
    want: [],
  },
  {
    name: "starts anew what was created and never started",
    pod: podWith(),
    runtime: runtimeWith([instance("a", "created")]),
    want: ["start main a"],
  },
];

for (const row of rows) {
  test(`computePodActions ${row.name}`, () => {
    const actions = computePodActions({
      pod: row.pod,
      runtime: row.runtime,
      hashOf: () => row.hash ?? "h",
      liveness: (id) => row.liveness?.[id],
      startup: (id) => row.startup?.[id],
    });
    assert.deepEqual(describe(actions), row.want);
  });
}
