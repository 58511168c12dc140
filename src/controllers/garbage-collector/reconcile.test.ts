import assert from "node:assert/strict";
import { test } from "node:test";
import { pods, replicaSets } from "../../api/resources.generated.ts";
import type { AnyObject, ObjectMeta, OwnerReference, ResourceType } from "../../apimachinery/meta.ts";
import { describeIntent } from "../framework/intent.ts";
import { ago, meta } from "../test-support/objects.ts";
import { type GraphNode, OwnershipGraph } from "./graph.ts";
import { type OwnerState, reconcileItem } from "./reconcile.ts";

const podType = pods as unknown as ResourceType<AnyObject>;
const setType = replicaSets as unknown as ResourceType<AnyObject>;

const owner = (name: string, blockOwnerDeletion = true): OwnerReference => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  name,
  uid: `uid-${name}`,
  controller: true,
  blockOwnerDeletion,
});

const object = (name: string, more: ObjectMeta = {}): AnyObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: meta(name, more),
});

const dependent = (name: string, { waits = false, blocks = true } = {}): GraphNode => ({
  uid: `uid-${name}`,
  place: { type: podType, namespace: "default", name },
  owners: [owner("item", blocks)],
  waitsForDependents: waits,
  orphansDependents: false,
});

const deleting = (finalizer: string): ObjectMeta => ({ deletionTimestamp: ago(1), finalizers: [finalizer] });

interface Case {
  readonly name: string;
  readonly meta?: ObjectMeta;
  readonly owners?: readonly OwnerState[];
  readonly dependents?: readonly GraphNode[];
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  { name: "leaves an object without owners alone", want: [] },
  { name: "leaves an object with a living owner alone", owners: ["solid"], want: [] },
  {
    name: "deletes an object whose owner is gone (Garbage Collector, delete deployment,  propagation policy background)",
    owners: ["dangling"],
    want: ["delete pods default/item"],
  },
  {
    name: "keeps an object that has one living owner, and drops the dead one (Garbage Collector, multiple owners)",
    owners: ["solid", "dangling"],
    want: ["patch pods default/item"],
  },
  {
    name: "deletes what a foreground deletion waits for",
    owners: ["waiting"],
    want: ["delete pods default/item"],
  },
  {
    name: "breaks a circle of objects that wait for each other (Garbage Collector, dependency cycle)",
    owners: ["waiting"],
    dependents: [dependent("next", { waits: true })],
    want: ["patch pods default/item", "delete pods default/item"],
  },
  {
    name: "ends a foreground deletion when no dependent blocks it (Garbage Collector, delete replication controller, after owned pods)",
    meta: deleting("foregroundDeletion"),
    dependents: [dependent("a", { blocks: false })],
    want: ["patch pods default/item"],
  },
  {
    name: "looks at the dependents that block a foreground deletion",
    meta: deleting("foregroundDeletion"),
    dependents: [dependent("a"), dependent("b", { waits: true })],
    want: ["wake uid-a"],
  },
  {
    name: "orphans dependents before the owner goes (Garbage Collector, delete deployment, propagation policy orphan)",
    meta: deleting("orphan"),
    dependents: [dependent("a")],
    want: ["patch pods default/a", "patch pods default/item"],
  },
  {
    name: "leaves an object alone that is being deleted otherwise",
    meta: deleting("example.com/other"),
    owners: ["dangling"],
    want: [],
  },
];

for (const { name, owners = [], dependents = [], want, ...rest } of cases) {
  test(`Garbage collector ${name}`, () => {
    const references = owners.map((_, index) => owner(`o${index}`));
    const item = object("item", { ownerReferences: references, ...rest.meta });
    const intents = reconcileItem({
      type: podType,
      object: item,
      owners: owners.map((state, index) => ({ reference: owner(`o${index}`), state })),
      dependents,
    });
    assert.deepEqual(intents.map(describeIntent), want);
  });
}

test("Ownership graph keeps nothing of objects without owners", () => {
  const graph = new OwnershipGraph();
  assert.deepEqual(graph.put(podType, object("bare")), []);
  assert.deepEqual([...graph.uids], []);
});

test("Ownership graph names the dependents of what is removed", () => {
  const graph = new OwnershipGraph();
  assert.deepEqual(graph.put(podType, object("pod", { ownerReferences: [owner("set")] })), ["uid-pod"]);
  assert.deepEqual(graph.remove("uid-set"), ["uid-pod"]);
});

test("Ownership graph wakes a waiting owner when its last dependent goes", () => {
  const graph = new OwnershipGraph();
  graph.put(podType, object("pod", { ownerReferences: [owner("set")] }));
  const set = object("set", deleting("foregroundDeletion"));
  assert.deepEqual(graph.put(setType, set), ["uid-pod", "uid-set"]);
  assert.deepEqual(graph.put(setType, set), [], "a second look at the same state wakes nobody");
  assert.deepEqual(graph.remove("uid-pod"), ["uid-set"]);
});

test("Ownership graph wakes an owner that a dependent no longer blocks", () => {
  const graph = new OwnershipGraph();
  graph.put(podType, object("pod", { ownerReferences: [owner("set")] }));
  const unblocking = object("pod", { ownerReferences: [owner("set", false)] });
  assert.deepEqual(graph.put(podType, unblocking), ["uid-set"]);
  assert.deepEqual(graph.put(podType, object("pod")), ["uid-set"]);
  assert.deepEqual(graph.remove("uid-set"), []);
});
