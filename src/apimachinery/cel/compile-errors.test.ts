import assert from "node:assert/strict";
import { test } from "node:test";
import { CelCompileError, createCelEnvironment } from "./environment.ts";
import { typeOfSchema } from "./types.ts";

const self = typeOfSchema({
  type: "object",
  properties: {
    a: { type: "object", properties: { b: { type: "string" } } },
    s: { type: "string" },
    n: { type: "integer" },
    f: { type: "number" },
    l: { type: "array", items: { type: "integer" } },
  },
});
const environment = createCelEnvironment({ self });

const refusal = (expression: string): string => {
  try {
    environment.compile(expression);
  } catch (error) {
    if (error instanceof CelCompileError) return error.message;
    throw error;
  }
  return "";
};

/** Faults as v1.36.2 tells them: where, what, and how far its sign is from the beginning. */
for (const { expression, want } of [
  {
    expression: "self.x == 1 && self.y == 2",
    want: [
      [5, "undefined field 'x'", 4],
      [20, "undefined field 'y'", 19],
    ],
  },
  {
    expression: "self.s == 1 && self.n == 'a'",
    want: [
      [8, "found no matching overload for '_==_' applied to '(string, int)'", 7],
      [23, "found no matching overload for '_==_' applied to '(int, string)'", 22],
    ],
  },
  {
    expression: "self.s.foo() && self.n.bar()",
    want: [
      [11, "undeclared reference to 'foo' (in container '')", 10],
      [27, "undeclared reference to 'bar' (in container '')", 26],
    ],
  },
  {
    expression: "self.n && self.f",
    want: [
      [5, "expected type 'bool' but found 'int'", 4],
      [15, "expected type 'bool' but found 'double'", 14],
    ],
  },
  {
    expression: "self.l.all(x, x) && true",
    want: [[15, "expected type 'bool' but found 'int'", 14]],
  },
  { expression: "1 == 9223372036854775808", want: [[6, "invalid int literal", 5]] },
  { expression: "has(self)", want: [[5, "invalid argument to has() macro", 4]] },
  {
    expression: "jsonpatch.escapeKey('a/b') == 'a~1b'",
    want: [
      [1, "undeclared reference to 'jsonpatch' (in container '')", 0],
      [20, "undeclared reference to 'escapeKey' (in container '')", 19],
    ],
  },
  {
    expression: "self.a['b'] == 'x'",
    want: [[7, "found no matching overload for '_[_]' applied to '(selfType.a, string)'", 6]],
  },
  {
    expression: "self.a['z'] == 'x'",
    want: [[7, "found no matching overload for '_[_]' applied to '(selfType.a, string)'", 6]],
  },
] as const)
  test(`all that is wrong is told, where it is: ${expression}`, () => {
    const lines = want.map(
      ([column, text, dots]) =>
        `ERROR: <input>:1:${column}: ${text}\n | ${expression}\n | ${".".repeat(dots)}^`,
    );
    assert.equal(refusal(expression), lines.join("\n"));
  });

test("places are counted in characters, those of several bytes drawn wide", () => {
  assert.match(refusal("'😀'.size() == 1 && self.x"), /^ERROR: <input>:1:24: .*\n.*\n \| \.．\.{21}\^$/s);
  assert.match(refusal("'😀é' == self.n"), /^ERROR: <input>:1:6: .*\n.*\n \| \.．．\.\.\^$/s);
});

const nested = (count: number, open: string, inner: string, close: string) =>
  open.repeat(count) + inner + close.repeat(count);

for (const { name, expression, want } of [
  { name: "249 parentheses", expression: nested(249, "(", "true", ")"), want: "" },
  {
    name: "251 parentheses",
    expression: nested(251, "(", "true", ")"),
    want: "ERROR: <input>:-1:0: expression recursion limit exceeded: 250",
  },
  {
    name: "251 lists",
    expression: `${nested(251, "[", "1", "]")} == []`,
    want: "ERROR: <input>:-1:0: expression recursion limit exceeded: 250",
  },
  { name: "249 sums", expression: `1${" + 1".repeat(249)} == 1`, want: "" },
  {
    name: "251 sums",
    expression: `1${" + 1".repeat(251)} == 1`,
    want: "ERROR: <input>:-1:0: max recursion depth exceeded",
  },
  {
    name: "251 selections",
    expression: `self${".s".repeat(251)} == 1`,
    want: "ERROR: <input>:-1:0: max recursion depth exceeded",
  },
  { name: "300 conditions", expression: `true${" && true".repeat(300)}`, want: "" },
])
  test(`what is nested too deep is refused: ${name}`, () => {
    assert.equal(refusal(expression), want);
  });
