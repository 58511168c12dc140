import { hexOf } from "../../base/base64.ts";
import { DerReader, derTag, isBitString, isInteger } from "./der.ts";

/** A key as far as two of them must be told apart. */
export interface KeyIdentity {
  /** "other": of an algorithm that signs no TLS handshake, or that nobody knows. */
  readonly type: "RSA" | "ECDSA" | "Ed25519" | "other";
  /** What is public of it; absent: it cannot be told here. */
  readonly id?: string;
}

/** Object identifiers of algorithms, in hexadecimal. */
export const keyAlgorithms = {
  rsa: "2a864886f70d010101",
  ecdsa: "2a8648ce3d0201",
  ed25519: "2b6570",
  x25519: "2b656e",
} as const;

interface Curve {
  readonly name: string;
  readonly prime: string;
  /** b of y² = x³ - 3x + b. */
  readonly b: string;
}

const curves: Readonly<Record<string, Curve>> = {
  "2b81040021": {
    name: "P224",
    prime: "ffffffffffffffffffffffffffffffff000000000000000000000001",
    b: "b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4",
  },
  "2a8648ce3d030107": {
    name: "P256",
    prime: "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    b: "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
  },
  "2b81040022": {
    name: "P384",
    prime: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
    b: "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
  },
  "2b81040023": {
    name: "P521",
    prime: `01${"ff".repeat(65)}`,
    b: "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
  },
};

export function isKnownCurve(objectId: string): boolean {
  return Object.hasOwn(curves, objectId);
}

/** The key in the content of a SubjectPublicKeyInfo, or what Go's `crypto/x509` says is wrong with it. */
export function readPublicKey(content: Uint8Array): KeyIdentity | string {
  const reader = new DerReader(content);
  const algorithm = reader.read(derTag.sequence);
  if (algorithm === undefined) return "x509: malformed public key algorithm identifier";
  const identifier = new DerReader(algorithm);
  const objectId = identifier.read(derTag.objectId);
  if (objectId === undefined) return "x509: malformed OID";
  const bits = reader.read(derTag.bitString);
  if (!isBitString(bits)) return "x509: malformed subjectPublicKey";
  const key = bits.subarray(1);
  switch (hexOf(objectId)) {
    case keyAlgorithms.rsa:
      return identifier.read(derTag.null)?.length === 0
        ? rsaKey(key)
        : "x509: RSA key missing NULL parameters";
    case keyAlgorithms.ecdsa:
      return ecdsaKey(key, identifier.read(derTag.objectId));
    case keyAlgorithms.ed25519:
      if (!identifier.isEmpty) return "x509: Ed25519 key encoded with illegal parameters";
      if (key.length !== 32) return "x509: wrong Ed25519 public key size";
      return { type: "Ed25519", id: hexOf(key) };
    case keyAlgorithms.x25519:
      if (!identifier.isEmpty) return "x509: X25519 key encoded with illegal parameters";
      return key.length === 32 ? { type: "other" } : "crypto/ecdh: invalid public key";
    default:
      return { type: "other" };
  }
}

function rsaKey(key: Uint8Array): KeyIdentity | string {
  const content = new DerReader(key).read(derTag.sequence);
  if (content === undefined) return "x509: invalid RSA public key";
  const numbers = new DerReader(content);
  const modulus = numbers.read(derTag.integer);
  if (!isInteger(modulus)) return "x509: invalid RSA modulus";
  const exponent = numbers.read(derTag.integer);
  if (!isInteger(exponent) || exponent.length > 8) return "x509: invalid RSA public exponent";
  if (!isPositive(modulus)) return "x509: RSA modulus is not a positive number";
  if (!isPositive(exponent)) return "x509: RSA public exponent is not a positive number";
  return { type: "RSA", id: rsaId(modulus, exponent) };
}

export function rsaId(modulus: Uint8Array, exponent: Uint8Array): string {
  return `${hexOf(modulus)} ${hexOf(exponent)}`;
}

/** Of the content of an integer in its shortest form. */
export function isPositive(content: Uint8Array): boolean {
  const [first = 0] = content;
  return first < 0x80 && !(content.length === 1 && first === 0);
}

function ecdsaKey(point: Uint8Array, objectId: Uint8Array | undefined): KeyIdentity | string {
  if (objectId === undefined) return "x509: invalid ECDSA parameters";
  const curve = curves[hexOf(objectId)];
  if (curve === undefined) return "x509: unsupported elliptic curve";
  const fault = pointFault(point, curve);
  return fault ?? { type: "ECDSA", id: ecdsaId(hexOf(objectId), point) };
}

export function ecdsaId(curve: string, point: Uint8Array): string {
  return `${curve} ${hexOf(point)}`;
}

function pointFault(point: Uint8Array, { name, prime, b }: Curve): string | undefined {
  if (point[0] !== 4) return "ecdsa: invalid uncompressed public key";
  const size = prime.length / 2;
  if (point.length !== 1 + 2 * size) return `invalid ${name} point encoding`;
  const number = (hex: string) => BigInt(`0x${hex}`);
  const p = number(prime);
  const x = number(hexOf(point.subarray(1, 1 + size)));
  const y = number(hexOf(point.subarray(1 + size)));
  if (x >= p || y >= p) return `invalid ${name}${name === "P256" ? " element" : "Element"} encoding`;
  return (y * y - (x * x * x - 3n * x + number(b))) % p === 0n ? undefined : `${name} point not on curve`;
}
