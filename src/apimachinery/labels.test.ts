import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldError } from "./api-error.ts";
import {
  isEmptySelector,
  labelsAsSelector,
  showLabelSelector,
  showLabels,
  structuredAsSelector,
  validateAnnotations,
  validateLabelSelector,
  validateLabels,
} from "./labels.ts";

const lines = (errors: readonly FieldError[]) => errors.map(({ field, message }) => `${field}: ${message}`);

test("labels are shown in the order of their keys", () => {
  assert.equal(showLabels({ b: "2", a: "1" }), "a=1,b=2");
  assert.equal(showLabels({}), "<none>");
  assert.equal(labelsAsSelector(undefined), "");
});

test("structured selectors are shown as kubectl's -l takes them", () => {
  const selector = {
    matchLabels: { app: "web" },
    matchExpressions: [{ key: "tier", operator: "In" as const, values: ["b", "a"] }],
  };
  assert.equal(showLabelSelector(selector), "app=web,tier in (a,b)");
  assert.equal(showLabelSelector(undefined), "<none>");
  assert.equal(showLabelSelector({}), "<none>");
  assert.equal(structuredAsSelector({ matchExpressions: [{ key: "a", operator: "Exists" }] }), "a");
  assert.equal(structuredAsSelector({ matchExpressions: [{ key: "a", operator: "Gt" as "In" }] }), "<error>");
});

test("a selector without conditions is empty", () => {
  assert.equal(isEmptySelector(undefined), true);
  assert.equal(isEmptySelector({ matchLabels: {}, matchExpressions: [] }), true);
  assert.equal(isEmptySelector({ matchExpressions: [{ key: "a", operator: "Exists" }] }), false);
});

test("keys and values of labels have their formats", () => {
  assert.deepEqual(validateLabels("metadata.labels", { "app.io/a": "", b: "1" }), []);
  const [wrongKey, wrongValue, ...rest] = lines(validateLabels("metadata.labels", { "-a": "b c" }));
  assert.match(wrongKey ?? "", /^metadata\.labels: Invalid value: "-a": name part must consist of/);
  assert.match(
    wrongValue ?? "",
    /^metadata\.labels: Invalid value: "b c": a valid label must be an empty string or/,
  );
  assert.deepEqual(rest, []);
});

test("annotations may say anything, up to 256 KiB together", () => {
  assert.deepEqual(validateAnnotations("a", { "Example.com/X": "any / text" }), []);
  assert.deepEqual(lines(validateAnnotations("a", { x: "y".repeat(256 * 1024) })), [
    "a: Too long: may not be more than 262144 bytes",
  ]);
});

for (const { operator, values, want } of [
  {
    operator: "In",
    values: [],
    want: [
      "s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
  },
  {
    operator: "Exists",
    values: ["a"],
    want: [
      "s.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ],
  },
  {
    operator: "Gt",
    values: ["1"],
    want: ['s.matchExpressions[0].operator: Invalid value: "Gt": not a valid selector operator'],
  },
  { operator: "NotIn", values: ["a"], want: [] },
])
  test(`a selector with ${operator} ${JSON.stringify(values)} is ${want.length === 0 ? "right" : "refused"}`, () => {
    const expression = { key: "k", operator: operator as "In", values }; // also words that are no operators
    assert.deepEqual(lines(validateLabelSelector("s", { matchExpressions: [expression] })), want);
  });
