import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "../api-error.ts";
import type { DecodeOptions } from "../schema/decode.ts";
import { createSchemaTables } from "../schema/tables.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { patchObject, patchTypeOf } from "./patch-object.ts";

const tables = createSchemaTables({
  packages: {
    "t.v1": {
      group: "t",
      version: "v1",
      openApiPrefix: "t.v1",
      enums: {},
      models: {
        Thing: "kind|string||e apiVersion|string||e metadata|Meta|1|e size|int32|2|e",
        Meta: "name|string|1|e labels|{string|2|e",
      },
    },
  },
});
const current = { kind: "Thing", apiVersion: "t/v1", metadata: { name: "a", labels: { x: "1" } }, size: 3 };
const body = (text: string) => new TextEncoder().encode(text);
const options = (fieldValidation: DecodeOptions["fieldValidation"]): DecodeOptions => ({
  expected: { group: "t", version: "v1", kind: "Thing" },
  model: tables.kind("t", "v1", "Thing"),
  fieldValidation,
});

for (const { name, type, patch } of [
  { name: "JSON", type: "application/json-patch+json", patch: '[{"op":"replace","path":"/size","value":4}]' },
  { name: "merge", type: "application/merge-patch+json; charset=utf-8", patch: '{"size":4}' },
  { name: "strategic merge", type: "application/strategic-merge-patch+json", patch: '{"size":4}' },
]) {
  test(`a ${name} patch gives a normalized object`, () => {
    const { object } = patchObject(patchTypeOf(type, true), body(patch), current, options("Strict"));
    assert.deepEqual(object, { ...current, size: 4 });
  });
}

test("a merge patch replaces lists, merges objects and removes with null", () => {
  assert.deepEqual(
    applyMergePatch({ a: [1, 2], b: { c: 1, d: 2 } }, { a: [3], b: { c: null, e: { f: null } } }),
    {
      a: [3],
      b: { d: 2, e: {} },
    },
  );
});

test("a patch whose result has unknown fields is refused, warned about or pruned", () => {
  const patch = body('{"foo":1}');
  assert.throws(
    () => patchObject("application/merge-patch+json", patch, current, options("Strict")),
    (error) =>
      isApiError(error, "Invalid") &&
      error.code === 422 &&
      /patch: Invalid value: .*: strict decoding error: unknown field "foo"$/.test(error.message),
  );
  const warned = patchObject("application/merge-patch+json", patch, current, options("Warn"));
  assert.deepEqual(warned, { object: current, warnings: ['unknown field "foo"'] });
});

test("a strategic merge patch that is invalid is quoted as Go prints it", () => {
  const patch = body('{"foo":{"b":[1,null],"a":"x"}}');
  assert.throws(
    () => patchObject("application/strategic-merge-patch+json", patch, current, options("Strict")),
    /patch: Invalid value: "map\[foo:map\[a:x b:\[1 <nil>\]\]\]": strict decoding error: unknown field "foo"$/,
  );
});

test("a patch with a duplicate key is reported", () => {
  const patch = body('{"size":4,"size":5}');
  const { object, warnings } = patchObject("application/merge-patch+json", patch, current, options("Warn"));
  assert.equal(object.size, 5);
  assert.deepEqual(warnings, ['duplicate field "size"']);
});

for (const { name, type, patch, faults } of [
  {
    name: "duplicate keys of a merge patch and what it adds to the object",
    type: "application/merge-patch+json",
    patch: '{"size":4,"size":5,"foo":1}',
    faults: ['duplicate field "size"', 'unknown field "foo"'],
  },
  {
    name: "duplicate keys of a strategic merge patch and what it adds to the object",
    type: "application/strategic-merge-patch+json",
    patch: '{"metadata":{"labels":{"x":"1","x":"2"}},"foo":1}',
    faults: ['duplicate field "metadata.labels.x"', 'unknown field "foo"'],
  },
  {
    name: "members that no operation of a JSON patch has",
    type: "application/json-patch+json",
    patch: '[{"op":"replace","path":"/size","value":4,"foo":1}]',
    faults: ['json patch unknown field "[0].foo"'],
  },
]) {
  test(`field validation tells of ${name}`, () => {
    const read = patchTypeOf(type, true);
    assert.throws(
      () => patchObject(read, body(patch), current, options("Strict")),
      (error) => isApiError(error) && error.message.endsWith(`strict decoding error: ${faults.join(", ")}`),
    );
    assert.deepEqual(patchObject(read, body(patch), current, options("Warn")).warnings, faults);
    assert.deepEqual(patchObject(read, body(patch), current, options("Ignore")).warnings, []);
  });
}

test("a patch that does not apply is 422 with upstream's sentence alone, as kubectl prints it", () => {
  const patch = body('[{"op":"test","path":"/size","value":9}]');
  assert.throws(
    () => patchObject("application/json-patch+json", patch, current, options("Warn")),
    (error) =>
      isApiError(error, "Invalid") &&
      error.message === "the server rejected our request due to an error in our request",
  );
});

test("a patch of the wrong shape is 422, one that is no JSON is 400, one of another type 415", () => {
  const apply = (text: string) => () =>
    patchObject("application/merge-patch+json", body(text), current, options("Warn"));
  assert.throws(apply('{"size":"four"}'), (error) => isApiError(error) && error.code === 422);
  assert.throws(apply("{"), (error) => isApiError(error) && error.code === 400);
  assert.throws(
    () => patchTypeOf("text/plain", true),
    (error) => isApiError(error, "UnsupportedMediaType"),
  );
  assert.throws(() => patchTypeOf("application/strategic-merge-patch+json", false), /unknown format/);
});
