/** What must be learnt from JSON's text because the parsed value no longer tells: duplicate keys and depth. */
import { ShapeError } from "./shape-error.ts";

/** Deeper nesting is refused before a recursive reader can exhaust the stack. */
export const maxJsonDepth = 500;

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Counts the keys of all objects in valid JSON; throws `ShapeError` where it nests too deep. */
export function countKeysInText(text: string): number {
  let keys = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at);
        break;
      case colon:
        keys++;
        break;
      case openBrace:
      case openBracket:
        if (++depth > maxJsonDepth) throw new ShapeError("exceeded max depth");
        break;
      case closeBrace:
      case closeBracket:
        depth--;
        break;
    }
  }
  return keys;
}

/** The index of the quote that ends the string which begins at `start`. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes++;
  return backslashes % 2 === 1;
}

/**
 * Counts the keys of all objects in a parsed value; throws `ShapeError` for one that nests too deep and for a key that
 * would change a prototype. What is the same part of `known` was looked into before.
 */
export function countKeysInValue(value: unknown, depth = 0, known?: unknown): number {
  if (typeof value !== "object" || value === null || value === known) return 0;
  if (depth === maxJsonDepth) throw new ShapeError("exceeded max depth");
  let keys = 0;
  if (Array.isArray(value)) {
    const before: readonly unknown[] = Array.isArray(known) ? known : [];
    for (let index = 0; index < value.length; index++)
      keys += countKeysInValue(value[index], depth + 1, before[index]);
    return keys;
  }
  const before = (known ?? {}) as Readonly<Record<string, unknown>>; // to look for the same value by its key
  const object = value as Readonly<Record<string, unknown>>; // no list
  for (const key of Object.keys(object)) {
    if (key === "__proto__") throw new ShapeError('the key "__proto__" is not allowed');
    const member = object[key];
    keys++;
    if (typeof member === "object") keys += countKeysInValue(member, depth + 1, before[key]);
  }
  return keys;
}
