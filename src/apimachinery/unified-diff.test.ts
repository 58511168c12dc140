import assert from "node:assert/strict";
import { test } from "node:test";
import { unifiedDiff } from "./unified-diff.ts";

const items = (count: number) => Array.from({ length: count }, (_, index) => `item ${index}`);
const without = <T>(list: readonly T[], ...gone: readonly number[]) =>
  list.filter((_, index) => !gone.includes(index));

// What Python's difflib, whose algorithm Go's server uses, says of the same texts.
for (const { name, old, value, want } of [
  { name: "nothing", old: { a: 1 }, value: { a: 1 }, want: "" },
  {
    name: "a member",
    old: { a: 1, b: [1, 2] },
    value: { a: 2, b: [1, 2] },
    want: '@@ -1,5 +1,5 @@\n {\n- "a": 1,\n+ "a": 2,\n  "b": [\n   1,\n   2\n',
  },
  {
    name: "more than an item",
    old: ["c", "b", "c", "b", "c"],
    value: ["cx", "b", "c", "bx", "cx"],
    want: '@@ -1,7 +1,7 @@\n [\n- "c",\n+ "cx",\n  "b",\n  "c",\n- "b",\n- "c"\n+ "bx",\n+ "cx"\n ]\n',
  },
  {
    name: "items far from each other",
    old: items(20),
    value: without(items(20), 3, 14),
    want: `@@ -2,7 +2,6 @@\n  "item 0",\n  "item 1",\n  "item 2",\n- "item 3",\n  "item 4",\n  "item 5",\n  "item 6",\n@@ -13,7 +12,6 @@\n  "item 11",\n  "item 12",\n  "item 13",\n- "item 14",\n  "item 15",\n  "item 16",\n  "item 17",\n`,
  },
  { name: "everything", old: "a", value: "b", want: '@@ -1 +1 @@\n-"a"\n+"b"\n' },
  { name: "what Go escapes", old: "<", value: null, want: '@@ -1 +1 @@\n-"\\u003c"\n+null\n' },
])
  test(`a difference in ${name} is told as Go tells it`, () => {
    assert.equal(unifiedDiff(old, value), want);
  });

test("in a long text, lines that stand everywhere begin no run", () => {
  const long = Array.from({ length: 250 }, (_, index) => (index % 2 === 0 ? "same" : `item ${index}`));
  const changed = long.map((item, index) => (index === 125 ? "other" : item));
  assert.equal(
    unifiedDiff(long, changed),
    '@@ -124,7 +124,7 @@\n  "same",\n  "item 123",\n  "same",\n- "item 125",\n+ "other",\n  "same",\n  "item 127",\n  "same",\n',
  );
});

test("texts without end are compared from both ends", () => {
  const old = items(4000);
  const value = old.map((item, index) => (index === 10 || index === 12 ? "other" : item));
  assert.equal(
    unifiedDiff(old, value),
    '@@ -9,9 +9,9 @@\n  "item 7",\n  "item 8",\n  "item 9",\n- "item 10",\n- "item 11",\n- "item 12",\n+ "other",\n+ "item 11",\n+ "other",\n  "item 13",\n  "item 14",\n  "item 15",\n',
  );
});
