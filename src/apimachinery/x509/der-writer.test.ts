import assert from "node:assert/strict";
import { test } from "node:test";
import { derTag } from "./der.ts";
import {
  der,
  derBitString,
  derInteger,
  derNamedBits,
  derObjectId,
  derTime,
  derUtf8String,
} from "./der-writer.ts";

for (const { name, element, want } of [
  { name: "an element of nothing", element: der(derTag.sequence), want: "3000" },
  {
    name: "elements in one",
    element: der(derTag.set, der(derTag.sequence), der(derTag.set)),
    want: "310430003100",
  },
  { name: "zero", element: derInteger(new Uint8Array(3)), want: "020100" },
  {
    name: "an integer without its leading zeros",
    element: derInteger(Uint8Array.of(0, 1, 2)),
    want: "02020102",
  },
  { name: "an integer that would look negative", element: derInteger(Uint8Array.of(0x80)), want: "02020080" },
  { name: "an id", element: derObjectId("1.2.840.113549.1.1.11"), want: "06092a864886f70d01010b" },
  { name: "an id of the joint branch", element: derObjectId("2.5.29.17"), want: "0603551d11" },
  { name: "bits", element: derBitString(Uint8Array.of(5)), want: "03020005" },
  { name: "named bits", element: derNamedBits([0, 2]), want: "030205a0" },
  { name: "named bits of two bytes", element: derNamedBits([8]), want: "0303070080" },
  {
    name: "a time before 2050",
    element: derTime(Date.UTC(2049, 11, 31, 23, 59, 59)),
    want: utc("491231235959Z"),
  },
  { name: "a time from 2050 on", element: derTime(Date.UTC(2050, 0, 1)), want: general("20500101000000Z") },
  { name: "text", element: derUtf8String("ä"), want: "0c02c3a4" },
]) {
  test(`DER: ${name}`, () => assert.equal(hex(element), want));
}

for (const { length, want } of [
  { length: 127, want: "307f" },
  { length: 128, want: "308180" },
  { length: 255, want: "3081ff" },
  { length: 256, want: "30820100" },
  { length: 65_536, want: "3083010000" },
]) {
  test(`DER: a length of ${length} is written in its shortest form`, () => {
    const element = der(derTag.sequence, new Uint8Array(length));
    assert.equal(hex(element).slice(0, want.length), want);
    assert.equal(element.length, want.length / 2 + length);
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function utc(digits: string): string {
  return `170d${hex(Buffer.from(digits))}`;
}

function general(digits: string): string {
  return `180f${hex(Buffer.from(digits))}`;
}
