/** Kubernetes' protobuf: an envelope that names the kind around a message laid out by the schema tables. */
import { type GroupVersionKind, parseApiVersion } from "../meta.ts";
import type { SchemaTables } from "../schema/tables.ts";
import { readModel } from "./decode.ts";
import { writeModel } from "./encode.ts";
import { ProtobufError, Reader } from "./reader.ts";
import { ReverseWriter } from "./writer.ts";

/** `application/vnd.kubernetes.protobuf`. */
export interface ProtobufCodec {
  /** Whether the kind has a binary form: every built-in one, no custom one. */
  knows(kind: GroupVersionKind): boolean;
  /** One object with its kind and apiVersion. Throws `ProtobufError`. */
  decode(bytes: Uint8Array): Record<string, unknown>;
  /** `object` must carry apiVersion and kind of a known kind, and have the shape of its table. */
  encode(object: object): Uint8Array;
  /**
   * One frame of a watch stream, its length included. `object` is what `encode` made, so that all watchers of an object
   * share those bytes.
   */
  encodeWatchEvent(type: string, object: Uint8Array): Uint8Array;
}

const magic = [0x6b, 0x38, 0x73, 0x00]; // "k8s\0"

export function createProtobufCodec(tables: SchemaTables): ProtobufCodec {
  const modelOf = ({ apiVersion, kind }: TypeMeta) => {
    const { group, version } = parseApiVersion(apiVersion);
    return tables.kind(group, version, kind);
  };
  return {
    knows: ({ group, version, kind }) => tables.kind(group, version, kind) !== undefined,
    decode(bytes) {
      const { typeMeta, raw } = readEnvelope(bytes);
      const model = modelOf(typeMeta);
      if (model === undefined)
        throw new ProtobufError(
          `no kind ${typeMeta.kind} of version ${typeMeta.apiVersion} has a binary form`,
        );
      return readModel(raw, model, { kind: typeMeta.kind, apiVersion: typeMeta.apiVersion });
    },
    encode(object) {
      const typeMeta = object as Partial<TypeMeta>; // checked by the look-up
      const known = { apiVersion: typeMeta.apiVersion ?? "", kind: typeMeta.kind ?? "" };
      const model = modelOf(known);
      if (model === undefined)
        throw new ProtobufError(`no kind ${known.kind} of version ${known.apiVersion} has a binary form`);
      const writer = new ReverseWriter();
      writeText(writer, 4, ""); // content type
      writeText(writer, 3, ""); // content encoding
      const beforeRaw = writer.length;
      writeModel(writer, model, object as Record<string, unknown>);
      writeHeader(writer, 2, beforeRaw);
      const beforeType = writer.length;
      writeText(writer, 2, known.kind);
      writeText(writer, 1, known.apiVersion);
      writeHeader(writer, 1, beforeType);
      writer.bytes(Uint8Array.from(magic));
      return writer.finish();
    },
    encodeWatchEvent(type, object) {
      const writer = new ReverseWriter(object.length + 64);
      const beforeExtension = writer.length;
      writer.bytes(object);
      writeHeader(writer, 1, beforeExtension);
      writeHeader(writer, 2, beforeExtension);
      writeText(writer, 1, type);
      const { length } = writer;
      writer.bytes(Uint8Array.of(length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255));
      return writer.finish();
    },
  };
}

interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

function writeText(writer: ReverseWriter, number: number, text: string): void {
  writer.string(text);
  writer.varint(number * 8 + 2);
}

function writeHeader(writer: ReverseWriter, number: number, lengthBefore: number): void {
  writer.varint(writer.length - lengthBefore);
  writer.varint(number * 8 + 2);
}

function readEnvelope(bytes: Uint8Array): { typeMeta: TypeMeta; raw: Reader } {
  if (magic.some((byte, index) => bytes[index] !== byte))
    throw new ProtobufError("provided data does not appear to be a protobuf message");
  const reader = new Reader(bytes, magic.length);
  let typeMeta: TypeMeta = { apiVersion: "", kind: "" };
  let raw = new Reader(bytes, bytes.length);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 10) typeMeta = readTypeMeta(reader.message());
    else if (tag === 18) raw = reader.message();
    else reader.skip(tag % 8);
  }
  return { typeMeta, raw };
}

function readTypeMeta(reader: Reader): TypeMeta {
  let apiVersion = "";
  let kind = "";
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 10) apiVersion = reader.string();
    else if (tag === 18) kind = reader.string();
    else reader.skip(tag % 8);
  }
  return { apiVersion, kind };
}
