import assert from "node:assert/strict";
import { test } from "node:test";
import { publishedDefault } from "./published-default.ts";
import { createSchemaTables } from "./tables.ts";

const tables = createSchemaTables({
  packages: {
    "t.v1": {
      group: "t",
      version: "v1",
      openApiPrefix: "t.v1",
      enums: {},
      models: {
        Part: "",
        Thing:
          'text|string|1| empty|string|2|e pointer|string|3|p count|int32|4| is|bool|5| part|Part|6|e partPointer|Part|7|p list|[string|8| when|time|9| declared|string|10|pe|||||"TCP"',
      },
    },
  },
});

for (const { name, want } of [
  { name: "text", want: "" },
  { name: "empty", want: undefined },
  { name: "pointer", want: undefined },
  { name: "count", want: 0 },
  { name: "is", want: false },
  { name: "part", want: {} },
  { name: "partPointer", want: undefined },
  { name: "list", want: undefined },
  { name: "when", want: undefined },
  { name: "declared", want: "TCP" },
])
  test(`the published default of ${name} is ${JSON.stringify(want) ?? "none"}`, () => {
    const field = tables.model("t.v1.Thing").field(name);
    assert.ok(field);
    assert.deepEqual(publishedDefault(field), want);
  });
