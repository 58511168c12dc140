import type { JsonObject } from "./json-value.ts";

/**
 * `next`, with what equals the same part of `known` replaced by that part. What comes after a write compares the two states again
 * and again (owners of fields, generation, whether anything changed) and keeps both: of what is one object it does neither.
 */
export function sharing<T>(next: T, known: unknown): T {
  return shared(next, known) as T; // equal in all its parts
}

function shared(next: unknown, known: unknown): unknown {
  if (next === known || !isTree(next) || !isTree(known)) return next;
  if (Array.isArray(next)) return Array.isArray(known) ? sharedList(next, known) : next;
  return Array.isArray(known) ? next : sharedMap(next as JsonObject, known as JsonObject);
}

function sharedList(next: readonly unknown[], known: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined;
  let isSame = next.length === known.length;
  for (const [index, item] of next.entries()) {
    const before = known[index];
    const value = shared(item, before);
    if (value !== before) isSame = false;
    if (value === item) continue;
    copy ??= [...next];
    copy[index] = value;
  }
  return isSame ? known : (copy ?? next);
}

function sharedMap(next: JsonObject, known: JsonObject): JsonObject {
  let copy: Record<string, unknown> | undefined;
  let isSame = true;
  let count = 0;
  for (const key in next) {
    count++;
    const item = next[key];
    const before = Object.hasOwn(known, key) ? known[key] : undefined;
    const value = shared(item, before);
    if (value !== before) isSame = false;
    if (value === item) continue;
    copy ??= { ...next };
    copy[key] = value;
  }
  if (isSame) for (const _key in known) count--;
  return isSame && count === 0 ? known : (copy ?? next);
}

function isTree(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
