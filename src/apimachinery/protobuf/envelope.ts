import { ProtobufError, Reader } from "./reader.ts";

/** What names the kind of an object in its envelope. */
export interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Before every envelope: "k8s\0". */
export const magic: readonly number[] = [0x6b, 0x38, 0x73, 0x00];

/** An envelope's kind; the reader then stands within the object's message. Throws `ProtobufError`. */
export function readEnvelope(
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): TypeMeta & { reader: Reader } {
  const reader = new Reader(bytes, start, end);
  return { ...enterEnvelope(reader), reader };
}

/** As `readEnvelope`, for what the reader holds until its end; most are of the kind of the one before. */
export function enterEnvelope(reader: Reader, before: TypeMeta = unnamed): TypeMeta {
  readMagic(reader);
  let typeMeta = unnamed;
  let start = reader.end;
  let end = reader.end;
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === 10) typeMeta = readTypeMeta(reader, before);
    else if (tag === 18) {
      end = reader.enter();
      start = reader.at;
      reader.at = end;
    } else reader.skip(tag % 8);
  }
  reader.at = start;
  reader.end = end;
  return typeMeta;
}

/** The first bytes of every envelope. */
export function readMagic(reader: Reader): void {
  for (const byte of magic)
    if (reader.bytes[reader.take(1)] !== byte)
      throw new ProtobufError(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
      );
}

const unnamed: TypeMeta = { apiVersion: "", kind: "" };

/** A message with its length: the apiVersion and the kind. */
export function readTypeMeta(reader: Reader, before: TypeMeta = unnamed): TypeMeta {
  const outerEnd = reader.end;
  reader.end = reader.enter();
  let apiVersion = "";
  let kind = "";
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === 10) apiVersion = reader.string(before.apiVersion);
    else if (tag === 18) kind = reader.string(before.kind);
    else reader.skip(tag % 8);
  }
  reader.end = outerEnd;
  return before.apiVersion === apiVersion && before.kind === kind ? before : { apiVersion, kind };
}
