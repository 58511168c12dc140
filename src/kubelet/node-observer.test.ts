import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/virtual-clock.ts";
import { type NodeObserverDependencies, nodeObserver } from "./node-observer.ts";

const facts = { kubeletVersion: "v1.36.0", kubeletPort: 10250, maxPods: 110, heldBack: undefined };

/** A node whose runtime answers as long as it is told to. */
function node() {
  const clock = new VirtualClock();
  let isUp = true;
  const answer =
    <T>(value: T) =>
    async () => {
      if (!isUp) throw new Error("no such socket");
      return value;
    };
  const runtime = {
    version: answer({ runtimeName: "sim", runtimeVersion: "1" }),
    status: answer({ conditions: [], runtimeHandlers: [], supplementalGroupsPolicy: false }),
  };
  const observe = nodeObserver({
    clock,
    runtime,
    images: { listImages: answer([]) },
    machine: async () => ({}),
    lastRelistMs: () => clock.now(),
    pressure: () => ({ memory: false, disk: false, pid: false }),
  } as unknown as NodeObserverDependencies); // the observer calls nothing else
  return {
    clock,
    setUp: (value: boolean) => {
      isUp = value;
    },
    look: async () => {
      const { runtimeVersion, notReadyReasons } = await observe(facts);
      return [runtimeVersion, ...notReadyReasons];
    },
  };
}

const down = ["unknown", "container runtime is down: no such socket"];

test("A runtime that is silent for less than half a minute is as it was seen last, then it is down", async () => {
  const { clock, look, setUp } = node();
  assert.deepEqual(await look(), ["sim://1"]);
  setUp(false);
  await clock.advance(29_000);
  assert.deepEqual(await look(), ["sim://1"]);
  await clock.advance(1_000);
  assert.deepEqual(await look(), down);
  setUp(true);
  assert.deepEqual(await look(), ["sim://1"]);
});

test("A runtime that was never seen is down", async () => {
  const { look, setUp } = node();
  setUp(false);
  assert.deepEqual(await look(), down);
});
