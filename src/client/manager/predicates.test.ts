import assert from "node:assert/strict";
import test from "node:test";
import type { ObjectMeta } from "../../apimachinery/meta.ts";
import {
  and,
  annotationsChanged,
  generationChanged,
  labelsChanged,
  not,
  or,
  type Predicate,
  resourceVersionChanged,
} from "./predicates.ts";

const at = (metadata: ObjectMeta) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "a", ...metadata },
});
const old = at({ generation: 1, resourceVersion: "1", labels: { a: "1" }, annotations: { b: "1" } });
const changed = (metadata: ObjectMeta) => ({ ...old, metadata: { ...old.metadata, ...metadata } });
const never: Predicate = () => false;
const always: Predicate = () => true;

for (const [name, predicate, object, passes] of [
  ["generationChanged", generationChanged, changed({ generation: 2 }), true],
  ["generationChanged", generationChanged, changed({ resourceVersion: "2" }), false],
  ["labelsChanged", labelsChanged, changed({ labels: { a: "2" } }), true],
  ["labelsChanged", labelsChanged, changed({ labels: { c: "1" } }), true],
  ["labelsChanged", labelsChanged, changed({ annotations: {} }), false],
  ["annotationsChanged", annotationsChanged, changed({ annotations: {} }), true],
  ["annotationsChanged", annotationsChanged, changed({ labels: {} }), false],
  ["resourceVersionChanged", resourceVersionChanged, changed({ resourceVersion: "2" }), true],
  ["resourceVersionChanged", resourceVersionChanged, old, false],
  ["or", or(generationChanged, labelsChanged), changed({ labels: {} }), true],
  ["or", or(generationChanged, labelsChanged), changed({ annotations: {} }), false],
  ["and", and(generationChanged, labelsChanged), changed({ labels: {} }), false],
  ["and", and(generationChanged, labelsChanged), changed({ labels: {}, generation: 2 }), true],
  ["not", not(generationChanged), changed({ generation: 2 }), false],
  ["and of none", and(), old, true],
  ["or of none", or(), old, false],
] as const) {
  test(`${name} lets an update to ${JSON.stringify(object.metadata)} ${passes ? "through" : "not through"}`, () => {
    assert.equal(predicate({ type: "updated", old, object }), passes);
  });
}

test("Additions and deletions pass all that looks at updates, and what is put together from it", () => {
  for (const type of ["added", "deleted"] as const) {
    const change = { type, object: old };
    for (const predicate of [generationChanged, labelsChanged, annotationsChanged, resourceVersionChanged])
      assert.equal(predicate(change), true);
    assert.equal(or(never, labelsChanged)(change), true);
    assert.equal(and(always, never)(change), false);
    assert.equal(not(labelsChanged)(change), false);
  }
});
