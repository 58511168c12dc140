import assert from "node:assert/strict";
import { test } from "node:test";
import { writeJson } from "./written-json.ts";

const decoder = new TextDecoder();

for (const { name, object } of [
  {
    name: "an object with more behind its metadata",
    object: {
      kind: "Pod",
      metadata: { name: "a", labels: { a: "b" } },
      spec: { x: [1, null, "}"] },
      status: {},
    },
  },
  { name: "metadata at the end", object: { apiVersion: "v1", metadata: { name: "a" } } },
  { name: "nothing but what is undefined behind it", object: { metadata: { name: "a" }, spec: undefined } },
  { name: "metadata that ends with an empty map", object: { metadata: { name: "a", labels: {} }, data: {} } },
  {
    name: "characters of several bytes",
    object: { metadata: { name: "ä€😀\ud800" }, data: { "✓": "\u2028" } },
  },
  {
    name: "metadata that does not come first",
    object: { spec: { a: 1 }, metadata: { name: "a" }, status: { b: 2 } },
  },
  { name: "keys that are numbers", object: { b: 1, 7: "x", metadata: { name: "a" }, a: 2, 3: "y" } },
]) {
  test(`the JSON of ${name} is that of JSON.stringify, and a resourceVersion goes in`, () => {
    const { bytes, metadataEnd } = writeJson(object);
    assert.equal(decoder.decode(bytes), decoder.decode(new TextEncoder().encode(JSON.stringify(object))));
    const before = decoder.decode(bytes.subarray(0, metadataEnd));
    const after = decoder.decode(bytes.subarray(metadataEnd));
    const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: "12" } };
    assert.deepEqual(
      JSON.parse(`${before},"resourceVersion":"12"${after}`),
      JSON.parse(decoder.decode(new TextEncoder().encode(JSON.stringify(versioned)))),
    );
  });
}

for (const { name, object } of [
  { name: "has no metadata", object: { kind: "Status" } },
  { name: "has none but null", object: { metadata: null, spec: {} } },
  { name: "has empty metadata", object: { metadata: {}, spec: {} } },
  { name: "has a list in its place", object: { metadata: [{}], spec: {} } },
  { name: "has a version already", object: { metadata: { name: "a", resourceVersion: "7" }, spec: {} } },
  {
    name: "has a member that would change a prototype",
    object: JSON.parse('{"metadata":{"name":"a"},"__proto__":{"b":1}}'),
  },
]) {
  test(`into the JSON of what ${name} nothing can be put`, () => {
    const { bytes, metadataEnd } = writeJson(object);
    assert.equal(decoder.decode(bytes), JSON.stringify(object));
    assert.equal(metadataEnd, 0);
  });
}
