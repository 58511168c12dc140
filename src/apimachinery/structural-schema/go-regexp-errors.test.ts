import assert from "node:assert/strict";
import { test } from "node:test";
import { goRegExp } from "./go-regexp.ts";

for (const [pattern, want] of [
  ["(a", "missing closing ): `(a`"],
  ["a)", "unexpected ): `a)`"],
  ["*a", "missing argument to repetition operator: `*`"],
  ["[a", "missing closing ]: `[a`"],
  ["[z-a]", "invalid character class range: `z-a`"],
  ["a{2,1}", "invalid repeat count: `{2,1}`"],
  ["a{1001}", "invalid repeat count: `{1001}`"],
  ["a\\", "trailing backslash at end of expression: ``"],
  ["(?=a)", "invalid or unsupported Perl syntax: `(?=`"],
  ["(?<!a)", "invalid or unsupported Perl syntax: `(?<`"],
  ["(a)\\1", "invalid escape sequence: `\\1`"],
] as const) {
  test(`the regular expression ${pattern} is refused in Go's words`, () =>
    assert.throws(() => goRegExp(pattern), { message: `error parsing regexp: ${want}` }));
}

test("what Go repeats a thousand times is a regular expression", () => {
  assert.ok(goRegExp("^a{1000}$"));
});
