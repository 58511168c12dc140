import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, PodSandbox } from "./cri/runtime.ts";
import { computeEvents } from "./pleg.ts";
import type { RuntimePod } from "./runtime-pod.ts";

function pod(
  containers: Record<string, Container["state"]>,
  sandboxes: Record<string, PodSandbox["state"]> = {},
): RuntimePod {
  const common = { createdAtMs: 0, labels: {}, annotations: {} };
  return {
    uid: "u",
    name: "p",
    namespace: "n",
    sandboxes: Object.entries(sandboxes).map(([id, state]) => ({
      ...common,
      id,
      state,
      runtimeHandler: "",
      metadata: { name: "p", uid: "u", namespace: "n", attempt: 0 },
    })),
    containers: Object.entries(containers).map(([id, state]) => ({
      ...common,
      id,
      state,
      podSandboxId: "s",
      metadata: { name: id, attempt: 0 },
      image: "",
      imageRef: "",
      imageId: "",
    })),
  };
}

for (const { name, before, after, want } of [
  {
    name: "is quiet when nothing changed",
    before: pod({ a: "running" }),
    after: pod({ a: "running" }),
    want: [],
  },
  { name: "tells a start", before: pod({}), after: pod({ a: "running" }), want: ["ContainerStarted a"] },
  {
    name: "tells an exit",
    before: pod({ a: "running" }),
    after: pod({ a: "exited" }),
    want: ["ContainerDied a"],
  },
  {
    name: "tells an exit whose start it missed",
    before: undefined,
    after: pod({ a: "exited" }),
    want: ["ContainerDied a"],
  },
  {
    name: "tells the removal of what had exited",
    before: pod({ a: "exited" }),
    after: undefined,
    want: ["ContainerRemoved a"],
  },
  {
    name: "tells the death of what vanished running",
    before: pod({ a: "running" }),
    after: pod({}),
    want: ["ContainerDied a", "ContainerRemoved a"],
  },
  {
    name: "tells a sandbox's end",
    before: pod({}, { s: "ready" }),
    after: pod({}, { s: "notReady" }),
    want: ["ContainerDied s"],
  },
  {
    name: "tells one that was created",
    before: pod({}),
    after: pod({ a: "created" }),
    want: ["ContainerChanged a"],
  },
  {
    name: "tells a restart by two ids",
    before: pod({ a: "running" }),
    after: pod({ a: "exited", b: "running" }),
    want: ["ContainerDied a", "ContainerStarted b"],
  },
]) {
  test(`PLEG ${name}`, () => {
    assert.deepEqual(
      computeEvents(before, after).map((event) => `${event.type} ${event.id}`),
      want,
    );
  });
}
