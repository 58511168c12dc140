import assert from "node:assert/strict";
import { test } from "node:test";
import { yamlBytes } from "./encode.ts";

for (const { name, object, want } of [
  { name: "keys are in their order", object: { b: 1, a: 2 }, want: "a: 2\nb: 1\n" },
  {
    name: "lists are as far in as what they are of",
    object: { items: [{ a: 1 }] },
    want: "items:\n- a: 1\n",
  },
  {
    name: "a time is text, also for who reads YAML 1.1",
    object: { time: "2026-01-01T00:00:00Z" },
    want: 'time: "2026-01-01T00:00:00Z"\n',
  },
  { name: "so is what was once a boolean", object: { a: "yes", n: "off" }, want: 'a: "yes"\n"n": "off"\n' },
  {
    name: "so is what was once a number",
    object: { a: "1_000", b: "0777" },
    want: 'a: "1_000"\nb: "0777"\n',
  },
])
  test(`in YAML, ${name}`, async () => {
    assert.equal(new TextDecoder().decode(await yamlBytes(object)), want);
  });
