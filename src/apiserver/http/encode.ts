import type { AnyObject } from "../../apimachinery/meta.ts";
import { itemHeaderLength, type ProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import type { WatchEvent } from "../../client/exchange.ts";
import { bytesOf, cachedOf } from "../cache/cached-object.ts";
import type { ListMembers } from "../content/lazy-list.ts";
import type { Piece } from "./chunk-writer.ts";

const encoder = new TextEncoder();
const nothing = new Uint8Array();

/** UTF-8 JSON of an object that is no list, and the line break that ends it. */
export function jsonBytes(object: object): Uint8Array {
  const json = bytesOf(object);
  const line = new Uint8Array(json.length + 1);
  line.set(json);
  line[json.length] = 0x0a;
  return line;
}

/** JSON of a list, in pieces: objects that a cache holds lend their bytes. `plain`: its items leave out kind and version. */
export function* jsonListPieces(
  { head, field, sources, show }: ListMembers,
  { plain }: { readonly plain: boolean },
): Generator<Piece> {
  let start: Uint8Array | undefined;
  yield `${JSON.stringify(head).slice(0, -1)},"${field}":[`;
  let first = true;
  for (const source of sources) {
    if (!first) yield ",";
    first = false;
    const member = show(source);
    if (!plain) {
      yield cachedOf(member)?.listed() ?? JSON.stringify(member);
      continue;
    }
    start ??= typeStart(member);
    yield "{";
    yield withoutType(member, start);
  }
  yield "]}\n";
}

/** How the JSON of the list's items begins: objects are decoded with their kind first. */
function typeStart(item: object): Uint8Array {
  const { kind, apiVersion } = item as Partial<AnyObject>; // what a list holds
  return encoder.encode(`${JSON.stringify({ kind, apiVersion }).slice(0, -1)},`);
}

/** The JSON of an item behind its brace, its kind and its version. */
function withoutType(item: object, start: Uint8Array): Uint8Array | string {
  const bytes = cachedOf(item)?.listed();
  if (typeof bytes === "object" && start.every((byte, index) => bytes[index] === byte))
    return bytes.subarray(start.length);
  return JSON.stringify(plainItem(item)).slice(1);
}

/** An item as a list of a built-in kind shows it: the list says its kind and version. */
export function plainItem(item: object): object {
  const { kind: _kind, apiVersion: _version, ...rest } = item as Partial<AnyObject>; // what a list holds
  return rest;
}

/** One object in its envelope, around the message that GETs, lists and watches share. */
export function protobufBytes(object: object, codec: ProtobufCodec): Uint8Array {
  const cached = cachedOf(object);
  return cached === undefined ? codec.encode(object) : codec.encodeAround(object, cached.message(codec));
}

/**
 * A list in protobuf, in pieces. Its length comes first, so all members are measured before the first byte; what is not kept is
 * made a second time. While it measures, the pieces are empty: a moment to let others run.
 */
export function* protobufListPieces(
  { head, sources, show }: ListMembers,
  codec: ProtobufCodec,
): Generator<Piece> {
  let itemsLength = 0;
  for (const source of sources) {
    const member = show(source);
    const length = cachedOf(member)?.messageLength(codec) ?? codec.passingMessage(member).length;
    itemsLength += length + itemHeaderLength(length);
    yield nothing;
  }
  const { start, end } = codec.encodeListAround(head, itemsLength);
  yield start;
  for (const source of sources) {
    const member = show(source);
    const cached = cachedOf(member);
    if (cached !== undefined) {
      // The message last: others may encode theirs while this waits to go on.
      yield codec.itemHeader(cached.messageLength(codec));
      yield cached.listedMessage(codec);
      continue;
    }
    const message = codec.encodeMessage(member);
    yield codec.itemHeader(message.length);
    yield message;
  }
  yield end;
}

/**
 * One frame of a watch in protobuf; `asListed`: its message is kept only while there is plenty of room, and a frame whose message is
 * not kept passes by: to be copied before anything else is encoded.
 */
export function protobufFrame(
  { type, object }: WatchEvent<unknown>,
  codec: ProtobufCodec,
  { asListed }: { readonly asListed: boolean },
): readonly Uint8Array[] {
  const shown = object as object; // events carry objects
  const cached = cachedOf(shown);
  const message = asListed
    ? cached?.keptMessage(codec)
    : (cached?.message(codec) ?? codec.encodeMessage(shown));
  if (message === undefined) return [codec.passingWatchEvent(type, shown)];
  const { start, end } = codec.encodeWatchEventAround(type, shown, message.length);
  return [start, message, end];
}

/** As upstream lays YAML out: keys in their order, lists as far in as what they are of, and quotes around what YAML 1.1 takes for no text. */
export async function yamlBytes(object: object): Promise<Uint8Array> {
  const { stringify } = await import("yaml");
  const text = stringify(object, {
    aliasDuplicateObjects: false,
    sortMapEntries: true,
    indentSeq: false,
    version: "1.1",
  });
  return encoder.encode(text);
}
