import { unreachable } from "../../base/assert.ts";
import type { Model, Shape, UnionKind } from "../schema/tables.ts";
import { parseDuration } from "./duration.ts";
import { writeFieldsText } from "./fields-text.ts";
import { planOf } from "./plan.ts";
import { writeTime } from "./time.ts";
import { ReverseWriter } from "./writer.ts";

type JsonObject = Readonly<Record<string, unknown>>;
/** Writes a value, absent ones too; for a field its tag as well. */
type Write = (writer: ReverseWriter, value: unknown) => void;

const varintType = 0;
const fixed64Type = 1;
const bytesType = 2;

/** Writes the fields of a message as upstream's generated code does: in the order of their numbers, zeros included. */
export function writeModel(writer: ReverseWriter, model: Model, object: JsonObject): void {
  // One that failed may have left some behind.
  top = 0;
  encoderOf(model).write(writer, object);
}

const encoders = new WeakMap<Model, MessageEncoder>();

function encoderOf(model: Model): MessageEncoder {
  let encoder = encoders.get(model);
  if (encoder === undefined) {
    encoder = new MessageEncoder(model);
    encoders.set(model, encoder);
  }
  return encoder;
}

/** The fields of the messages that are being written, those of inner ones above those of outer ones. */
const places: number[] = [];
const values: unknown[] = [];
let top = 0;

/**
 * What writes one model's messages: a function a field, made once. An object is asked for the fields it has, not for those it might
 * have: most are absent, and what stands for those never changes, so that neighbours which are absent are written in one go.
 */
class MessageEncoder {
  /** Of a field's name: its place, by ascending number. */
  readonly #places = new Map<string, number>();
  readonly #inlined: readonly number[];
  readonly #writes: readonly Write[];
  /** The message of an object that has nothing; in it, each field's part begins at its offset. */
  readonly #empty: Uint8Array;
  readonly #offsets: readonly number[];

  constructor(model: Model) {
    const fields = planOf(model).descending.toReversed();
    for (const [place, { name }] of fields.entries()) if (name !== undefined) this.#places.set(name, place);
    this.#inlined = fields.flatMap(({ name }, place) => (name === undefined ? [place] : []));
    this.#writes = fields.map(({ number, shape }) => fieldWriter(number, shape));
    const writer = new ReverseWriter(256);
    const ends: number[] = [];
    for (let place = fields.length - 1; place >= 0; place--) {
      const field = fields[place];
      // What is inlined is never absent, only empty: nothing else stands for it.
      if (field?.optional === false && field.name !== undefined) this.#writes[place]?.(writer, undefined);
      ends[place] = writer.length;
    }
    this.#empty = writer.finish();
    this.#offsets = [...ends.map((end) => this.#empty.length - end), this.#empty.length];
  }

  write(writer: ReverseWriter, object: JsonObject): void {
    const base = top;
    for (let index = 0; index < this.#inlined.length; index++)
      this.#take(base, this.#inlined[index] ?? 0, object);
    for (const name in object) {
      const value = object[name];
      if (value === undefined || value === null) continue;
      const place = this.#places.get(name);
      if (place !== undefined) this.#take(base, place, value);
    }
    let written = this.#empty.length;
    for (let index = top - 1; index >= base; index--) {
      const place = places[index] ?? 0;
      const end = this.#offsets[place + 1] ?? 0;
      if (end < written) writer.few(this.#empty, end, written);
      this.#writes[place]?.(writer, values[index]);
      values[index] = undefined;
      written = this.#offsets[place] ?? 0;
    }
    top = base;
    if (written > 0) writer.few(this.#empty, 0, written);
  }

  /** Objects mostly have their fields in the order of the numbers. */
  #take(base: number, place: number, value: unknown): void {
    let at = top++;
    for (; at > base && (places[at - 1] ?? 0) > place; at--) {
      places[at] = places[at - 1] ?? 0;
      values[at] = values[at - 1];
    }
    places[at] = place;
    values[at] = value;
  }
}

function fieldWriter(number: number, shape: Shape): Write {
  if (shape.kind === "list" && !shape.wrapped) {
    const item = fieldWriter(number, shape.item);
    return (writer, value) => {
      const items = value as readonly unknown[]; // the tables say so, and input was checked against them
      for (let index = items.length - 1; index >= 0; index--) item(writer, items[index]);
    };
  }
  if (shape.kind === "map") return mapWriter(number, shape.value);
  const tag = number * 8 + wireTypeOf(shape);
  if (shape.kind === "string")
    return (writer, value) => {
      writer.string(typeof value === "string" ? value : "");
      writer.varint(tag);
    };
  const write = valueWriter(shape);
  return (writer, value) => {
    write(writer, value);
    writer.varint(tag);
  };
}

function mapWriter(number: number, shape: Shape): Write {
  const entryValue = fieldWriter(2, shape);
  return (writer, value) => {
    const map = value as JsonObject; // the tables say so
    const keys = inOrder(Object.keys(map));
    for (let index = keys.length - 1; index >= 0; index--) {
      const key = keys[index] ?? "";
      const before = writer.length;
      entryValue(writer, map[key]);
      writer.string(key);
      writer.varint(1 * 8 + bytesType);
      writer.varint(writer.length - before);
      writer.varint(number * 8 + bytesType);
    }
  };
}

/** As Go sorts them. Most maps are sorted already, or have few keys. */
function inOrder(keys: readonly string[]): readonly string[] {
  for (let index = 1; index < keys.length; index++)
    if ((keys[index - 1] ?? "") > (keys[index] ?? "")) return keys.toSorted(byBytes);
  return keys.some((key) => surrogate.test(key)) ? keys.toSorted(byBytes) : keys;
}

const surrogate = /[\ud800-\udfff]/;
const encoder = new TextEncoder();

/** Go sorts strings by bytes; JavaScript by UTF-16 units, which differs beyond the basic plane. */
function byBytes(left: string, right: string): number {
  const plain = left < right ? -1 : left > right ? 1 : 0;
  if (!surrogate.test(left) && !surrogate.test(right)) return plain;
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

function valueWriter(shape: Shape): Write {
  switch (shape.kind) {
    case "string":
      return (writer, value) => writer.string(typeof value === "string" ? value : "");
    case "bool":
      return (writer, value) => writer.varint(value === true ? 1 : 0);
    case "int32":
    case "int64":
      return (writer, value) => writer.integer(typeof value === "number" ? value : 0);
    case "double":
      return (writer, value) => writer.double(typeof value === "number" ? value : 0);
    case "bytes":
      return (writer, value) => writeBytes(writer, fromBase64(typeof value === "string" ? value : ""));
    default:
      return withLength(contentWriter(shape));
  }
}

/** What protobuf holds as a message: its content, then its length. */
function withLength(writeContent: Write): Write {
  return (writer, value) => {
    const before = writer.length;
    writeContent(writer, value);
    writer.varint(writer.length - before);
  };
}

function contentWriter(shape: Shape): Write {
  if (shape.kind === "model") {
    // Looked up with the first use: models refer to each other, and to themselves.
    let model: MessageEncoder | undefined;
    return (writer, value) => {
      model ??= encoderOf(shape.model);
      model.write(writer, (value ?? {}) as JsonObject);
    };
  }
  if (shape.kind === "list") {
    const write = fieldWriter(1, { ...shape, wrapped: false });
    return (writer, value) => write(writer, value ?? []);
  }
  return (writer, value) => {
    if (value !== undefined && value !== null) writeWellKnown(writer, shape, value);
    else if (shape.kind === "quantity") stringField(writer, 1, "0");
    else if (shape.kind === "intOrString") writeIntOrString(writer, 0);
    else if (shape.kind === "duration") integerField(writer, 1, 0);
  };
}

function writeBytes(writer: ReverseWriter, bytes: Uint8Array): void {
  writer.bytes(bytes);
  writer.varint(bytes.length);
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
    case "fieldsV1":
      writeFields(writer, value);
      return;
    case "raw":
    case "json":
      stringField(writer, 1, JSON.stringify(value));
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

function writeFields(writer: ReverseWriter, value: unknown): void {
  const before = writer.length;
  writeFieldsText(writer, value);
  writer.varint(writer.length - before);
  writer.varint(1 * 8 + bytesType);
}

function writeUnion(writer: ReverseWriter, shape: Shape & { kind: UnionKind }, value: unknown): void {
  const schema: Shape = { kind: "model", model: shape.model };
  if (shape.kind === "schemaOrBool") {
    if (typeof value === "object") fieldWriter(2, schema)(writer, value);
    integerField(writer, 1, value === false ? 0 : 1);
  } else if (Array.isArray(value)) {
    const item: Shape = shape.kind === "schemaOrArray" ? schema : { kind: "string" };
    fieldWriter(2, { kind: "list", item, wrapped: false })(writer, value);
  } else {
    fieldWriter(1, schema)(writer, value);
  }
}

function writeIntOrString(writer: ReverseWriter, value: unknown): void {
  const isText = typeof value === "string";
  stringField(writer, 3, isText ? value : "");
  integerField(writer, 2, typeof value === "number" ? value : 0);
  integerField(writer, 1, isText ? 1 : 0);
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
