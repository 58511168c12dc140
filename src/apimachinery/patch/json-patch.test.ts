import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "../api-error.ts";
import { applyJsonPatch } from "./json-patch.ts";

const document = { a: { "x/y": 1, "m~n": 2 }, list: [1, 2, 3], nothing: null };

for (const { name, patch, want } of [
  { name: "adds a member", patch: [{ op: "add", path: "/b", value: 1 }], want: { ...document, b: 1 } },
  {
    name: "adds before an index",
    patch: [{ op: "add", path: "/list/1", value: 9 }],
    want: { ...document, list: [1, 9, 2, 3] },
  },
  {
    name: "adds at the end",
    patch: [{ op: "add", path: "/list/-", value: 9 }],
    want: { ...document, list: [1, 2, 3, 9] },
  },
  {
    name: "counts negative indices from the end",
    patch: [{ op: "remove", path: "/list/-1" }],
    want: { ...document, list: [1, 2] },
  },
  {
    name: "replaces with null",
    patch: [{ op: "replace", path: "/list/0", value: null }],
    want: { ...document, list: [null, 2, 3] },
  },
  {
    name: "decodes ~0 and ~1",
    patch: [
      { op: "remove", path: "/a/x~1y" },
      { op: "replace", path: "/a/m~0n", value: 3 },
    ],
    want: { ...document, a: { "m~n": 3 } },
  },
  {
    name: "moves",
    patch: [{ op: "move", from: "/list", path: "/a/list" }],
    want: { a: { ...document.a, list: [1, 2, 3] }, nothing: null },
  },
  {
    name: "copies",
    patch: [{ op: "copy", from: "/list/2", path: "/list/0" }],
    want: { ...document, list: [3, 1, 2, 3] },
  },
  {
    name: "tests deeply, whatever the order of keys",
    patch: [{ op: "test", path: "/a", value: { "m~n": 2, "x/y": 1 } }],
    want: document,
  },
  {
    name: "takes a missing member for null in a test",
    patch: [{ op: "test", path: "/none", value: null }],
    want: document,
  },
  {
    name: "replaces a member that is not there",
    patch: [{ op: "replace", path: "/b", value: 1 }],
    want: { ...document, b: 1 },
  },
  {
    name: "adds null where no value is given",
    patch: [{ op: "add", path: "/b" }],
    want: { ...document, b: null },
  },
  {
    name: "copies a member that is not there as null",
    patch: [{ op: "copy", from: "/none", path: "/b" }],
    want: { ...document, b: null },
  },
  { name: "replaces the whole", patch: [{ op: "replace", path: "", value: { z: 1 } }], want: { z: 1 } },
]) {
  test(`a JSON patch ${name}`, () => {
    const before = structuredClone(document);
    assert.deepEqual(applyJsonPatch(document, patch), want);
    assert.deepEqual(document, before, "the document must not change");
  });
}

const big = { text: "x".repeat(1024 * 1024) };
for (const { name, patch, code, on = document } of [
  { name: "a test that fails", patch: [{ op: "test", path: "/list/0", value: 2 }], code: 422 },
  { name: "removing what is not there", patch: [{ op: "remove", path: "/b" }], code: 422 },
  { name: "replacing in what is not there", patch: [{ op: "replace", path: "/b/c", value: 1 }], code: 422 },
  { name: "a parent that is not there", patch: [{ op: "add", path: "/b/c", value: 1 }], code: 422 },
  { name: "an index out of range", patch: [{ op: "add", path: "/list/5", value: 1 }], code: 422 },
  { name: "an index with leading zeros", patch: [{ op: "replace", path: "/list/01", value: 1 }], code: 422 },
  { name: "moving into itself", patch: [{ op: "move", from: "/a", path: "/a/b" }], code: 422 },
  {
    name: "a member that would be a prototype",
    patch: [{ op: "add", path: "/__proto__", value: {} }],
    code: 422,
  },
  { name: "an unknown operation", patch: [{ op: "explode", path: "/a" }], code: 422 },
  { name: "an object instead of a list", patch: {}, code: 400 },
  {
    name: "too many operations",
    patch: Array.from({ length: 10_001 }, () => ({ op: "test", path: "/a", value: 1 })),
    code: 413,
  },
  {
    name: "copies that add up",
    patch: Array.from({ length: 4 }, (_, index) => ({ op: "copy", from: "/text", path: `/t${index}` })),
    on: big,
    code: 422,
  },
]) {
  test(`a JSON patch is refused for ${name}`, () => {
    assert.throws(
      () => applyJsonPatch(on, patch),
      (error) => isApiError(error) && error.code === code,
    );
  });
}
