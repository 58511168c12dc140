import { unreachable } from "../../base/assert.ts";
import type { Model, Shape, UnionKind } from "../schema/tables.ts";
import { parseDuration } from "./duration.ts";
import { planOf } from "./plan.ts";
import type { ReverseWriter } from "./writer.ts";

type JsonObject = Readonly<Record<string, unknown>>;

const varintType = 0;
const fixed64Type = 1;
const bytesType = 2;
const encoder = new TextEncoder();

/** Writes the fields of a message as upstream's generated code does: in the order of their numbers, zeros included. */
export function writeModel(writer: ReverseWriter, model: Model, object: JsonObject): void {
  for (const { number, shape, name, optional } of planOf(model).descending) {
    const value = name === undefined ? object : object[name];
    if (optional && (value === undefined || value === null)) continue;
    writeField(writer, number, shape, value);
  }
}

function writeField(writer: ReverseWriter, number: number, shape: Shape, value: unknown): void {
  if (shape.kind === "list" && !shape.wrapped) {
    const items = value as readonly unknown[]; // the tables say so, and input was checked against them
    for (let index = items.length - 1; index >= 0; index--)
      writeField(writer, number, shape.item, items[index]);
    return;
  }
  if (shape.kind === "map") {
    writeMap(writer, number, shape.value, value as JsonObject);
    return;
  }
  writeValue(writer, shape, value);
  writer.varint(number * 8 + wireTypeOf(shape));
}

function writeMap(writer: ReverseWriter, number: number, shape: Shape, map: JsonObject): void {
  for (const key of Object.keys(map).toSorted(byBytes).toReversed()) {
    const before = writer.length;
    writeField(writer, 2, shape, map[key]);
    writer.string(key);
    writer.varint(1 * 8 + bytesType);
    writer.varint(writer.length - before);
    writer.varint(number * 8 + bytesType);
  }
}

/** Go sorts strings by bytes; JavaScript by UTF-16 units, which differs beyond the basic plane. */
function byBytes(left: string, right: string): number {
  const plain = left < right ? -1 : left > right ? 1 : 0;
  if (!/[\ud800-\udfff]/.test(left + right)) return plain;
  const [a, b] = [encoder.encode(left), encoder.encode(right)];
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function wireTypeOf(shape: Shape): number {
  switch (shape.kind) {
    case "bool":
    case "int32":
    case "int64":
      return varintType;
    case "double":
      return fixed64Type;
    default:
      return bytesType;
  }
}

function writeValue(writer: ReverseWriter, shape: Shape, value: unknown): void {
  switch (shape.kind) {
    case "string":
      writer.string(typeof value === "string" ? value : "");
      return;
    case "bool":
      writer.varint(value === true ? 1 : 0);
      return;
    case "int32":
    case "int64":
      writer.integer(typeof value === "number" ? value : 0);
      return;
    case "double":
      writer.double(typeof value === "number" ? value : 0);
      return;
    case "bytes":
      writeBytes(writer, fromBase64(typeof value === "string" ? value : ""));
      return;
    default:
      writeMessage(writer, shape, value);
  }
}

function writeBytes(writer: ReverseWriter, bytes: Uint8Array): void {
  writer.bytes(bytes);
  writer.varint(bytes.length);
}

/** What protobuf holds as a message: its content, then its length. */
function writeMessage(writer: ReverseWriter, shape: Shape, value: unknown): void {
  const before = writer.length;
  if (shape.kind === "model") writeModel(writer, shape.model, (value ?? {}) as JsonObject);
  else if (shape.kind === "list") writeField(writer, 1, { ...shape, wrapped: false }, value ?? []);
  else if (value !== undefined && value !== null) writeWellKnown(writer, shape, value);
  else if (shape.kind === "quantity") stringField(writer, 1, "0");
  else if (shape.kind === "intOrString") writeIntOrString(writer, 0);
  else if (shape.kind === "duration") integerField(writer, 1, 0);
  writer.varint(writer.length - before);
}

function stringField(writer: ReverseWriter, number: number, text: string): void {
  writer.string(text);
  writer.varint(number * 8 + bytesType);
}

function integerField(writer: ReverseWriter, number: number, value: number): void {
  writer.integer(value);
  writer.varint(number * 8 + varintType);
}

function writeWellKnown(writer: ReverseWriter, shape: Shape, value: unknown): void {
  switch (shape.kind) {
    case "quantity":
      stringField(writer, 1, String(value));
      return;
    case "intOrString":
      writeIntOrString(writer, value);
      return;
    case "time":
    case "microTime":
      writeTime(writer, String(value), shape.kind === "microTime");
      return;
    case "duration":
      integerField(writer, 1, parseDuration(String(value)));
      return;
    case "raw":
    case "json":
    case "fieldsV1":
      writeBytes(writer, encoder.encode(JSON.stringify(value)));
      writer.varint(1 * 8 + bytesType);
      return;
    case "schemaOrArray":
    case "schemaOrBool":
    case "schemaOrStrings":
      writeUnion(writer, shape, value);
      return;
    case "string":
    case "bool":
    case "int32":
    case "int64":
    case "double":
    case "bytes":
    case "list":
    case "map":
    case "model":
      return;
    default:
      unreachable(shape);
  }
}

function writeUnion(writer: ReverseWriter, shape: Shape & { kind: UnionKind }, value: unknown): void {
  const schema: Shape = { kind: "model", model: shape.model };
  if (shape.kind === "schemaOrBool") {
    if (typeof value === "object") writeField(writer, 2, schema, value);
    integerField(writer, 1, value === false ? 0 : 1);
  } else if (Array.isArray(value)) {
    const item: Shape = shape.kind === "schemaOrArray" ? schema : { kind: "string" };
    writeField(writer, 2, { kind: "list", item, wrapped: false }, value);
  } else {
    writeField(writer, 1, schema, value);
  }
}

function writeIntOrString(writer: ReverseWriter, value: unknown): void {
  const isText = typeof value === "string";
  stringField(writer, 3, isText ? value : "");
  integerField(writer, 2, typeof value === "number" ? value : 0);
  integerField(writer, 1, isText ? 1 : 0);
}

function writeTime(writer: ReverseWriter, text: string, micro: boolean): void {
  const seconds = Math.floor(Date.parse(text) / 1000);
  const fraction = micro ? (/\.(\d{1,9})/.exec(text)?.[1] ?? "") : "";
  integerField(writer, 2, Number(fraction.padEnd(9, "0")));
  integerField(writer, 1, seconds);
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
