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

for (const { text, why } of [
  { text: "=x", why: "found '=', expected: !, identifier, or 'end of string'" },
  { text: ",", why: "found ',', expected: !, identifier, or 'end of string'" },
  { text: "a=b,", why: "found '', expected: identifier after ','" },
  { text: "a=b c", why: "found 'c', expected: ',' or 'end of string'" },
  { text: "a b", why: "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt" },
  { text: "a in b", why: "unable to parse requirement: found 'b' expected: '('" },
  { text: "a in (", why: "unable to parse requirement: found '', expected: ',', ')' or identifier" },
  { text: "a in (b", why: "unable to parse requirement: found '', expected: ',' or ')'" },
  { text: "a in (b c)", why: "unable to parse requirement: found 'c', expected: ',' or ')'" },
  { text: "a in (b,", why: "unable to parse requirement: found '', expected: ',', or identifier" },
  {
    text: "a>x",
    why: `unable to parse requirement: values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`,
  },
  { text: "-a=b", why: /^unable to parse requirement: <nil>: Invalid value: "-a": name part must/ },
  { text: "a=$", why: /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "\$": a valid label/ },
]) {
  test(`label selector ${JSON.stringify(text)} is refused in upstream's words`, () => {
    assert.throws(() => parseLabelSelector(text), { message: why });
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
