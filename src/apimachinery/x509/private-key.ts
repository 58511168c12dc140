import { hexOf } from "../../base/base64.ts";
import { DerReader, derTag, isInteger } from "./der.ts";
import { ecdsaId, isKnownCurve, isPositive, type KeyIdentity, keyAlgorithms, rsaId } from "./public-key.ts";

/**
 * The public half of a private key, in any of the forms that Go's TLS library takes (PKCS#1, PKCS#8, SEC 1); undefined: it is none.
 * What would have to be computed on a curve is not: there a key tells its public half only if it carries it.
 */
export function readPrivateKey(der: Uint8Array): KeyIdentity | undefined {
  const content = wholeSequence(der);
  if (content === undefined) return undefined;
  return pkcs1Key(content) ?? pkcs8Key(content) ?? sec1Key(content, undefined);
}

function wholeSequence(der: Uint8Array): Uint8Array | undefined {
  const input = new DerReader(der);
  const content = input.read(derTag.sequence);
  return input.isEmpty ? content : undefined;
}

function pkcs1Key(content: Uint8Array): KeyIdentity | undefined {
  const reader = new DerReader(content);
  const version = reader.read(derTag.integer);
  const numbers = Array.from({ length: 5 }, () => reader.read(derTag.integer));
  if (version?.length !== 1 || (version[0] ?? 2) > 1) return undefined;
  const positive = numbers.filter((number) => isInteger(number) && isPositive(number));
  const [modulus, exponent, secret, p, q] = positive;
  if (!modulus || !exponent || !secret || !p || !q || positive.length < numbers.length) return undefined;
  const [n, e, d, first, second] = positive.map((number) => BigInt(`0x${hexOf(number ?? new Uint8Array())}`));
  if (!n || !e || !d || !first || !second) return undefined;
  // Of more than two primes, which nobody uses, the others are not looked at.
  const fits = [first, second].every((prime) => prime > 1n && (d * e - 1n) % (prime - 1n) === 0n);
  const isWhole = version[0] === 1 || first * second === n;
  return fits && isWhole ? { type: "RSA", id: rsaId(modulus, exponent) } : undefined;
}

function pkcs8Key(content: Uint8Array): KeyIdentity | undefined {
  const reader = new DerReader(content);
  if (!isInteger(reader.read(derTag.integer))) return undefined;
  const algorithm = reader.read(derTag.sequence);
  const key = reader.read(derTag.octetString);
  if (algorithm === undefined || key === undefined) return undefined;
  const identifier = new DerReader(algorithm);
  switch (hexOf(identifier.read(derTag.objectId) ?? new Uint8Array())) {
    case keyAlgorithms.rsa: {
      const inner = wholeSequence(key);
      return inner && pkcs1Key(inner);
    }
    case keyAlgorithms.ecdsa: {
      const inner = wholeSequence(key);
      return inner && sec1Key(inner, identifier.read(derTag.objectId));
    }
    case keyAlgorithms.ed25519:
      return isSeed(identifier, key) ? { type: "Ed25519" } : undefined;
    case keyAlgorithms.x25519:
      return isSeed(identifier, key) ? { type: "other" } : undefined;
    default:
      return undefined;
  }
}

function isSeed(identifier: DerReader, key: Uint8Array): boolean {
  return identifier.isEmpty && new DerReader(key).read(derTag.octetString)?.length === 32;
}

function sec1Key(content: Uint8Array, outerCurve: Uint8Array | undefined): KeyIdentity | undefined {
  const reader = new DerReader(content);
  const version = reader.read(derTag.integer);
  const secret = reader.read(derTag.octetString);
  if (version?.length !== 1 || version[0] !== 1 || secret === undefined) return undefined;
  const named = reader.read(derTag.explicit(0));
  const curve = outerCurve ?? (named && new DerReader(named).read(derTag.objectId));
  if (curve === undefined || !isKnownCurve(hexOf(curve))) return undefined;
  const carried = reader.read(derTag.explicit(1));
  const point = carried && new DerReader(carried).read(derTag.bitString)?.subarray(1);
  return point === undefined ? { type: "ECDSA" } : { type: "ECDSA", id: ecdsaId(hexOf(curve), point) };
}
