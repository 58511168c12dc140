import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFieldSelector } from "./field-selector.ts";
import { formatLabelSelector, matchesLabels, parseLabelSelector, selectorMatches } from "./label-selector.ts";

for (const { text, labels, want } of [
  { text: "", labels: {}, want: true },
  { text: "app=web", labels: { app: "web" }, want: true },
  { text: "app==web", labels: { app: "db" }, want: false },
  { text: "app!=web", labels: {}, want: true },
  { text: "app in (web, db), tier", labels: { app: "db", tier: "" }, want: true },
  { text: "app notin (web,db)", labels: { app: "db" }, want: false },
  { text: "!canary,app", labels: { app: "x" }, want: true },
  { text: "!canary", labels: { canary: "x" }, want: false },
  { text: "n>3", labels: { n: "4" }, want: true },
  { text: "n<3", labels: { n: "4" }, want: false },
  { text: "app=", labels: { app: "" }, want: true },
  { text: "constructor", labels: {}, want: false },
]) {
  test(`label selector ${JSON.stringify(text)} on ${JSON.stringify(labels)} is ${want}`, () => {
    assert.equal(matchesLabels(parseLabelSelector(text), labels), want);
  });
}

for (const text of ["a b", "=x", "a=b,", "a in b", "a in (b", "-a=b", "a=b c", "a>x", ",", "a=$"]) {
  test(`label selector ${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => parseLabelSelector(text), /unable to parse requirement/);
  });
}

test("a label selector's string is sorted by key", () => {
  assert.equal(formatLabelSelector(parseLabelSelector("z in (b,a),a=1,!m")), "a=1,!m,z in (a,b)");
});

test("a nil selector selects nothing, an empty one everything", () => {
  assert.equal(selectorMatches(undefined, {}), false);
  assert.equal(selectorMatches({}, {}), true);
  assert.equal(
    selectorMatches({ matchExpressions: [{ key: "a", operator: "NotIn", values: ["1"] }] }, { a: "2" }),
    true,
  );
});

test("field selectors are split at commas that are not escaped", () => {
  assert.deepEqual(parseFieldSelector("metadata.name=a\\,b,status.phase!=Failed,x==y"), [
    { field: "metadata.name", operator: "=", value: "a,b" },
    { field: "status.phase", operator: "!=", value: "Failed" },
    { field: "x", operator: "=", value: "y" },
  ]);
  assert.throws(() => parseFieldSelector("nonsense"), /can't understand/);
});
