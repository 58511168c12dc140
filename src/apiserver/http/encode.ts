import type { KubeList } from "../../apimachinery/meta.ts";
import { bytesOf } from "../cache/cached-object.ts";

const encoder = new TextEncoder();
const comma = encoder.encode(",");

/** JSON of an object or a list, in pieces: objects that a cache holds lend their bytes. */
export function* jsonPieces(object: object): Generator<Uint8Array> {
  if (!isList(object)) {
    yield bytesOf(object);
    return;
  }
  const { items, ...rest } = object;
  const head = JSON.stringify(rest);
  yield encoder.encode(`${head.slice(0, -1)},"items":[`);
  let first = true;
  for (const item of items) {
    if (!first) yield comma;
    first = false;
    yield bytesOf(item);
  }
  yield encoder.encode("]}\n");
}

/** Lists as the registry makes them: nothing but these four fields, so no kind of its own with `items` is taken for one. */
export function isList(object: object): object is KubeList {
  const { kind, items } = object as { kind?: unknown; items?: unknown };
  return (
    Array.isArray(items) &&
    typeof kind === "string" &&
    kind.endsWith("List") &&
    Object.keys(object).length === 4
  );
}

export async function yamlBytes(object: object): Promise<Uint8Array> {
  const { stringify } = await import("yaml");
  return encoder.encode(stringify(object, { aliasDuplicateObjects: false }));
}

/** Pieces as one; a single piece as it is. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}
