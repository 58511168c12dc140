/** Kubernetes' protobuf: an envelope that names the kind around a message laid out by the schema tables. */
import { type GroupVersionKind, parseApiVersion } from "../meta.ts";
import type { SchemaTables } from "../schema/tables.ts";
import { readKind } from "./decode.ts";
import { writeModel } from "./encode.ts";
import { magic, readEnvelope, type TypeMeta } from "./envelope.ts";
import { ProtobufError } from "./reader.ts";
import { ReverseWriter } from "./writer.ts";

/** `application/vnd.kubernetes.protobuf`. */
export interface ProtobufCodec {
  /** Whether the kind has a binary form: every built-in one, no custom one. */
  knows(kind: GroupVersionKind): boolean;
  /** One object with its kind and apiVersion, as the JSON of it would be. Throws `ProtobufError`. */
  decode(bytes: Uint8Array): Record<string, unknown>;
  /** `object` must carry apiVersion and kind of a known kind, and have the shape of its table. */
  encode(object: object): Uint8Array;
  /** What is inside the envelope of `encode`: the same bytes for a GET, a list's item and a watch's event. */
  encodeMessage(object: object): Uint8Array;
  /** As `encodeMessage`, without a copy: to be measured, or copied, before anything else is encoded. */
  passingMessage(object: object): Uint8Array;
  /** `encode` for an object whose message is there already. */
  encodeAround(object: object, message: Uint8Array): Uint8Array;
  /**
   * A list in parts: what stands before the items, `itemHeader` before each item's message, and what stands after them.
   * `list` comes without its items; `itemsLength` is what headers and messages of all items take together.
   */
  encodeListAround(
    list: object,
    itemsLength: number,
  ): { readonly start: Uint8Array; readonly end: Uint8Array };
  /** Before each item of a list. */
  itemHeader(messageLength: number): Uint8Array;
  /**
   * One frame of a watch stream, its length included, as what stands before and after the object's message: all watchers
   * of an object share that.
   */
  encodeWatchEventAround(
    type: string,
    object: object,
    messageLength: number,
  ): { readonly start: Uint8Array; readonly end: Uint8Array };
  /** The whole frame, to be copied before anything else is encoded. */
  passingWatchEvent(type: string, object: object): Uint8Array;
}

export function createProtobufCodec(tables: SchemaTables): ProtobufCodec {
  const modelOf = ({ apiVersion, kind }: TypeMeta) => {
    const { group, version } = parseApiVersion(apiVersion);
    return tables.kind(group, version, kind);
  };
  const known = (object: object) => {
    const { apiVersion = "", kind = "" } = object as Partial<TypeMeta>; // checked by the look-up
    const typeMeta = { apiVersion, kind };
    // The oldest discovery documents are shown without the version that they have.
    const model = modelOf(apiVersion === "" ? { apiVersion: "v1", kind } : typeMeta);
    if (model === undefined)
      throw new ProtobufError(`no kind ${kind} of version ${apiVersion} has a binary form`);
    return { model, typeMeta };
  };
  // Messages are written here and copied out: one that grew to the largest object serves all.
  const scratch = new ReverseWriter(16 * 1024);
  return {
    knows: ({ group, version, kind }) => tables.kind(group, version, kind) !== undefined,
    decode(bytes) {
      const { reader, ...typeMeta } = readEnvelope(bytes);
      const model = modelOf(typeMeta);
      if (model === undefined)
        throw new ProtobufError(
          `no kind ${typeMeta.kind} of version ${typeMeta.apiVersion} has a binary form`,
        );
      return readKind(reader, model, typeMeta);
    },
    encode(object) {
      const { model, typeMeta } = known(object);
      const writer = new ReverseWriter();
      return enveloped(writer, typeMeta, () => {
        writeModel(writer, model, object as Record<string, unknown>);
      });
    },
    encodeMessage(object) {
      scratch.clear();
      writeModel(scratch, known(object).model, object as Record<string, unknown>);
      return scratch.finish();
    },
    passingMessage(object) {
      scratch.clear();
      writeModel(scratch, known(object).model, object as Record<string, unknown>);
      return scratch.view();
    },
    encodeAround(object, message) {
      const writer = new ReverseWriter(message.length + 128);
      return enveloped(writer, known(object).typeMeta, () => writer.bytes(message));
    },
    encodeListAround(list, itemsLength) {
      const { model, typeMeta } = known(list);
      scratch.clear();
      writeModel(scratch, model, { ...list, items: [] });
      return listAround(scratch.finish(), typeMeta, itemsLength);
    },
    itemHeader,
    encodeWatchEventAround: (type, object, messageLength) =>
      watchEventAround(type, known(object).typeMeta, messageLength),
    passingWatchEvent(type, object) {
      const { model, typeMeta } = known(object);
      scratch.clear();
      scratch.bytes(envelopeEnd);
      writeModel(scratch, model, object as Record<string, unknown>);
      writeWatchEvent(scratch, type, typeMeta, scratch.length - envelopeEnd.length, 0);
      return scratch.view();
    },
  };
}

function listAround(head: Uint8Array, typeMeta: TypeMeta, itemsLength: number) {
  const writer = new ReverseWriter(head.length + 128);
  const start = enveloped(writer, typeMeta, () => writer.bytes(head), itemsLength);
  return { start: start.subarray(0, start.length - envelopeEnd.length), end: envelopeEnd };
}

function itemHeader(messageLength: number): Uint8Array {
  const header = new Uint8Array(itemHeaderLength(messageLength));
  header[0] = itemsField * 8 + 2;
  let rest = messageLength;
  let at = 1;
  for (; rest >= 128; rest = Math.floor(rest / 128)) header[at++] = (rest % 128) | 0x80;
  header[at] = rest;
  return header;
}

function watchEventAround(type: string, typeMeta: TypeMeta, messageLength: number) {
  const writer = new ReverseWriter(192);
  writer.bytes(envelopeEnd);
  writeWatchEvent(writer, type, typeMeta, messageLength, messageLength);
  const start = writer.finish();
  return { start: start.subarray(0, start.length - envelopeEnd.length), end: envelopeEnd };
}

/** What `itemHeader` takes. */
export function itemHeaderLength(messageLength: number): number {
  let length = 2;
  for (let rest = messageLength; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Of every list: the metadata is field 1. */
const itemsField = 2;
/** An empty content encoding and an empty content type. */
const envelopeEnd = Uint8Array.of(0x1a, 0, 0x22, 0);

/** `extraLength` is what follows the content within it, written by somebody else. */
function enveloped(
  writer: ReverseWriter,
  typeMeta: TypeMeta,
  writeContent: () => void,
  extraLength = 0,
): Uint8Array {
  writer.bytes(envelopeEnd);
  const beforeContent = writer.length;
  writeContent();
  writer.varint(writer.length - beforeContent + extraLength);
  writer.varint(2 * 8 + 2);
  writeTypeMeta(writer, typeMeta);
  return writer.finish();
}

/**
 * What stands before the message in a frame of a watch: its length, the event, and the envelope's beginning. `elsewhere` is how much of
 * the message somebody else writes.
 */
function writeWatchEvent(
  writer: ReverseWriter,
  type: string,
  typeMeta: TypeMeta,
  messageLength: number,
  elsewhere: number,
): void {
  const lengthSoFar = () => writer.length + elsewhere;
  writer.varint(messageLength);
  writer.varint(2 * 8 + 2);
  writeTypeMeta(writer, typeMeta);
  for (const number of [1, 2]) {
    writer.varint(lengthSoFar());
    writer.varint(number * 8 + 2);
  }
  writeText(writer, 1, type);
  const length = lengthSoFar();
  writer.bytes(Uint8Array.of(length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255));
}

/** The beginning of an envelope. */
function writeTypeMeta(writer: ReverseWriter, { apiVersion, kind }: TypeMeta): void {
  const before = writer.length;
  writeText(writer, 2, kind);
  writeText(writer, 1, apiVersion);
  writeHeader(writer, 1, before);
  writer.bytes(Uint8Array.from(magic));
}

function writeText(writer: ReverseWriter, number: number, text: string): void {
  writer.string(text);
  writer.varint(number * 8 + 2);
}

function writeHeader(writer: ReverseWriter, number: number, lengthBefore: number): void {
  writer.varint(writer.length - lengthBefore);
  writer.varint(number * 8 + 2);
}
