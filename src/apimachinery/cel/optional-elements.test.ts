import assert from "node:assert/strict";
import { test } from "node:test";
import { CelCompileError, createCelEnvironment } from "./environment.ts";
import { withOptionalElements } from "./optional-elements.ts";
import { typeOfSchema } from "./types.ts";

const self = typeOfSchema({
  type: "object",
  properties: { s: { type: "string" }, l: { type: "array", items: { type: "string" } } },
});
const environment = createCelEnvironment({ self });
const variables = { self: self.fromJson({ s: "here", l: ["a"] }) };

for (const expression of [
  "[?optional.of(1), 2] == [1, 2]",
  "[?optional.none(), 2] == [2]",
  "[?self.?s, 'x'].size() == 2",
  "[?self.l[?0], ?self.l[?7]] == ['a']",
  "{?'k': optional.of(1)} == {'k': 1}",
  "{?'k': self.l[?7], 'x': 'y'} == {'x': 'y'}",
  "{?'k': true ? optional.of('a') : optional.none(), 'x': 'y'}.size() == 2",
  "[?optional.of([?optional.of(1)])] == [[1]]",
  "'a' in [?self.l[?0]]",
  "['[?x]', ?optional.of(',?')].size() == 2",
  "[?optional.none()] == []",
])
  test(`true is ${expression}`, () => {
    assert.equal(environment.compile(expression).evaluate(variables), true);
  });

for (const { expression, want } of [
  { expression: "[?1] == [1]", want: /expected type 'optional_type\(int\)' but found 'int'/ },
  { expression: "{?'k': 1} == {}", want: /expected type 'optional_type\(int\)' but found 'int'/ },
  { expression: "[1, ?optional.of('a')].size() == 1", want: /expected type 'int' but found 'string'/ },
  { expression: "[?optional.of(1)] == ['a']", want: /'_==_' applied to '\(list\(int\), list\(string\)\)'/ },
])
  test(`refused is ${expression}`, () => {
    assert.throws(
      () => environment.compile(expression),
      (error) => error instanceof CelCompileError && want.test(error.message),
    );
  });

test("an index that may lead to nothing is no element", () => {
  const expression = "self.l[?0].orValue('?') == f(a, b ? c : d)";
  assert.equal(withOptionalElements(expression), expression);
});
