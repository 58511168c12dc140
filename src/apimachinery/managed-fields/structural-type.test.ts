import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonSchema } from "../structural-schema/json-schema.ts";
import { compare } from "./compare.ts";
import { configuredSet, reconciledWithType } from "./configured-set.ts";
import { merge } from "./merge.ts";
import { deducedType } from "./merge-type.ts";
import { mergeTypeOfCustomKind } from "./structural-type.ts";
import { tables } from "./test-support/things.ts";
import { checkType } from "./type-check.ts";

const schema: JsonSchema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        hosts: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
        ports: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["port", "protocol"],
          items: {
            type: "object",
            properties: { port: { type: "integer" }, protocol: { type: "string", default: "TCP" } },
          },
        },
        selector: {
          type: "object",
          additionalProperties: { type: "string" },
          "x-kubernetes-map-type": "atomic",
        },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        target: { "x-kubernetes-int-or-string": true },
      },
    },
  },
};
const type = mergeTypeOfCustomKind(schema, tables.model("t.v1.Meta"));

test("a custom kind is owned as its schema says", () => {
  const object = {
    apiVersion: "t/v1",
    metadata: { name: "x", labels: { a: "b" } },
    spec: {
      hosts: ["h"],
      ports: [{ port: 1 }],
      selector: { a: "b" },
      free: { a: { b: [1] } },
      target: "50%",
    },
  };
  assert.deepEqual(checkType(type, object), []);
  assert.deepEqual(configuredSet(type, object.spec === undefined ? {} : { spec: object.spec }), {
    "f:spec": {
      "f:hosts": { 'v:"h"': {} },
      "f:ports": { 'k:{"port":1,"protocol":"TCP"}': { ".": {}, "f:port": {} } },
      "f:selector": {},
      "f:free": { "f:a": { ".": {}, "f:b": {} } },
      "f:target": {},
    },
  });
});

test("a field that no schema declares is refused in a closed object, taken in an open one", () => {
  assert.deepEqual(checkType(type, { spec: { other: 1 } }), [
    { path: ".spec.other", message: "field not declared in schema" },
  ]);
  assert.deepEqual(checkType(type, { spec: { free: { other: 1 } } }), []);
});

test("what became atomic is owned as one", () => {
  const before = { "f:spec": { "f:selector": { "f:a": {} }, "f:hosts": { 'v:"h"': {} } } };
  assert.deepEqual(reconciledWithType(type, before), {
    "f:spec": { "f:selector": {}, "f:hosts": { 'v:"h"': {} } },
  });
  const now = { "f:spec": { "f:selector": {} } };
  assert.equal(reconciledWithType(type, now), now);
});

test("without a schema maps are merged by key and lists replaced", () => {
  const live = { a: { x: 1, y: 2 }, list: [1, 2] };
  const applied = { a: { y: 3 }, list: [3] };
  assert.deepEqual(merge(deducedType, live, applied), { a: { x: 1, y: 3 }, list: [3] });
  assert.deepEqual(compare(deducedType, live, { a: { x: 1 }, list: { k: 1 } }), {
    added: { "f:list": { "f:k": {} } },
    removed: { "f:a": { "f:y": {} } },
    modified: { "f:list": {} },
  });
});
