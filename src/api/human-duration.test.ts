import assert from "node:assert/strict";
import { test } from "node:test";
import { humanAge, humanDuration } from "./human-duration.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

for (const [milliseconds, want] of [
  [0, "0s"],
  [second - 1, "0s"],
  [119 * second, "119s"],
  [2 * minute, "2m"],
  [3 * minute + 5 * second, "3m5s"],
  [10 * minute, "10m"],
  [179 * minute, "179m"],
  [3 * hour, "3h"],
  [3 * hour + 30 * minute, "3h30m"],
  [8 * hour, "8h"],
  [47 * hour, "47h"],
  [2 * day, "2d"],
  [2 * day + 3 * hour, "2d3h"],
  [8 * day, "8d"],
  [729 * day, "729d"],
  [730 * day, "2y"],
  [800 * day, "2y70d"],
  [3000 * day, "8y"],
  [-second, "0s"],
  [-2 * second, "<invalid>"],
] as const)
  test(`${milliseconds / second} seconds are shown as ${want}`, () =>
    assert.equal(humanDuration(milliseconds), want));

test("the age of what has no timestamp is unknown", () => {
  assert.equal(humanAge(undefined, 0), "<unknown>");
  assert.equal(humanAge(null, 0), "<unknown>");
  assert.equal(humanAge("1970-01-01T00:00:00Z", 5000), "5s");
});
