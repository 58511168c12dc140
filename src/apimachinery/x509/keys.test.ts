import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { certificateFault, publicKeyOf } from "./certificate.ts";
import { readPrivateKey } from "./private-key.ts";
import { certificate, element } from "./test-support/certificate-parts.ts";

const curves = ["secp224r1", "prime256v1", "secp384r1", "secp521r1"];
const rsa = () => generateKeyPairSync("rsa", { modulusLength: 1024 });
const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const spki = (key: KeyObject) => [...key.export({ type: "spki", format: "der" })];
const certified = (key: KeyObject) => certificate({ key: spki(key) });
const pkcs8 = (key: KeyObject) => key.export({ type: "pkcs8", format: "der" });

for (const { name, pair, older } of [
  { name: "RSA", pair: rsa(), older: "pkcs1" as const },
  ...curves.map((curve) => ({ name: curve, pair: ec(curve), older: "sec1" as const })),
])
  test(`a key of ${name} is told in a certificate and by both forms of its secret, and from another`, () => {
    const der = certified(pair.publicKey);
    assert.equal(certificateFault(der), undefined);
    const { type, id } = publicKeyOf(der);
    assert.equal(type, older === "pkcs1" ? "RSA" : "ECDSA");
    assert.ok(id);
    assert.deepEqual(readPrivateKey(pkcs8(pair.privateKey)), { type, id });
    assert.deepEqual(readPrivateKey(pair.privateKey.export({ type: older, format: "der" })), { type, id });
    const other = older === "pkcs1" ? rsa() : ec(name);
    assert.notEqual(readPrivateKey(pkcs8(other.privateKey))?.id, id);
  });

test("keys of Ed25519 and X25519 are told by their kinds", () => {
  const signing = generateKeyPairSync("ed25519");
  assert.equal(publicKeyOf(certified(signing.publicKey)).type, "Ed25519");
  assert.deepEqual(readPrivateKey(pkcs8(signing.privateKey)), { type: "Ed25519" });
  const agreeing = generateKeyPairSync("x25519");
  assert.deepEqual(publicKeyOf(certified(agreeing.publicKey)), { type: "other" });
  assert.deepEqual(readPrivateKey(pkcs8(agreeing.privateKey)), { type: "other" });
});

test("a private key that is cut off, or whose numbers do not fit, is none", () => {
  const der = pkcs8(rsa().privateKey);
  assert.equal(readPrivateKey(der.subarray(0, -1)), undefined);
  const [n, e, d, p, q] = [33, 3, 7, 3, 11];
  const numbers = (...values: number[]) =>
    Uint8Array.from(element(0x30, ...[0, ...values, 1, 1, 1].map((value) => element(0x02, [value]))));
  assert.equal(readPrivateKey(numbers(n, e, d, p, q))?.type, "RSA");
  assert.equal(readPrivateKey(numbers(35, e, d, p, q)), undefined);
  assert.equal(readPrivateKey(numbers(n, e, 9, p, q)), undefined);
});

const rsaId = element(0x06, [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);
const ecId = element(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
const p256 = element(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
const bits = (...content: readonly number[]) => element(0x03, [0, ...content]);
const key = (algorithm: readonly (readonly number[])[], content: readonly number[]) =>
  element(0x30, element(0x30, ...algorithm), content);
const absent = element(0x05);
const numbers = (...values: readonly (readonly number[])[]) =>
  bits(...element(0x30, ...values.map((value) => element(0x02, value))));
const point = (first: number, size = 65) => bits(...[first, ...Array<number>(size - 1).fill(1)]);

for (const { what, part, want } of [
  {
    what: "RSA without parameters",
    part: key([rsaId], numbers([5], [3])),
    want: "x509: RSA key missing NULL parameters",
  },
  {
    what: "RSA with nothing in it",
    part: key([rsaId, absent], bits(1)),
    want: "x509: invalid RSA public key",
  },
  {
    what: "RSA without an exponent",
    part: key([rsaId, absent], numbers([5])),
    want: "x509: invalid RSA public exponent",
  },
  {
    what: "a negative modulus",
    part: key([rsaId, absent], numbers([0xfb], [3])),
    want: "x509: RSA modulus is not a positive number",
  },
  {
    what: "an exponent of zero",
    part: key([rsaId, absent], numbers([5], [0])),
    want: "x509: RSA public exponent is not a positive number",
  },
  { what: "no curve", part: key([ecId], point(4)), want: "x509: invalid ECDSA parameters" },
  {
    what: "a curve that nobody knows",
    part: key([ecId, element(0x06, [1])], point(4)),
    want: "x509: unsupported elliptic curve",
  },
  {
    what: "a point in short",
    part: key([ecId, p256], point(2, 33)),
    want: "ecdsa: invalid uncompressed public key",
  },
  { what: "half a point", part: key([ecId, p256], point(4, 33)), want: "invalid P256 point encoding" },
  { what: "a point beside the curve", part: key([ecId, p256], point(4)), want: "P256 point not on curve" },
  {
    what: "a point beyond the field",
    part: key([ecId, p256], bits(4, ...Array<number>(64).fill(0xff))),
    want: "invalid P256 element encoding",
  },
  {
    what: "half a key of Ed25519",
    part: key([element(0x06, [0x2b, 0x65, 0x70])], bits(1)),
    want: "x509: wrong Ed25519 public key size",
  },
])
  test(`a certificate with ${what} is refused in Go's words`, () =>
    assert.equal(certificateFault(certificate({ key: part })), want));
