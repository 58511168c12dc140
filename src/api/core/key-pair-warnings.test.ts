import assert from "node:assert/strict";
import { test } from "node:test";
import { publicKeyOf } from "../../apimachinery/x509/certificate.ts";
import { decodePem } from "../../apimachinery/x509/pem.ts";
import { element } from "../../apimachinery/x509/test-support/certificate-parts.ts";
import { certificatePem } from "../test-support/certificates.ts";
import { keyPairFault } from "./key-pair-warnings.ts";

const block = (type: string) => `-----BEGIN ${type}-----\nMAA=\n-----END ${type}-----\n`;
const pem = (type: string, bytes: readonly number[]) =>
  `-----BEGIN ${type}-----\n${btoa(String.fromCharCode(...bytes))}\n-----END ${type}-----\n`;
const [curve = "", point = ""] = (
  publicKeyOf(decodePem(certificatePem).blocks[0]?.bytes ?? new Uint8Array()).id ?? ""
).split(" ");
const bytesOf = (hex: string) => [...Buffer.from(hex, "hex")];
/** A key that says of itself that this is its public half. */
const keyOf = (publicHalf: readonly number[]) =>
  pem(
    "EC PRIVATE KEY",
    element(
      0x30,
      element(0x02, [1]),
      element(0x04, Array<number>(32).fill(1)),
      element(0xa0, element(0x06, bytesOf(curve))),
      element(0xa1, element(0x03, [0, ...publicHalf])),
    ),
  );
const key = keyOf(bytesOf(point));
const seed = element(0x04, element(0x04, Array<number>(32).fill(1)));
const edKey = (id: number) =>
  pem("PRIVATE KEY", element(0x30, element(0x02, [0]), element(0x30, element(0x06, [0x2b, 0x65, id])), seed));

for (const { name, certificate, ofKey, want } of [
  { name: "both", certificate: certificatePem, ofKey: key, want: undefined },
  {
    name: "nothing",
    certificate: "",
    ofKey: "",
    want: "tls: failed to find any PEM data in certificate input",
  },
  {
    name: "no key",
    certificate: certificatePem,
    ofKey: "",
    want: "tls: failed to find any PEM data in key input",
  },
  {
    name: "one for the other",
    certificate: key,
    ofKey: certificatePem,
    want: "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
  },
  {
    name: "a certificate twice",
    certificate: certificatePem,
    ofKey: certificatePem,
    want: "tls: found a certificate rather than a key in the PEM for the private key",
  },
  {
    name: "other things",
    certificate: `${block("A")}${block("B")}`,
    ofKey: key,
    want: 'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [A B]',
  },
  {
    name: "a key that is none",
    certificate: certificatePem,
    ofKey: block("EC PRIVATE KEY"),
    want: "tls: failed to parse private key",
  },
  {
    name: "the key of another",
    certificate: certificatePem,
    ofKey: keyOf([4, 1]),
    want: "tls: private key does not match public key",
  },
  {
    name: "a key of another kind",
    certificate: certificatePem,
    ofKey: edKey(0x70),
    want: "tls: private key type does not match public key type",
  },
  {
    name: "a key that signs nothing",
    certificate: certificatePem,
    ofKey: edKey(0x6e),
    want: "tls: found unknown private key type in PKCS#8 wrapping",
  },
  {
    name: "a certificate that is none",
    certificate: block("CERTIFICATE"),
    ofKey: key,
    want: "x509: malformed tbs certificate",
  },
])
  test(`a secret of TLS with ${name} is ${want === undefined ? "a pair" : "warned of in Go's words"}`, () => {
    assert.equal(keyPairFault(btoa(certificate), btoa(ofKey)), want);
  });
