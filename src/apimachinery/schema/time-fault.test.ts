import assert from "node:assert/strict";
import { test } from "node:test";
import { timeFault } from "./time-fault.ts";

const layout = "2006-01-02T15:04:05Z07:00";

for (const { text, want } of [
  { text: "bad", want: `parsing time "bad" as "${layout}": cannot parse "bad" as "2006"` },
  { text: "", want: `parsing time "" as "${layout}": cannot parse "" as "2006"` },
  {
    text: "2026/01/02",
    want: `parsing time "2026/01/02" as "${layout}": cannot parse "/01/02" as "-"`,
  },
  { text: "2026-01-02", want: `parsing time "2026-01-02" as "${layout}": cannot parse "" as "T"` },
  {
    text: "2026-01-02T03:04:05",
    want: `parsing time "2026-01-02T03:04:05" as "${layout}": cannot parse "" as "Z07:00"`,
  },
  { text: "2026-13-02T03:04:05Z", want: 'parsing time "2026-13-02T03:04:05Z": month out of range' },
  { text: "2026-02-30T03:04:05Z", want: 'parsing time "2026-02-30T03:04:05Z": day out of range' },
  { text: "2026-01-02T25:04:05Z", want: 'parsing time "2026-01-02T25:04:05Z": hour out of range' },
  { text: "2026-01-02T03:04:05Zx", want: 'parsing time "2026-01-02T03:04:05Zx": extra text: "x"' },
]) {
  test(`the time ${JSON.stringify(text)} is refused in the words of Go's parser`, () => {
    assert.equal(timeFault(text, layout), want);
  });
}
