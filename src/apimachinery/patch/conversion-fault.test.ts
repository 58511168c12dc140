import assert from "node:assert/strict";
import { test } from "node:test";
import { conversionFault } from "./conversion-fault.ts";

const decoding = (value: string, type: string) =>
  `json: cannot unmarshal ${value} into Go struct field Thing.spec.x of type ${type}`;

for (const { fault, want } of [
  { fault: decoding("number", "map[string]string"), want: "cannot restore map from int64" },
  { fault: decoding("array", "map[string]string"), want: "cannot restore map from slice" },
  { fault: decoding("number 1.5", "map[string]string"), want: "cannot restore map from float64" },
  { fault: decoding("object", "[]v1.Container"), want: "cannot restore slice from map" },
  { fault: decoding("string", "[]string"), want: "cannot restore slice from string" },
  { fault: decoding("bool", "v1.ObjectMeta"), want: "cannot restore struct from: bool" },
  { fault: decoding("number", "string"), want: "cannot convert int64 to string" },
  { fault: decoding("number 1.5", "int64"), want: "cannot convert float64 to int64" },
  { fault: decoding("number 1.5", "string"), want: "unrecognized type: string" },
  { fault: decoding("bool", "string"), want: "unrecognized type: string" },
  { fault: decoding("string", "int32"), want: "unrecognized type: int32" },
  { fault: decoding("number", "bool"), want: "unrecognized type: bool" },
  {
    fault: "illegal base64 data at input byte 0",
    want: "error decoding from json: illegal base64 data at input byte 0",
  },
  { fault: "exceeded max depth", want: "exceeded max depth" },
])
  test(`of a strategic merge patch, "${fault}" is told as "${want}"`, () => {
    assert.equal(conversionFault(fault), want);
  });
