import assert from "node:assert/strict";
import { test } from "node:test";
import { parseYamlText } from "./yaml-text.ts";

for (const { text, want } of [
  { text: "a: [", want: "line 1: did not find expected node content" },
  { text: "a: [1, 2", want: "line 1: did not find expected ',' or ']'" },
  { text: "a: {b: 1", want: "line 1: did not find expected ',' or '}'" },
  { text: "a: b: c", want: "mapping values are not allowed in this context" },
  { text: "x: 1\na: b: c", want: "line 2: mapping values are not allowed in this context" },
  { text: "\ta: b", want: "found character that cannot start any token" },
  { text: "a: @x", want: "found character that cannot start any token" },
  { text: "%", want: "could not find expected directive name" },
  { text: "a: 'x", want: "found unexpected end of stream" },
  { text: "x: 1\na: 'x\n", want: "line 3: found unexpected end of stream" },
  { text: 'a: "\\q"', want: "found unknown escape character" },
  { text: "a: >x", want: "did not find expected comment or line break" },
  { text: "a: *", want: "did not find expected alphabetic or numeric character" },
  { text: "a: -", want: "block sequence entries are not allowed in this context" },
  { text: "a: 1\n- b", want: "line 1: did not find expected key" },
  { text: "a:\n  b: 1\n c: 2", want: "line 2: did not find expected key" },
  { text: "a: 'b' c", want: "did not find expected key" },
  { text: "}", want: "did not find expected node content" },
  { text: "a: &x 1\nb: *y", want: "unknown anchor 'y' referenced" },
])
  test(`YAML that reads ${JSON.stringify(text)} is refused in Go's words`, async () => {
    await assert.rejects(parseYamlText(text), { message: want });
  });
