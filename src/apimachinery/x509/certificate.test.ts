import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateFault, certificatesFault } from "./certificate.ts";
import { decodePem } from "./pem.ts";
import {
  type CertificateParts,
  certificate,
  element,
  extension,
  time,
} from "./test-support/certificate-parts.ts";

for (const { name: what, parts, want } of [
  { name: "as it should be", parts: {}, want: undefined },
  { name: "of the first version", parts: { version: [] }, want: undefined },
  {
    name: "of a fourth version",
    parts: { version: element(0xa0, element(0x02, [3])) },
    want: "x509: invalid version",
  },
  {
    name: "of a negative version",
    parts: { version: element(0xa0, element(0x02, [0xff])) },
    want: "x509: malformed version",
  },
  { name: "without a number", parts: { serial: [] }, want: "x509: malformed serial number" },
  {
    name: "of a number with a needless zero",
    parts: { serial: element(0x02, [0, 1]) },
    want: "x509: malformed serial number",
  },
  { name: "below zero", parts: { serial: element(0x02, [0xfe]) }, want: "x509: negative serial number" },
  { name: "with an odd issuer", parts: { issuer: element(0x31) }, want: "x509: malformed issuer" },
  {
    name: "of an odd time",
    parts: { validity: element(0x30, time("yesterday"), time("260101000000Z")) },
    want: "x509: malformed UTCTime",
  },
  { name: "of no time", parts: { validity: element(0x30) }, want: "x509: unsupported time format" },
  { name: "without a key", parts: { key: [] }, want: "x509: malformed spki" },
  {
    name: "of a name that is none",
    parts: { subject: element(0x30, element(0x30)) },
    want: "x509: invalid RDNSequence",
  },
  {
    name: "of a name without a value",
    parts: { issuer: element(0x30, element(0x31, element(0x30, element(0x06, [0x55])))) },
    want: "x509: invalid RDNSequence: invalid attribute value",
  },
  {
    name: "with one extension twice",
    parts: { extensions: element(0xa3, element(0x30, extension, extension)) },
    want: "x509: certificate contains duplicate extensions",
  },
  {
    name: "whose extensions are none",
    parts: { extensions: element(0xa3, [1]) },
    want: "x509: malformed extensions",
  },
  {
    name: "signed otherwise than it says",
    parts: { outer: element(0x30, element(0x06, [0x2b])) },
    want: "x509: inner and outer signature algorithm identifiers don't match",
  },
  { name: "without a signature", parts: { signature: [] }, want: "x509: malformed signature" },
  { name: "with something after it", parts: { after: [0] }, want: "x509: trailing data" },
] satisfies readonly { name: string; parts: CertificateParts; want: string | undefined }[])
  test(`a certificate ${what} ${want === undefined ? "is well formed" : "is refused in Go's words"}`, () => {
    assert.equal(certificateFault(certificate(parts)), want);
  });

test("several certificates can follow each other", () => {
  const two = Uint8Array.from([...certificate(), ...certificate()]);
  assert.equal(certificatesFault(two), undefined);
  assert.equal(certificateFault(two), "x509: trailing data");
  assert.equal(certificatesFault(two.subarray(0, -1)), "x509: malformed certificate");
  assert.equal(certificatesFault(new Uint8Array()), "");
});

const block = (type: string, body: string) => `-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`;

for (const { name: what, source, blocks, rest } of [
  { name: "nothing", source: "", blocks: [], rest: "" },
  { name: "a block", source: block("A", "AQ=="), blocks: [["A", false, [1]]], rest: "" },
  {
    name: "blocks between text",
    source: `one ${block("X", "AQ==")}\n${block("A", "AQ==")}two\n${block("B", "Ag==")}three`,
    blocks: [
      ["A", false, [1]],
      ["B", false, [2]],
    ],
    rest: "three",
  },
  {
    name: "a block with headers",
    source: block("A", "Proc-Type: 4\nDEK-Info: x\n\nAQ=="),
    blocks: [["A", true, [1]]],
    rest: "",
  },
  { name: "what is not base64", source: block("A", "?"), blocks: [], rest: block("A", "?") },
  {
    name: "a block that ends as another",
    source: "-----BEGIN A-----\nAQ==\n-----END B-----\n",
    blocks: [],
    rest: "-----BEGIN A-----\nAQ==\n-----END B-----\n",
  },
])
  test(`PEM: ${what} is read as Go reads it`, () => {
    const read = decodePem(source);
    assert.deepEqual(
      read.blocks.map(({ type, hasHeaders, bytes }) => [type, hasHeaders, [...bytes]]),
      blocks,
    );
    assert.equal(read.rest, rest);
  });
