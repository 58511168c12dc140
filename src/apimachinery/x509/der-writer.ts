import { derTag } from "./der.ts";

/** DER, written: what `DerReader` reads. */

/** One element around others, or around content that has no elements. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tag, ...lengthBytes(length)];
  const element = new Uint8Array(head.length + length);
  element.set(head);
  let at = head.length;
  for (const part of parts) {
    element.set(part, at);
    at += part.length;
  }
  return element;
}

/** The shortest form. */
function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes = base256(length);
  return [0x80 + bytes.length, ...bytes];
}

function base256(value: number): number[] {
  return value < 256 ? [value] : [...base256(Math.floor(value / 256)), value % 256];
}

/** An integer that is not negative, from its bytes, highest first. */
export function derInteger(magnitude: Uint8Array): Uint8Array {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const bytes = first < 0 ? new Uint8Array(1) : magnitude.subarray(first);
  const sign = (bytes[0] ?? 0) >= 0x80 ? new Uint8Array(1) : new Uint8Array();
  return der(derTag.integer, sign, bytes);
}

/** "2.5.29.17" */
export function derObjectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap(base128);
  return der(derTag.objectId, Uint8Array.from(bytes));
}

/** All but the last byte have their highest bit set. */
function base128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    bytes.unshift(0x80 + (rest % 128));
  return bytes;
}

export function derBitString(bits: Uint8Array): Uint8Array {
  return der(derTag.bitString, new Uint8Array(1), bits);
}

/** Named bits, numbered from the highest of the first byte; those after the last that is set are left out. */
export function derNamedBits(numbers: readonly number[]): Uint8Array {
  const highest = Math.max(...numbers);
  const bytes = new Uint8Array((highest >> 3) + 1);
  for (const number of numbers) bytes[number >> 3] = (bytes[number >> 3] ?? 0) | (0x80 >> (number & 7));
  return der(derTag.bitString, Uint8Array.of(7 - (highest & 7)), bytes);
}

/** A moment to the second, in the form RFC 5280 has for its year. */
export function derTime(ms: number): Uint8Array {
  const digits = `${new Date(ms).toISOString().slice(0, 19).replace(/[-T:]/g, "")}Z`;
  const isShort = digits >= "1950" && digits < "2050";
  return isShort ? text(derTag.utcTime, digits.slice(2)) : text(derTag.generalizedTime, digits);
}

export function derUtf8String(value: string): Uint8Array {
  return text(derTag.utf8String, value);
}

function text(tag: number, value: string): Uint8Array {
  return der(tag, new TextEncoder().encode(value));
}
