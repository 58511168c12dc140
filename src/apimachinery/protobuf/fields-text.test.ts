import assert from "node:assert/strict";
import { test } from "node:test";
import { writeFieldsText } from "./fields-text.ts";
import { ReverseWriter } from "./writer.ts";

const shared = {
  "f:conditions": {
    'k:{"type":"Ready"}': { ".": {}, "f:status": {}, "f:type": {} },
    'k:{"type":"Initialized"}': { ".": {}, "f:status": {} },
  },
};

for (const { name, tree } of [
  { name: "an empty one", tree: {} },
  { name: "quoted keys and values of sets", tree: { "f:x": { 'v:"a\\nb"': {}, "v:7": {}, ".": {} } } },
  { name: "text beyond ASCII", tree: { "f:metadata": { "f:labels": { "f:größe-📦": {} } } } },
  { name: "one of several levels", tree: { "f:status": shared } },
  { name: "one whose branches were seen in another", tree: { "f:status": { ...shared, "f:podIP": {} } } },
  { name: "keys that an object has in an order of its own", tree: { "f:b": {}, "f:a": {}, 2: {}, 1: {} } },
  { name: "what is no tree", tree: { "f:a": "text", "f:b": [1, null], "f:c": null, "f:d": 1.5 } },
]) {
  test(`the text of managed fields is their JSON, however often it is asked for: ${name}`, () => {
    for (let round = 0; round < 4; round++) {
      const writer = new ReverseWriter(16);
      writeFieldsText(writer, tree);
      assert.equal(Buffer.from(writer.finish()).toString(), JSON.stringify(tree));
    }
  });
}

test("the text of a tree stays its own when more trees came than are remembered", () => {
  const treeOf = (index: number) => ({ "f:metadata": { "f:labels": { [`f:label-${index}`]: {} } } });
  const trees = Array.from({ length: 3000 }, (_, index) => treeOf(index));
  for (let round = 0; round < 3; round++)
    for (const tree of trees) {
      const writer = new ReverseWriter();
      writeFieldsText(writer, tree);
      assert.equal(Buffer.from(writer.finish()).toString(), JSON.stringify(tree));
    }
});
