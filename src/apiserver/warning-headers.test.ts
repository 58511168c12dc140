import assert from "node:assert/strict";
import { test } from "node:test";
import { warningHeaders } from "./warning-headers.ts";

const long = (length: number, character = "a") => character.repeat(length);

for (const { name, texts, want } of [
  { name: "quotes what stands for itself", texts: ['a "b" \\c'], want: ['299 - "a \\"b\\" \\\\c"'] },
  { name: "leaves out what no header can hold", texts: ["a\nb", "c"], want: ['299 - "c"'] },
  {
    name: "gives all that fits",
    texts: [long(4000), long(96)],
    want: [`299 - "${long(4000)}"`, `299 - "${long(96)}"`],
  },
  {
    name: "cuts all once one is too much",
    texts: [long(4000), "b", long(96)],
    want: [`299 - "${long(256)}"`, '299 - "b"', `299 - "${long(96)}"`],
  },
  {
    name: "adds none to cut ones that are too many",
    texts: Array.from({ length: 20 }, () => long(300)),
    want: Array.from({ length: 16 }, () => `299 - "${long(256)}"`),
  },
  { name: "counts characters, not bytes", texts: [long(4096, "é")], want: [`299 - "${long(4096, "é")}"`] },
])
  test(`a Warning header ${name}`, () => {
    assert.deepEqual(warningHeaders(texts), want);
  });
