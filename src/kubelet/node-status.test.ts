import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeStatus } from "../api/core/types.generated.ts";
import { schemas } from "../api/schemas.ts";
import { decodeValue } from "../apimachinery/schema/decode.ts";
import { isSameStatus, nodeStatus, statusPatch } from "./node-status.ts";

const observation = {
  machine: {
    hostname: "n1",
    addresses: ["10.0.0.1"],
    cpus: 4,
    memoryBytes: 2 ** 30,
    ephemeralStorageBytes: 2 ** 30,
    architecture: "amd64",
    operatingSystem: "linux",
    kernelVersion: "6",
    osImage: "Linux",
    machineId: "m",
    systemUuid: "s",
    bootId: "b",
    hugepages: {},
  },
  runtimeVersion: "sim://1",
  kubeletVersion: "v1.36.0",
  kubeletPort: 10250,
  maxPods: 110,
  images: [],
  notReadyReasons: [],
  pressure: { memory: false, disk: false, pid: false },
  handlers: undefined,
  features: undefined,
};
const own = nodeStatus({}, observation, 0);
const foo = "example.com/foo";

for (const { name, capacity, allocatable, want } of [
  {
    name: "can all be had",
    capacity: { [foo]: "5" },
    allocatable: {},
    want: "5",
  },
  {
    name: "can all be had, also after it grew",
    capacity: { [foo]: "5" },
    allocatable: { [foo]: "3" },
    want: "5",
  },
  {
    name: "cannot be had where the node has none",
    capacity: {},
    allocatable: { [foo]: "3" },
    want: undefined,
  },
]) {
  test(`An amount of somebody else's resource ${name}`, () => {
    const old = {
      ...own,
      capacity: { ...own.capacity, ...capacity },
      allocatable: { ...own.allocatable, ...allocatable },
    };
    const next = nodeStatus(old, observation, 0);
    assert.equal(next.allocatable?.[foo], want);
    const patch = statusPatch(old, next) as { readonly capacity: object };
    assert.deepEqual(patch.capacity, {}, "what did not change is not written");
  });
}

test("What eviction keeps free is not for pods", () => {
  const heldBack = { memoryBytes: 100 * 2 ** 20, diskShare: 0.1 };
  const { capacity, allocatable } = nodeStatus({}, { ...observation, heldBack }, 0);
  assert.deepEqual([capacity?.memory, capacity?.["ephemeral-storage"], capacity?.cpu], ["1Gi", "1Gi", "4"]);
  assert.deepEqual(
    [allocatable?.memory, allocatable?.["ephemeral-storage"], allocatable?.cpu],
    ["924Mi", "966367642", "4"],
  );
});

/** As an API server gives it back. */
function served(status: object): NodeStatus {
  const expected = { group: "", version: "v1", kind: "Node" };
  const model = schemas.kind("", "v1", "Node");
  const { object } = decodeValue({ status }, { expected, model, fieldValidation: "Ignore" });
  return object.status as NodeStatus; // a node's
}

const ofCloud = { type: "NetworkUnavailable", status: "False", reason: "RouteCreated" };

for (const { name, status, seen, want } of [
  { name: "an API server wrote in its own way", status: own, seen: observation, want: true },
  {
    name: "somebody else added a condition to",
    status: { ...own, conditions: [...(own.conditions ?? []), ofCloud] },
    seen: observation,
    want: true,
  },
  {
    name: "told of more memory",
    status: own,
    seen: { ...observation, machine: { ...observation.machine, memoryBytes: 2 ** 31 } },
    want: false,
  },
  {
    name: "told of a node that was ready",
    status: own,
    seen: { ...observation, notReadyReasons: ["no"] },
    want: false,
  },
]) {
  test(`A status that ${name} is ${want ? "not reported again" : "reported again"}`, () => {
    const standing = served(status);
    assert.equal(isSameStatus(nodeStatus(standing, seen, 60_000), standing), want);
  });
}
