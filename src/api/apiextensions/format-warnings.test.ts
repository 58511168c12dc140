import assert from "node:assert/strict";
import { test } from "node:test";
import { definitionOf, objectOf } from "../test-support/objects.ts";

function definition(format: string) {
  const properties = {
    known: { type: "string", format: "date-time" },
    short: { type: "array", items: { type: "string", format: "k8s-short-name" } },
    number: { type: "integer", format: "int64" },
    odd: { type: "integer", format },
    object: { type: "object", format: "nothing" },
  };
  return objectOf("apiextensions.k8s.io/v1", "CustomResourceDefinition", {
    spec: { versions: [{ name: "v1", schema: { openAPIV3Schema: { type: "object", properties } } }] },
  });
}

test("formats that nobody checks are told of when they come", () => {
  const { strategy } = definitionOf("apiextensions.k8s.io/v1", "CustomResourceDefinition");
  const [first, second] = [definition("int8"), definition("int16")];
  assert.deepEqual(strategy.warnings?.(first), ['unrecognized format "int8"']);
  assert.deepEqual(strategy.warnings?.(first, first), []);
  assert.deepEqual(strategy.warnings?.(second, first), ['unrecognized format "int16"']);
});
