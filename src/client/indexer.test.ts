import assert from "node:assert/strict";
import test from "node:test";
import type { AnyObject } from "../apimachinery/meta.ts";
import { Indexer } from "./indexer.ts";
import { pod } from "./test-support/objects.ts";

const names = (objects: readonly AnyObject[]) => objects.map(({ metadata }) => metadata.name).sort();

test("an indexer finds objects by key, namespace and index, whenever the index was made", () => {
  const indexer = new Indexer<AnyObject>();
  indexer.addIndex("first letter", ({ metadata }) => [metadata.name?.[0] ?? ""]);
  for (const name of ["ab", "ac", "b"]) indexer.set(pod(name, 1));
  indexer.set(pod("ad", 1, { namespace: "other" }));
  indexer.addIndex("length", ({ metadata }) => [String(metadata.name?.length)]);
  assert.equal(indexer.get("n/ab")?.metadata.name, "ab");
  assert.deepEqual(names(indexer.list({ namespace: "n" })), ["ab", "ac", "b"]);
  assert.deepEqual(names(indexer.list({ namespace: "" })), ["ab", "ac", "ad", "b"]);
  assert.deepEqual(names(indexer.byIndex("first letter", "a")), ["ab", "ac", "ad"]);
  assert.deepEqual(names(indexer.byIndex("length", "1")), ["b"]);
  assert.deepEqual(indexer.byIndex("length", "9"), []);
  assert.deepEqual(indexer.indexValues("length").toSorted(), ["1", "2"]);
  assert.throws(() => indexer.byIndex("none", "a"), /no index is named "none"/);
});

test("an indexer follows changes and deletions, in indices and namespaces", () => {
  const indexer = new Indexer<AnyObject>();
  indexer.addIndex("labels", ({ metadata }) => Object.keys(metadata.labels ?? {}));
  const labelled = (...labels: string[]) => {
    const plain = pod("a", 1);
    return {
      ...plain,
      metadata: { ...plain.metadata, labels: Object.fromEntries(labels.map((label) => [label, ""])) },
    };
  };
  indexer.set(labelled("x", "y"));
  assert.equal(indexer.list({ namespace: "n" }).length, 1);
  indexer.set(labelled("y", "z"));
  assert.equal(indexer.byIndex("labels", "x").length, 0);
  assert.equal(indexer.byIndex("labels", "y").length, 1);
  assert.equal(indexer.byIndex("labels", "z").length, 1);
  indexer.delete("n/a");
  assert.equal(indexer.byIndex("labels", "y").length, 0);
  assert.deepEqual(indexer.indexValues("labels"), []);
  assert.equal(indexer.list({ namespace: "n" }).length, 0);
});

test("an indexer hands out the same list until something changes, and never changes one it handed out", () => {
  const indexer = new Indexer<AnyObject>();
  indexer.set(pod("a", 1));
  const before = indexer.list();
  assert.equal(indexer.list(), before);
  indexer.set(pod("b", 2));
  assert.equal(before.length, 1);
  assert.equal(indexer.list().length, 2);
});

test("an indexer survives an index function that throws", () => {
  const errors: unknown[] = [];
  const indexer = new Indexer<AnyObject>((error) => errors.push(error));
  indexer.addIndex("bad", () => {
    throw new Error("broken");
  });
  indexer.set(pod("a", 1));
  assert.equal(indexer.size, 1);
  assert.equal(errors.length, 1);
});
