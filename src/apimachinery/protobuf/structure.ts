import type { Model } from "../schema/tables.ts";
import { type DecodeField, decodePlanOf, ops, type ValueReader } from "./decode-plan.ts";
import { CutShortError, maxDepth, ProtobufError } from "./reader.ts";

/** What may stand in a field. A number, since it is switched on for every field there is. */
const contents = {
  unknown: 0,
  varint: 1,
  fixed64: 2,
  /** Bytes that are looked at no further. */
  opaque: 3,
  /** A message of a model. */
  model: 4,
  /** A message of which only the form is known. */
  fields: 5,
  /** Varints with a tag each, or all behind one. */
  varints: 6,
  fixed64s: 7,
} as const;

/** The form of a model's messages, by the numbers of their fields. */
export interface Structure {
  readonly contents: Uint8Array;
  readonly inner: readonly (Structure | undefined)[];
}

const structures = new WeakMap<Model, Structure>();

/** Made once a model, and those of all models within it. */
export function structureOf(model: Model): Structure {
  const known = structures.get(model);
  if (known !== undefined) return known;
  const inner: (Structure | undefined)[] = [];
  const { fields } = decodePlanOf(model);
  const made = { contents: new Uint8Array(fields.length), inner };
  // Before what lies within it: a model may hold itself.
  structures.set(model, made);
  fill(made.contents, inner, fields);
  return made;
}

function fill(
  kinds: Uint8Array,
  inner: (Structure | undefined)[],
  fields: readonly (DecodeField | undefined)[],
): void {
  for (const [number, field] of fields.entries()) {
    inner.push(undefined);
    if (field === undefined) continue;
    const { reader, embedded } = field;
    const value = reader.op === ops.list ? (reader.item ?? reader) : reader;
    kinds[number] = contentOf(reader, value);
    if (embedded !== undefined) {
      kinds[number] = contents.model;
      const made = { contents: new Uint8Array(embedded.length), inner: [] };
      fill(made.contents, made.inner, embedded);
      inner[number] = made;
    } else if (value.op === ops.model && value.model !== undefined) inner[number] = structureOf(value.model);
  }
}

function contentOf(reader: ValueReader, value: ValueReader): number {
  if (reader.wireType === 0) return reader.op === ops.list ? contents.varints : contents.varint;
  if (reader.wireType === 1) return reader.op === ops.list ? contents.fixed64s : contents.fixed64;
  if (value.op === ops.model) return contents.model;
  return value.op > ops.embedded ? contents.fields : contents.opaque;
}

/** Where the varint that was read last ended. */
let after = 0;

/** Exact up to 2^53; none is longer than ten bytes. */
function varint(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  let factor = 1;
  for (let at = start; at < start + 10; at++) {
    if (at >= end) throw new CutShortError();
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 128) {
      after = at + 1;
      return value;
    }
    factor *= 128;
  }
  throw new ProtobufError("varint is too long");
}

/**
 * Goes over [start, end) as fields of a message and makes nothing of them: throws `ProtobufError` where messages do not lie
 * within each other as they should. Nothing is said of what texts hold, JSON among them.
 */
export function checkStructure(
  bytes: Uint8Array,
  start: number,
  end: number,
  structure: Structure | undefined,
  depth = 0,
): void {
  if (depth > maxDepth) throw new ProtobufError("message is nested too deep");
  let at = start;
  while (at < end) {
    let tag = bytes[at] ?? 0;
    if (tag < 128) at++;
    else {
      tag = varint(bytes, at, end);
      at = after;
    }
    const wireType = tag & 7;
    const number = tag < 128 ? tag >> 3 : Math.floor(tag / 8);
    const kind =
      structure === undefined ? contents.unknown : (structure.contents[number] ?? contents.unknown);
    if (wireType === 2) {
      let length = bytes[at] ?? 0;
      if (length < 128) at++;
      else {
        length = varint(bytes, at, end);
        at = after;
      }
      const inner = at;
      at += length;
      if (at > end) throw new CutShortError();
      if (kind === contents.model) checkStructure(bytes, inner, at, structure?.inner[number], depth + 1);
      else if (kind === contents.fields) checkStructure(bytes, inner, at, undefined, depth + 1);
      else if (kind === contents.varints) for (after = inner; after < at; ) varint(bytes, after, at);
      else if (
        kind === contents.fixed64s ? length % 8 !== 0 : kind === contents.varint || kind === contents.fixed64
      )
        throw unexpected(wireType);
    } else if (wireType === 0) {
      if (kind > contents.varint && kind !== contents.varints) throw unexpected(wireType);
      if (at < end && (bytes[at] ?? 0) < 128) at++;
      else {
        varint(bytes, at, end);
        at = after;
      }
    } else {
      if (wireType !== 1 && wireType !== 5) throw new ProtobufError(`unknown wire type ${wireType}`);
      const fits =
        kind === contents.unknown ||
        (wireType === 1 && (kind === contents.fixed64 || kind === contents.fixed64s));
      if (!fits) throw unexpected(wireType);
      at += wireType === 1 ? 8 : 4;
    }
  }
  if (at > end) throw new CutShortError();
}

const unexpected = (wireType: number) => new ProtobufError(`unexpected wire type ${wireType}`);
