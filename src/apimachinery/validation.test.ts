import assert from "node:assert/strict";
import { test } from "node:test";
import * as field from "./validation.ts";
import { quote } from "./validation.ts";

const text = ({ field: path, message }: { field: string; message: string }) => `${path}: ${message}`;

for (const { name, error, want } of [
  { name: "a missing value", error: field.required("a.b"), want: "a.b: Required value" },
  {
    name: "a missing value with a reason",
    error: field.required("a", "why"),
    want: "a: Required value: why",
  },
  { name: "a wrong string", error: field.invalid("a", 'x"<', "no"), want: 'a: Invalid value: "x\\"<": no' },
  { name: "a wrong number", error: field.invalid("a", -1, "no"), want: "a: Invalid value: -1: no" },
  {
    name: "an absent value that is wrong",
    error: field.invalid("a", undefined),
    want: "a: Invalid value: null",
  },
  {
    name: "a wrong object, in JSON as Go writes it",
    error: field.invalid("a", { b: "<&>" }, "no"),
    want: 'a: Invalid value: {"b":"\\u003c\\u0026\\u003e"}: no',
  },
  {
    name: "an unknown word",
    error: field.notSupported("a", "x", ["A", "B"]),
    want: 'a: Unsupported value: "x": supported values: "A", "B"',
  },
  {
    name: "a word where none is known",
    error: field.notSupported("a", "x", []),
    want: 'a: Unsupported value: "x"',
  },
  { name: "what may not be", error: field.forbidden("a", "no"), want: "a: Forbidden: no" },
  { name: "a second one", error: field.duplicate("a[1]", "x"), want: 'a[1]: Duplicate value: "x"' },
  { name: "what is not there", error: field.notFound("a", "x"), want: 'a: Not found: "x"' },
  { name: "a long text", error: field.tooLong("a", 63), want: "a: Too long: may not be more than 63 bytes" },
  {
    name: "a very long text",
    error: field.tooLong("a", 1),
    want: "a: Too long: may not be more than 1 byte",
  },
  { name: "a long list", error: field.tooMany("a", 3, 1), want: "a: Too many: 3: must have at most 1 item" },
  { name: "a failure", error: field.internalError("a", "x"), want: "a: Internal error: x" },
])
  test(`${name} is reported as upstream does`, () => assert.equal(text(error), want));

test("paths are joined with dots and brackets", () => {
  assert.equal(field.child("", "spec"), "spec");
  assert.equal(field.child("spec", "a", "b"), "spec.a.b");
  assert.equal(field.at(field.child("metadata", "labels"), "a/b"), "metadata.labels[a/b]");
});

for (const { left, right, equal } of [
  { left: undefined, right: [], equal: true },
  { left: null, right: {}, equal: true },
  { left: { a: {} }, right: undefined, equal: true },
  { left: { a: 1, b: [] }, right: { a: 1 }, equal: true },
  { left: { a: 1, b: 2 }, right: { b: 2, a: 1 }, equal: true },
  { left: { a: 1 }, right: { a: 1, b: 0 }, equal: false },
  { left: [1, 2], right: [2, 1], equal: false },
  { left: [1], right: { 0: 1 }, equal: false },
  { left: "", right: undefined, equal: false },
  { left: 0, right: false, equal: false },
])
  test(`${JSON.stringify(left)} and ${JSON.stringify(right)} are ${equal ? "the same" : "different"}`, () => {
    assert.equal(field.semanticEqual(left, right), equal);
    assert.equal(field.semanticEqual(right, left), equal);
  });

test("numbers have lower bounds", () => {
  assert.deepEqual(field.nonNegative("a", 0), []);
  assert.deepEqual(field.nonNegative("a", -1).map(text), [
    "a: Invalid value: -1: must be greater than or equal to 0",
  ]);
  assert.deepEqual(field.positive("a", 0).map(text), ["a: Invalid value: 0: must be greater than zero"]);
  assert.deepEqual(field.positive("a", undefined), []);
});

test("a word of a list is required, unknown or right", () => {
  assert.deepEqual(field.oneOf("a", undefined, ["A"]), []);
  assert.deepEqual(field.oneOf("a", "", ["A"]).map(text), [
    'a: Unsupported value: "": supported values: "A"',
  ]);
  assert.deepEqual(field.oneOf("a", "", ["A"], { required: true }).map(text), ["a: Required value"]);
  assert.deepEqual(field.oneOf("a", "A", ["A"]), []);
});

test("every repetition in a list is an error of its own", () => {
  const errors = field.unique(
    ["a", "b", "a", "a"],
    (name) => name,
    (index, name) => field.duplicate(field.at("l", index), name),
  );
  assert.deepEqual(errors.map(text), ['l[2]: Duplicate value: "a"', 'l[3]: Duplicate value: "a"']);
});

test("a field that must stay is told so", () => {
  assert.deepEqual(field.immutable("a", undefined, {}), []);
  assert.deepEqual(field.immutable("a", "y", "x").map(text), ['a: Invalid value: "y": field is immutable']);
});

for (const { text, want } of [
  { text: 'a "b" \\', want: '"a \\"b\\" \\\\"' },
  { text: "\u0007\u0000\u001b\u007f\n", want: '"\\a\\x00\\x1b\\x7f\\n"' },
  { text: "é\u200b\u{e0001}", want: '"é\\u200b\\U000e0001"' },
  { text: "\\u0007", want: '"\\\\u0007"' },
])
  test(`${JSON.stringify(text)} is quoted as Go does`, () => {
    assert.equal(quote(text), want);
  });
