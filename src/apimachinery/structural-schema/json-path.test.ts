import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJsonPath } from "./json-path.ts";

const root = {
  list: [
    { name: "a", weight: 1 },
    { name: "b", weight: 2.5 },
  ],
  whole: [{ n: 1 }, { n: 2 }, {}],
  object: { x: { name: "c" } },
  text: "t",
};

for (const { path, want, why } of [
  { path: ".list[0,1].name", want: ["a", "b"], why: "a union takes each" },
  { path: ".list[1:].name", want: ["b"], why: "a range takes the rest" },
  { path: '.list[?(@.name=="b")].weight', want: [2.5], why: "a filter takes what is equal" },
  { path: ".whole[?(@.n>1)].n", want: [2], why: "a filter passes over what is not there" },
  { path: ".list[?(@.weight)].name", want: ["a", "b"], why: "a filter takes what is there" },
  { path: ".list[?(@.weight>1)].name", want: [], why: "a whole number cannot be compared with another" },
  { path: ".whole[?(@.n=='1')].n", want: [], why: "a number cannot be compared with a text" },
  { path: ".object[?(@.name=='c')]", want: [], why: "only lists are filtered" },
  { path: ".missing.deep", want: [], why: "what is not there gives nothing" },
])
  test(`the JSON path ${path}: ${why}`, () => {
    assert.deepEqual(parseJsonPath(path)(root), want);
  });
