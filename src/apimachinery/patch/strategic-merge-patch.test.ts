import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "../api-error.ts";
import { createSchemaTables } from "../schema/tables.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

const model = createSchemaTables({
  packages: {
    "t.v1": {
      group: "t",
      version: "v1",
      openApiPrefix: "t.v1",
      enums: {},
      models: {
        Thing: [
          "items|[Item|1|e|map|name|merge|name",
          "finalizers|[string|2|e|set||merge",
          "args|[string|3|e|atomic",
          "plain|[Item|4|e|atomic",
          "labels|{string|5|e",
          "strategy|Strategy|6|e|||retainKeys",
          "selector|Strategy|7|pe|||replace",
        ].join(" "),
        Item: "name|string|1|r value|string|2|e ports|[Port|3|e|map|port|merge|port",
        Port: "port|int32|1|r name|string|2|e",
        Strategy: "type|string|1|e rollingUpdate|Item|2|pe",
      },
    },
  },
}).model("t.v1.Thing");

const [a, b, c] = [
  { name: "a", value: "1" },
  { name: "b", value: "2" },
  { name: "c", value: "3" },
];

for (const { name, original, patch, want } of [
  {
    name: "merges maps and removes with null",
    original: { labels: { x: "1", y: "2" } },
    patch: { labels: { y: null, z: "3" } },
    want: { labels: { x: "1", z: "3" } },
  },
  {
    name: "merges lists of objects by their key",
    original: { items: [a, b] },
    patch: { items: [{ name: "b", value: "9" }] },
    want: { items: [a, { name: "b", value: "9" }] },
  },
  {
    name: "puts what is new before what the patch does not speak of, as upstream does",
    original: { items: [a] },
    patch: { items: [b] },
    want: { items: [b, a] },
  },
  {
    name: "merges nested lists",
    original: { items: [{ name: "a", ports: [{ port: 1, name: "x" }] }] },
    patch: { items: [{ name: "a", ports: [{ port: 2 }, { port: 1, name: "y" }] }] },
    want: { items: [{ name: "a", ports: [{ port: 2 }, { port: 1, name: "y" }] }] },
  },
  {
    name: "replaces atomic lists",
    original: { args: ["a", "b"], plain: [a] },
    patch: { args: ["c"], plain: [b] },
    want: { args: ["c"], plain: [b] },
  },
  {
    name: "unites lists of primitives that merge",
    original: { finalizers: ["x", "y"] },
    patch: { finalizers: ["y", "z"] },
    want: { finalizers: ["x", "y", "z"] },
  },
  {
    name: "deletes an item by $patch: delete",
    original: { items: [a, b, c] },
    patch: { items: [{ $patch: "delete", name: "b" }] },
    want: { items: [a, c] },
  },
  {
    name: "replaces a list by $patch: replace",
    original: { items: [a, b] },
    patch: { items: [{ $patch: "replace" }, c] },
    want: { items: [c] },
  },
  {
    name: "replaces an object by $patch: replace",
    original: { labels: { x: "1" } },
    patch: { labels: { $patch: "replace", y: "2" } },
    want: { labels: { y: "2" } },
  },
  {
    name: "empties an object by $patch: delete",
    original: { labels: { x: "1" } },
    patch: { labels: { $patch: "delete" } },
    want: { labels: {} },
  },
  {
    name: "replaces where the strategy is replace",
    original: { selector: { type: "x", rollingUpdate: a } },
    patch: { selector: { type: "y" } },
    want: { selector: { type: "y" } },
  },
  {
    name: "keeps only $retainKeys",
    original: { strategy: { type: "RollingUpdate", rollingUpdate: a } },
    patch: { strategy: { $retainKeys: ["type"], type: "Recreate" } },
    want: { strategy: { type: "Recreate" } },
  },
  {
    name: "removes primitives by $deleteFromPrimitiveList",
    original: { finalizers: ["x", "y", "z"] },
    patch: { "$deleteFromPrimitiveList/finalizers": ["y"] },
    want: { finalizers: ["x", "z"] },
  },
  {
    name: "orders items by $setElementOrder",
    original: { items: [a, b, c] },
    patch: { "$setElementOrder/items": [{ name: "c" }, { name: "a" }], items: [{ name: "a", value: "9" }] },
    want: { items: [b, c, { name: "a", value: "9" }] },
  },
  {
    name: "orders without a change by $setElementOrder",
    original: { items: [a, b] },
    patch: { "$setElementOrder/items": [{ name: "b" }, { name: "a" }] },
    want: { items: [b, a] },
  },
  {
    name: "orders primitives, keeping the server's own",
    original: { finalizers: ["s", "x", "y"] },
    patch: { "$setElementOrder/finalizers": ["y", "x"], finalizers: ["y"] },
    want: { finalizers: ["s", "y", "x"] },
  },
  {
    name: "combines deletion and order",
    original: { finalizers: ["a", "b", "c"] },
    patch: { "$setElementOrder/finalizers": ["c", "a"], "$deleteFromPrimitiveList/finalizers": ["b"] },
    want: { finalizers: ["c", "a"] },
  },
  {
    name: "drops directives and nulls from what is new",
    original: {},
    patch: { items: [{ $patch: "delete", name: "a" }, b], labels: { x: null, y: "1" } },
    want: { items: [b], labels: { y: "1" } },
  },
  {
    name: "ignores null for what is absent",
    original: { args: ["a"] },
    patch: { labels: null },
    want: { args: ["a"] },
  },
  {
    name: "merges unknown objects and replaces unknown lists",
    original: { other: { x: [1], y: 1 } },
    patch: { other: { x: [2] } },
    want: { other: { x: [2], y: 1 } },
  },
]) {
  test(`a strategic merge patch ${name}`, () => {
    const before = structuredClone(original);
    assert.deepEqual(applyStrategicMergePatch(original, patch, model), want);
    assert.deepEqual(original, before, "the original must not change");
  });
}

for (const { name, patch, code, message = /./ } of [
  {
    name: "an item without its key",
    patch: { items: [{ value: "1" }] },
    code: 500,
    message: /^map: map\[value:1\] does not contain declared merge key: name$/,
  },
  {
    name: "an unknown directive",
    patch: { labels: { $patch: "explode" } },
    code: 500,
    message: /^unknown patch type: explode in map: map\[\$patch:explode\]$/,
  },
  {
    name: "an order that the list contradicts",
    patch: { "$setElementOrder/items": [{ name: "a" }, { name: "b" }], items: [b, a] },
    code: 500,
    message: /^The order in patch list:\n\[map\[.*\]\]\n doesn't match \$setElementOrder list:\n/,
  },
  {
    name: "an order that is no list",
    patch: { "$setElementOrder/items": "a" },
    code: 500,
    message: /^expected a \[\]interface \{\}, but received a string$/,
  },
  {
    name: "an order of what is no field",
    patch: { "$setElementOrder/foo": [] },
    code: 500,
    message: /^unable to find api field in struct \w+ for the json field "foo"$/,
  },
  {
    name: "an order of what has no key",
    patch: { "$setElementOrder/items": [{ foo: "d" }] },
    code: 500,
    message: /^map: map\[foo:d\] does not contain declared merge key: name$/,
  },
  {
    name: "$retainKeys that leaves out what is set",
    patch: { labels: { $retainKeys: ["x"], y: "1" } },
    code: 400,
  },
  { name: "what is no object", patch: [], code: 400 },
]) {
  test(`a strategic merge patch is refused for ${name}`, () => {
    const original = { items: [a], labels: { x: "1" } };
    assert.throws(
      () => applyStrategicMergePatch(original, patch, model),
      (error) => isApiError(error) && error.code === code && message.test(error.message),
    );
  });
}
