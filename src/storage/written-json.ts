/** JSON as it was written to storage, where objects have no resourceVersion: with where one goes in, it is what readers get. */
export interface WrittenJson {
  readonly bytes: Uint8Array;
  /** Behind the last member of the object's metadata; 0: nothing can be put in. */
  readonly metadataEnd: number;
}

const encoder = new TextEncoder();
const closeBrace = 0x7d;
const openBrace = 0x7b;

/** What `JSON.stringify` makes of the object, in UTF-8. */
export function writeJson(object: object): WrittenJson {
  const halves = halvesOf(object);
  if (halves === undefined) return { bytes: encoder.encode(JSON.stringify(object)), metadataEnd: 0 };
  const head = JSON.stringify(halves.head);
  const tail = JSON.stringify(halves.tail);
  const text = tail === "{}" ? head : `${head.slice(0, -1)},${tail.slice(1)}`;
  const bytes = encoder.encode(text);
  const end = endOfMetadata(head);
  // Every character is one byte, or else it has to be looked for.
  const isAscii = end === 0 || bytes.length === text.length;
  return { bytes, metadataEnd: isAscii ? end : encoder.encode(head.slice(0, end)).length };
}

/** Up to the metadata, and what comes after; undefined for what has none, or has a version already. */
function halvesOf(object: object): { readonly head: object; readonly tail: object } | undefined {
  const { metadata } = object as { readonly metadata?: unknown };
  if (typeof metadata !== "object" || metadata === null || "resourceVersion" in metadata) return undefined;
  const head: Record<string, unknown> = {};
  const tail: Record<string, unknown> = {};
  let half = head;
  for (const [name, value] of Object.entries(object)) {
    if (name === "__proto__") return undefined;
    half[name] = value;
    if (name === "metadata") half = tail;
  }
  return { head, tail };
}

/** Of JSON that ends with it; 0 where it is empty, or no object. */
function endOfMetadata(head: string): number {
  const end = head.length - 2;
  const isFull = head.charCodeAt(end) === closeBrace && head.charCodeAt(end - 1) !== openBrace;
  return isFull ? end : 0;
}
