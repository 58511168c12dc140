import assert from "node:assert/strict";
import { test } from "node:test";
import {
  countPaths,
  difference,
  type FieldSet,
  inOrder,
  intersection,
  isMember,
  type MaybeSet,
  union,
  withoutBelow,
} from "./field-set.ts";
import { keyElement, pathsOf, readFieldSet, showElement, valueElement } from "./path-element.ts";

const set = (text: string) => JSON.parse(text) as FieldSet;

const operations: readonly {
  readonly name: string;
  readonly apply: (left: MaybeSet, right: MaybeSet) => MaybeSet;
  readonly left: string;
  readonly right: string;
  readonly want: string | undefined;
}[] = [
  {
    name: "a union has the paths of both",
    apply: union,
    left: '{"f:a":{"f:b":{}}}',
    right: '{"f:a":{".":{}},"f:c":{}}',
    want: '{"f:a":{".":{},"f:b":{}},"f:c":{}}',
  },
  {
    name: "a leaf stays in the set when something is added below it",
    apply: union,
    left: '{"f:a":{}}',
    right: '{"f:a":{"f:b":{}}}',
    want: '{"f:a":{".":{},"f:b":{}}}',
  },
  {
    name: "a difference takes a path and leaves what is below it",
    apply: difference,
    left: '{"f:a":{".":{},"f:b":{}}}',
    right: '{"f:a":{}}',
    want: '{"f:a":{"f:b":{}}}',
  },
  {
    name: "a difference with all of it is empty",
    apply: difference,
    left: '{"f:a":{".":{},"f:b":{}}}',
    right: '{"f:a":{".":{},"f:b":{}}}',
    want: undefined,
  },
  {
    name: "an intersection has only what both have themselves",
    apply: intersection,
    left: '{"f:a":{".":{},"f:b":{}},"f:c":{}}',
    right: '{"f:a":{"f:b":{}},"f:d":{}}',
    want: '{"f:a":{"f:b":{}}}',
  },
  {
    name: "what is excluded goes with all below",
    apply: withoutBelow,
    left: '{"f:status":{"f:x":{"f:y":{}}},"f:spec":{}}',
    right: '{"f:status":{}}',
    want: '{"f:spec":{}}',
  },
];

for (const { name, apply, left, right, want } of operations)
  test(name, () => {
    const result = apply(set(left), set(right));
    assert.deepEqual(result, want === undefined ? undefined : set(want));
  });

test("an operation that changes nothing gives the same set", () => {
  const left = set('{"f:a":{"f:b":{}},"f:c":{}}');
  assert.equal(union(left, set('{"f:c":{}}')), left);
  assert.equal(difference(left, set('{"f:x":{}}')), left);
  assert.equal(withoutBelow(left, set('{"f:x":{}}')), left);
  assert.equal(inOrder(left), left);
});

test("elements are written in order, the path itself first", () => {
  const ordered = inOrder(set('{"f:b":{"f:z":{},".":{}},"f:a":{}}'));
  assert.equal(JSON.stringify(ordered), '{"f:a":{},"f:b":{".":{},"f:z":{}}}');
});

test("a path is in the set when it has no others below, or says so", () => {
  assert.equal(isMember(set("{}")), true);
  assert.equal(isMember(set('{"f:a":{}}')), false);
  assert.equal(isMember(set('{".":{},"f:a":{}}')), true);
  assert.equal(countPaths(set('{"f:a":{".":{},"f:b":{}},"f:c":{}}')), 3);
});

test("a key of several fields has them in order, as Go writes them", () => {
  assert.equal(
    keyElement([
      ["protocol", "TCP"],
      ["containerPort", 80],
    ]),
    'k:{"containerPort":80,"protocol":"TCP"}',
  );
  assert.equal(valueElement("a<b"), String.raw`v:"a\u003cb"`);
});

for (const { element, want } of [
  { element: "f:name", want: ".name" },
  { element: 'k:{"containerPort":80,"protocol":"TCP"}', want: '[containerPort=80,protocol="TCP"]' },
  { element: 'v:"x"', want: '[="x"]' },
  { element: "i:3", want: "[3]" },
])
  test(`${element} is shown as ${want}`, () => {
    assert.equal(showElement(element), want);
  });

test("paths come level by level", () => {
  const paths = pathsOf(set('{"f:spec":{"f:b":{".":{},"f:c":{}},"f:a":{"f:x":{}}},"f:data":{}}'));
  assert.deepEqual(paths, [".data", ".spec.b", ".spec.a.x", ".spec.b.c"]);
});

test("what a client sends is brought into canonical form, or refused", () => {
  const sent = { 'k:{"b":1, "a":"x"}': {} };
  assert.deepEqual(readFieldSet(sent), { 'k:{"a":"x","b":1}': {} });
  for (const bad of [
    { x: {} },
    { "q:a": {} },
    { "k:[]": {} },
    { "k:{": {} },
    { "i:x": {} },
    { "f:a": 1 },
    [],
  ])
    assert.throws(() => readFieldSet(bad));
});
