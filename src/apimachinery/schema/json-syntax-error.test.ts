import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonSyntaxError } from "./json-syntax-error.ts";

for (const { text, want } of [
  { text: "", want: "unexpected end of JSON input" },
  { text: '{"a":1', want: "unexpected end of JSON input" },
  { text: "x", want: "invalid character 'x' looking for beginning of value" },
  { text: '{"a":1 x', want: "invalid character 'x' after object key:value pair" },
  { text: "[1 x", want: "invalid character 'x' after array element" },
  { text: '{"a" x', want: "invalid character 'x' after object key" },
  { text: "{x", want: "invalid character 'x' looking for beginning of object key string" },
  { text: '{"a":1,}', want: "invalid character '}' looking for beginning of object key string" },
  { text: "{} x", want: "invalid character 'x' after top-level value" },
  { text: "nul", want: "unexpected end of JSON input" },
  { text: "nulx", want: "invalid character 'x' in literal null (expecting 'l')" },
  { text: "-x", want: "invalid character 'x' in numeric literal" },
  { text: "01", want: "invalid character '1' after top-level value" },
  { text: "1.x", want: "invalid character 'x' after decimal point in numeric literal" },
  { text: "[1e]", want: "invalid character ']' in exponent of numeric literal" },
  { text: '"a\nb"', want: "invalid character '\\n' in string literal" },
  { text: '"a\\x"', want: "invalid character 'x' in string escape code" },
  { text: '"\\u00g0"', want: "invalid character 'g' in \\u hexadecimal character escape" },
  { text: '"a', want: "unexpected end of JSON input" },
  { text: "'a'", want: "invalid character '\\'' looking for beginning of value" },
  { text: "é", want: "invalid character 'Ã' looking for beginning of value" },
  { text: "[".repeat(20_000), want: "exceeded max depth" },
]) {
  test(`the text ${JSON.stringify(text.slice(0, 40))} is refused in the words of Go's parser`, () => {
    assert.throws(() => JSON.parse(text));
    assert.equal(jsonSyntaxError(text), want);
  });
}
