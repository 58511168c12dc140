import assert from "node:assert/strict";
import { test } from "node:test";
import { expandReferences } from "./expansion.ts";

const values: Record<string, string> = { A: "one", B: "two", EMPTY: "" };

for (const { name, input, want } of [
  { name: "replaces a known name", input: "$(A)-$(B)", want: "one-two" },
  { name: "replaces by an empty value", input: "[$(EMPTY)]", want: "[]" },
  { name: "keeps an unknown name as written", input: "$(NOPE)", want: "$(NOPE)" },
  { name: "takes $$ for a dollar sign", input: "$$(A)", want: "$(A)" },
  { name: "expands after an escaped dollar", input: "$$$(A)", want: "$one" },
  { name: "keeps an unclosed reference", input: "$(A", want: "$(A" },
  { name: "keeps a lone dollar", input: "a$b$", want: "a$b$" },
  { name: "does not expand twice", input: "$($(A))", want: "$($(A))" },
]) {
  test(`Variable expansion ${name}`, () =>
    assert.equal(
      expandReferences(input, (key) => values[key]),
      want,
    ));
}
