import assert from "node:assert/strict";
import { test } from "node:test";
import { type Condition, validateConditions } from "./validation-conditions.ts";

const complete: Condition = {
  type: "example.com/Ready",
  status: "True",
  lastTransitionTime: "2026-01-01T00:00:00Z",
  reason: "All_good,really:yes",
};

for (const { name, conditions, want } of [
  { name: "complete", conditions: [complete], want: [] },
  {
    name: "of one type twice",
    conditions: [complete, complete],
    want: ['c[1].type: Duplicate value: "example.com/Ready"'],
  },
  {
    name: "that says nothing",
    conditions: [{ type: "A", status: "", observedGeneration: -1 }],
    want: [
      'c[0].status: Unsupported value: "": supported values: "False", "True", "Unknown"',
      "c[0].observedGeneration: Invalid value: -1: must be greater than or equal to zero",
      "c[0].lastTransitionTime: Required value: must be set",
      "c[0].reason: Required value: must be set",
    ],
  },
  {
    name: "for a reason in a sentence",
    conditions: [{ ...complete, reason: "it is so" }],
    want: [
      "c[0].reason: Invalid value: \"it is so\": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')",
    ],
  },
  {
    name: "with a long story",
    conditions: [{ ...complete, message: "x".repeat(32 * 1024 + 1) }],
    want: ["c[0].message: Too long: may not be more than 32768 bytes"],
  },
])
  test(`a condition ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    const errors = validateConditions("c", conditions);
    assert.deepEqual(
      errors.map(({ field, message }) => `${field}: ${message}`),
      want,
    );
  });
