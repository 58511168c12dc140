import { unreachable } from "../../base/assert.ts";
import type { Model, Shape, UnionKind } from "../schema/tables.ts";
import { formatDuration } from "./duration.ts";
import { planOf } from "./plan.ts";
import { ProtobufError, type Reader } from "./reader.ts";

/** Messages nest no deeper than this. */
const maxDepth = 200;
/** The end of the year 9999: RFC 3339 has four digits for it. */
const maxEpochMs = 253_402_300_799_000;
const decoder = new TextDecoder();

/** Reads a message into `target`. Zeros are kept as they come: normalizing leaves out what Go leaves out. */
export function readModel(
  reader: Reader,
  model: Model,
  target: Record<string, unknown> = {},
  depth = 0,
): Record<string, unknown> {
  if (depth > maxDepth) throw new ProtobufError("message is nested too deep");
  const { byNumber } = planOf(model);
  while (!reader.done) {
    const tag = reader.varint();
    const field = byNumber.get(Math.floor(tag / 8));
    if (field === undefined) {
      reader.skip(tag % 8);
      continue;
    }
    const { name, shape } = field;
    if (name !== undefined) readField(reader, shape, target, name, depth);
    else if (shape.kind === "model") readModel(reader.message(), shape.model, target, depth + 1);
  }
  return target;
}

function readField(
  reader: Reader,
  shape: Shape,
  target: Record<string, unknown>,
  name: string,
  depth: number,
): void {
  if (shape.kind === "list" && !shape.wrapped) {
    const before = target[name];
    const list: unknown[] = Array.isArray(before) ? before : [];
    list.push(readValue(reader, shape.item, depth));
    target[name] = list;
  } else if (shape.kind === "map") {
    target[name] ??= {};
    readEntry(reader.message(), shape.value, target[name] as Record<string, unknown>, depth);
  } else {
    const value = readValue(reader, shape, depth);
    if (value !== undefined) target[name] = value;
  }
}

function readEntry(reader: Reader, shape: Shape, map: Record<string, unknown>, depth: number): void {
  let key = "";
  const holder: Record<string, unknown> = {};
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 10) key = reader.string();
    else if (Math.floor(tag / 8) === 2) readField(reader, shape, holder, "value", depth + 1);
    else reader.skip(tag % 8);
  }
  if (key === "__proto__") throw new ProtobufError('the key "__proto__" is not allowed');
  map[key] = holder.value ?? null;
}

function readValue(reader: Reader, shape: Shape, depth: number): unknown {
  switch (shape.kind) {
    case "string":
      return reader.string();
    case "bool":
      return reader.varint() !== 0;
    case "int32":
    case "int64":
      return reader.integer();
    case "double":
      return reader.double();
    case "bytes":
      return toBase64(reader.bytes());
    case "model":
      return readModel(reader.message(), shape.model, {}, depth + 1);
    case "list":
      return readWrapped(reader.message(), shape.item, depth);
    case "schemaOrArray":
    case "schemaOrBool":
    case "schemaOrStrings":
      return readUnion(reader.message(), shape, depth);
    default:
      return readWellKnown(readNumbered(reader.message()), shape);
  }
}

function readWrapped(reader: Reader, item: Shape, depth: number): unknown[] {
  const list: unknown[] = [];
  while (!reader.done) {
    const tag = reader.varint();
    if (Math.floor(tag / 8) === 1) list.push(readValue(reader, item, depth));
    else reader.skip(tag % 8);
  }
  return list;
}

function readUnion(reader: Reader, shape: Shape & { kind: UnionKind }, depth: number): unknown {
  const list: unknown[] = [];
  let schema: unknown;
  let allows = false;
  while (!reader.done) {
    const tag = reader.varint();
    const isSchema = Math.floor(tag / 8) === (shape.kind === "schemaOrBool" ? 2 : 1);
    if (tag % 8 === 0) allows = reader.varint() !== 0;
    else if (isSchema) schema = readModel(reader.message(), shape.model, {}, depth + 1);
    else if (shape.kind === "schemaOrArray")
      list.push(readModel(reader.message(), shape.model, {}, depth + 1));
    else list.push(reader.string());
  }
  if (schema !== undefined) return schema;
  return shape.kind === "schemaOrBool" ? allows : list;
}

/** The fields of a small message of known form: integers and bytes by their numbers. */
function readNumbered(reader: Reader): Map<number, number | Uint8Array> {
  const fields = new Map<number, number | Uint8Array>();
  while (!reader.done) {
    const tag = reader.varint();
    const number = Math.floor(tag / 8);
    if (tag % 8 === 0) fields.set(number, reader.integer());
    else if (tag % 8 === 2) fields.set(number, reader.bytes());
    else reader.skip(tag % 8);
  }
  return fields;
}

function readWellKnown(fields: ReadonlyMap<number, number | Uint8Array>, shape: Shape): unknown {
  switch (shape.kind) {
    case "quantity":
      return textOf(fields.get(1)) || "0";
    case "intOrString":
      return fields.get(1) === 1 ? textOf(fields.get(3)) : numberOf(fields.get(2));
    case "time":
    case "microTime":
      return timeOf(fields, shape.kind === "microTime");
    case "duration":
      return formatDuration(numberOf(fields.get(1)));
    case "raw":
    case "json":
    case "fieldsV1":
      return jsonOf(fields.get(1));
    case "schemaOrArray":
    case "schemaOrBool":
    case "schemaOrStrings":
    case "string":
    case "bool":
    case "int32":
    case "int64":
    case "double":
    case "bytes":
    case "list":
    case "map":
    case "model":
      return undefined;
    default:
      return unreachable(shape);
  }
}

function textOf(value: number | Uint8Array | undefined): string {
  return value instanceof Uint8Array ? decoder.decode(value) : "";
}

function numberOf(value: number | Uint8Array | undefined): number {
  return typeof value === "number" ? value : 0;
}

/** An empty message is the zero time, which JSON has as null. */
function timeOf(fields: ReadonlyMap<number, number | Uint8Array>, micro: boolean): string | undefined {
  if (fields.size === 0) return undefined;
  const epochMs = numberOf(fields.get(1)) * 1000;
  if (Math.abs(epochMs) > maxEpochMs) throw new ProtobufError("a time is out of range");
  const seconds = new Date(epochMs).toISOString().slice(0, 19);
  if (!micro) return `${seconds}Z`;
  const microseconds = Math.floor(numberOf(fields.get(2)) / 1000);
  return `${seconds}.${String(microseconds).padStart(6, "0")}Z`;
}

function jsonOf(value: number | Uint8Array | undefined): unknown {
  const text = textOf(value);
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtobufError("a raw extension holds no JSON");
  }
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
