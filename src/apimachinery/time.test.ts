import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalTime } from "./time.ts";

for (const [text, micro, want] of [
  ["2026-01-02T03:04:05Z", false, "2026-01-02T03:04:05Z"],
  ["2026-01-02T03:04:05.999Z", false, "2026-01-02T03:04:05Z"],
  ["2026-01-02T03:04:05+02:00", false, "2026-01-02T01:04:05Z"],
  ["2026-01-02T03:04:05.1234567Z", true, "2026-01-02T03:04:05.123456Z"],
  ["2026-01-02T03:04:05Z", true, "2026-01-02T03:04:05.000000Z"],
  ["2026-13-02T03:04:05Z", false, undefined],
  ["2026-01-02 03:04:05", false, undefined],
  ["yesterday", false, undefined],
] as const) {
  test(`the time ${text} ${micro ? "with microseconds " : ""}is ${want ?? "refused"}`, () =>
    assert.equal(canonicalTime(text, { micro }), want));
}
