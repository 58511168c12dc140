import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonSchema } from "../structural-schema/json-schema.ts";
import { CostBudget, createCelEnvironment } from "./environment.ts";
import { estimateCost } from "./estimate.ts";
import { dynType, typeOfSchema } from "./types.ts";

const item = (type: string): JsonSchema =>
  ({
    "int-or-string": { "x-kubernetes-int-or-string": true },
    duration: { type: "string", format: "duration" },
    date: { type: "string", format: "date" },
    "date-time": { type: "string", format: "date-time" },
  })[type] ?? { type };
const list = (of: string) => (maxItems?: number) => bounded({ type: "array", items: item(of) }, { maxItems });
const map = (of: string) => (maxProperties?: number) =>
  bounded({ type: "object", additionalProperties: item(of) }, { maxProperties });
const text =
  (format?: string) =>
  (maxLength?: number): JsonSchema =>
    bounded({ type: "string", ...(format === undefined ? {} : { format }) }, { maxLength });
const bounded = (
  schema: JsonSchema,
  bounds: { readonly [bound: string]: number | undefined },
): JsonSchema => ({
  ...schema,
  ...Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined)),
});
const objects = (maxItems?: number) =>
  bounded(
    {
      type: "array",
      items: {
        type: "object",
        required: ["required"],
        properties: { required: { type: "string" }, optional: { type: "string" } },
      },
    },
    { maxItems },
  );
const listsOf = (maxItems?: number) =>
  bounded({ type: "array", items: { type: "array", items: { type: "number" } } }, { maxItems });
const listsOfMaps = (maxItems?: number) =>
  bounded(
    { type: "array", items: { type: "object", additionalProperties: { type: "number" } } },
    { maxItems },
  );

// The figures of upstream's own tests (`TestCostEstimation`): a schema without bounds, and one with them.
for (const [schema, rule, unbounded, bound, bounds] of [
  [list("number"), "self.all(x, true)", 4718591, 10, 32],
  [list("string"), "self.all(x, true)", 3145727, 20, 62],
  [list("boolean"), "self.all(x, true)", 1887437, 5, 17],
  [listsOf, "self.all(x, true)", 3145727, 100, 302],
  [map("number"), "self.all(x, true)", 1348169, 10, 32],
  [map("string"), "self.all(x, true)", 1179647, 3, 11],
  [map("boolean"), "self.all(x, true)", 943718, 100, 302],
  [text(), "self.contains('test')", 314574, 10, 5],
  [text(), "self.startsWith('test')", 2, 15, 2],
  [text(), "self.endsWith('test')", 2, 30, 2],
  [text(), 'size(self + "hello") > size("hello")', 314578, 4, 7],
  [list("number"), "self[1] == 0.0", 2, 5000, 2],
  [list("string"), "self[1] == self[1]", 314577, 8, 314577],
  [list("number"), "self.all(x, self.all(y, true))", undefined, 10, 352],
  [list("number"), "self.all(x, self.all(y, self.all(z, true)))", undefined, 10, 3552],
  [text(), 'self.matches("x")', 314574, 50, 22],
  [text(), '"".matches("(((((((((())))))))))[0-9]")', 7, 10, 7],
  [text(), 'self.matches("")', 1, 100, 1],
  [text(), 'self == "x"', 2, 0, 1],
  [text("byte"), 'self == b"x"', 2, 0, 1],
  [list("number"), "self.all(x, x == 0.0)", 6291454, 3 * 1024 * 2048, 25165826],
  [list("int-or-string"), "self.all(x, true)", 4718591, 10, 32],
  [list("int-or-string"), "self[0] == 5", 3, 10, 3],
  [list("boolean"), "self[0] == false", 2, 25, 2],
  [objects, "self[0] == null", 2, 422, 2],
  [listsOf, "self[0][0] == -1.0", 3, 51, 3],
  [listsOfMaps, "self.all(x, x.y == 25.2)", 6291452, 12, 74],
  [listsOfMaps, "self[0].x > 2.0", 4, 3000, 4],
  [list("duration"), "self.all(x, true)", 2359295, 5, 17],
  [list("duration"), "self[0].getHours() == 2", 4, 525, 4],
  [list("date"), "self.all(x, true)", 725936, 15, 47],
  [list("date"), "self[2].getDayOfMonth() == 13", 4, 42, 4],
  [list("date-time"), "self.all(x, true)", 428963, 25, 77],
  [list("date-time"), "self[2].getMinutes() == 45", 4, 42, 4],
] as const) {
  test(`estimate of ${rule}: ${unbounded ?? "too much"}, and ${bounds} with at most ${bound}`, () => {
    const cost = (max?: number) => {
      const type = typeOfSchema(schema(max));
      return estimateCost(createCelEnvironment({ self: type }).compile(rule).syntax, type.size);
    };
    if (unbounded === undefined) assert.ok(cost() > 10_000_000);
    else assert.equal(cost(), unbounded);
    assert.equal(cost(bound), bounds);
  });
}

/** What evaluating cost. */
function spent(expression: string, variables: Readonly<Record<string, unknown>>): number {
  const types = Object.fromEntries(Object.keys(variables).map((name) => [name, dynType]));
  const budget = new CostBudget(1e9);
  createCelEnvironment(types).compile(expression).evaluate(variables, budget);
  return 1e9 - budget.remaining;
}

test("an evaluation is charged for what it looked at, not for what it might have", () => {
  assert.equal(spent("a.b.c == 'x'", { a: new Map([["b", new Map([["c", "x"]])]]) }), 4);
  assert.equal(spent("a || b", { a: true, b: false }), 1);
  assert.equal(spent("l.all(x, x > 0)", { l: [1n, 2n, 3n] }), 1 + 1 + 3 * 5);
});
