/** What kube-apiserver v1.36.2 says of values. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonSchema } from "./json-schema.ts";
import { validateValue } from "./validate.ts";

const told = (value: unknown, schema: JsonSchema): readonly string[] =>
  validateValue({ v: value }, { type: "object", properties: { v: schema } }).map(
    ({ field, message }) => `${field}: ${message}`,
  );

for (const { name, value, schema, want } of [
  {
    name: "a text has one fault at a time: its length before its pattern",
    value: "TOOLONG",
    schema: { type: "string", maxLength: 5, pattern: "^[a-z]*$" },
    want: ["v: Too long: may not be more than 5 bytes"],
  },
  {
    name: "a broken number is no integer, and out of its range",
    value: 1.5,
    schema: { type: "integer" },
    want: [
      'v: Invalid value: "number": v in body must be of type integer: "number"',
      '<nil>: Invalid value: "": Checked value must be of type integer (default format) in v',
    ],
  },
  {
    name: "an int32 has 32 bits",
    value: 3_000_000_000,
    schema: { type: "integer", format: "int32" },
    want: ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in v'],
  },
  {
    name: "a broken number is named by what Go holds it in where a format is asked for",
    value: 1.5,
    schema: { type: "integer", format: "int32" },
    want: [
      'v: Invalid value: "float64": v in body must be of type int32: "float64"',
      '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in v',
    ],
  },
  {
    name: "what is beyond 64 bits is no int64",
    value: 1e19,
    schema: { type: "integer", format: "int64" },
    want: [
      'v: Invalid value: "float64": v in body must be of type int64: "float64"',
      '<nil>: Invalid value: "": Checked value must be of type integer with format int64 in v',
    ],
  },
  {
    name: "of alternatives the one is told of which more could be checked",
    value: { a: "y", b: 1 },
    schema: {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "integer" } },
      anyOf: [{ properties: { a: { enum: ["x"] } } }, { properties: { b: { minimum: 5 } } }],
    },
    want: [
      '<nil>: Invalid value: "": "v" must validate at least one schema (anyOf)',
      "v.b: Invalid value: 1: v.b in body should be greater than or equal to 5",
    ],
  },
] as const satisfies readonly { name: string; value: unknown; schema: JsonSchema; want: readonly string[] }[])
  test(name, () => assert.deepEqual(told(value, schema), want));

/** By format: texts that have it, and texts that have not. */
const formats: Readonly<Record<string, readonly [readonly string[], readonly string[]]>> = {
  hostname: [
    ["x", "aGVsbG8", "a.example.com", "a-b"],
    ["", "x y!", "2020-01-01", "1.2.3.4", "a.b.c"],
  ],
  byte: [["aGVsbG8="], ["", "a", "a b="]],
  "date-time": [
    ["2020-01-01T00:00:00Z", "2020-01-01t00:00:00.5+02:00"],
    ["2020-01-01", "2020-01-01 00:00:00Z", "2020-01-01T24:00:00Z", "2020-01-01T00:00:00"],
  ],
  duration: [
    ["1h", "3 days", "22 ns"],
    ["", "x", "1"],
  ],
  email: [
    ["a@b.c", "A B <a@b>"],
    ["a", "a@b>", "<a@b", "a..b@c"],
  ],
  creditcard: [["4111 1111 1111 1111"], ["4111111111111112"]],
  ssn: [["111-22-3333"], ["111223333"]],
  ipv4: [
    ["1.2.3.4", "01.2.3.4"],
    ["::1", "1.2.3"],
  ],
  cidr: [
    ["10.0.0.0/8", "010.0.0.0/8", "::/0"],
    ["10.0.0.0", "10.0.0.0/33"],
  ],
  uri: [
    ["http://x/y", "/x"],
    ["x", ""],
  ],
};
for (const [format, [right, wrong]] of Object.entries(formats))
  test(`texts of format ${format}`, () => {
    const isWrong = (text: string) => told(text, { type: "string", format }).length > 0;
    assert.deepEqual([right.filter(isWrong), wrong.filter((text) => !isWrong(text))], [[], []]);
  });
