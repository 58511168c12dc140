import assert from "node:assert/strict";
import { test } from "node:test";
import { pathOfRule } from "./rule-field-path.ts";

const text = { type: "string" } as const;
const schema = {
  type: "object",
  properties: {
    a: { type: "object", properties: { "b.c": text, "it's": text, d: text } },
    map: { type: "object", additionalProperties: { type: "object", properties: { x: text } } },
    list: { type: "array", items: text },
  },
} as const;

for (const { name, path, want } of [
  { name: "of a field within a field", path: ".a.d", want: "spec.a.d" },
  { name: "of a field whose name has a dot", path: ".a['b.c']", want: "spec.a.b.c" },
  { name: "with an escaped quote", path: "['a']['it\\'s']", want: "spec.a.it's" },
  { name: "of an entry of a map", path: ".map.k.x", want: "spec.map[k].x" },
  { name: "of an entry of a map by a quoted key", path: ".map['a/b']", want: "spec.map[a/b]" },
  { name: "of a field that is not there", path: ".b", want: undefined },
  { name: "below a text", path: ".a.d.e", want: undefined },
  { name: "into a list", path: ".list[0]", want: undefined },
  { name: "that begins with a name", path: "a", want: undefined },
  { name: "that ends with a dot", path: ".a.", want: undefined },
]) {
  test(`a rule's field path ${name} is ${want === undefined ? "none" : "found in the schema"}`, () => {
    assert.equal(pathOfRule("spec", path, schema), want);
  });
}
