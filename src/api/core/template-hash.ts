import type { PodTemplateSpec } from "./types.generated.ts";

const safeAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/**
 * The value of `pod-template-hash`: the same for templates that say the same. The hash function and its spelling are
 * upstream's (FNV-32a, safe characters); what is hashed is canonical JSON, so the values differ from upstream's, as
 * they do between its own versions. `collisionCount` gives another hash where the first is taken.
 */
export function podTemplateHash(template: PodTemplateSpec, collisionCount?: number): string {
  return hashOf(template, collisionCount);
}

/** The same for any part of an object (revisions of a StatefulSet or DaemonSet). */
export function hashOf(value: unknown, collisionCount?: number): string {
  let hash = fnv32a(canonicalJson(value), 0x811c9dc5);
  if (collisionCount !== undefined) hash = fnv32a(`#${collisionCount}`, hash);
  return safeEncode(String(hash));
}

/** Upstream's `rand.SafeEncodeString`: no vowels, so no words. */
export function safeEncode(text: string): string {
  let encoded = "";
  for (let index = 0; index < text.length; index++)
    encoded += safeAlphabet.charAt(text.charCodeAt(index) % safeAlphabet.length);
  return encoded;
}

/** JSON with sorted keys and without what is absent or null. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined && field !== null)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(",")}}`;
}

const encoder = new TextEncoder();

/** FNV-1a over the UTF-8 bytes, unsigned 32 bits; `seed` continues an earlier hash. */
export function fnv32a(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (const byte of encoder.encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
