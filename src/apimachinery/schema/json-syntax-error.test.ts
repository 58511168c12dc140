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
]) {
  test(`the text ${JSON.stringify(text)} is refused in the words of Go's parser`, () => {
    assert.throws(
      () => JSON.parse(text),
      (error) => {
        assert.equal(jsonSyntaxError(error, text), want);
        return true;
      },
    );
  });
}
