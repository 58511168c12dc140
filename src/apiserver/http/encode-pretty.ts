import type { ListMembers } from "../content/lazy-list.ts";
import type { Piece } from "./chunk-writer.ts";

const encoder = new TextEncoder();

/** JSON of an object for people, as Go's MarshalIndent lays it out; no line break at the end. */
export function prettyBytes(object: object): Uint8Array {
  return encoder.encode(JSON.stringify(object, null, 2));
}

/** The same of a list, in pieces. */
export function* prettyListPieces({ head, field, sources, show }: ListMembers): Generator<Piece> {
  yield `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "${field}": [`;
  let isFirst = true;
  for (const source of sources) {
    yield isFirst ? "\n    " : ",\n    ";
    isFirst = false;
    // Line breaks within texts are escaped: these are all of the layout.
    yield JSON.stringify(show(source), null, 2).replaceAll("\n", "\n    ");
  }
  yield isFirst ? "]\n}" : "\n  ]\n}";
}
