import type { Model } from "../schema/tables.ts";
import {
  type DecodeField,
  type DecodePlan,
  decodePlanOf,
  extended,
  ops,
  type ShapeNode,
  type ValueReader,
  zeroMember,
} from "./decode-plan.ts";
import { formatDuration } from "./duration.ts";
import type { TypeMeta } from "./envelope.ts";
import { maxDepth, ProtobufError, type Reader } from "./reader.ts";
import { TextFamily } from "./text.ts";

/** The end of the year 9999: RFC 3339 has four digits for it. */
const maxEpochS = 253_402_300_799;

/**
 * The members of the objects that are being read, each in its place behind those of the object around it. Shared by all
 * calls, since none is ever suspended; what one that threw left here is cleared by the next.
 */
export const memberSlots: unknown[] = [];

/**
 * Reads [at, end) of the reader as a message of this model: the object that Go's JSON shows, its members in Go's order,
 * zeros left out where Go leaves them out. Throws `ProtobufError`.
 */
export function readKind(reader: Reader, model: Model, typeMeta: TypeMeta): Record<string, unknown> {
  const plan = decodePlanOf(model);
  clearSlots(plan, 0);
  setTypeMeta(plan, 0, typeMeta);
  readFields(reader, plan.fields, 0, plan.members.length, 0);
  return buildObject(plan, 0);
}

/** One member alone, of a message that holds nothing else. */
export function readMember(reader: Reader, plan: DecodePlan, index: number): unknown {
  clearSlots(plan, 0);
  readFields(reader, plan.fields, 0, plan.members.length, 0);
  const value = memberSlots[index];
  memberSlots[index] = undefined;
  return value;
}

/** Gives the slots from `base` on to a message of the plan. */
export function clearSlots({ members }: DecodePlan, base: number): number {
  for (let index = base + members.length; memberSlots.length < index; ) memberSlots.push(undefined);
  for (let index = 0; index < members.length; index++) memberSlots[base + index] = undefined;
  return base;
}

export function setTypeMeta({ members }: DecodePlan, base: number, { kind, apiVersion }: TypeMeta): void {
  // They come first in every kind.
  if (members[0]?.name === "kind") memberSlots[base] = kind;
  if (members[1]?.name === "apiVersion") memberSlots[base + 1] = apiVersion;
}

function readObject(reader: Reader, plan: DecodePlan, base: number, depth: number): Record<string, unknown> {
  if (depth > maxDepth) throw new ProtobufError("message is nested too deep");
  clearSlots(plan, base);
  readFields(reader, plan.fields, base, base + plan.members.length, depth);
  return buildObject(plan, base);
}

/** `free`: the first slot that a message within may use. */
function readFields(
  reader: Reader,
  fields: readonly (DecodeField | undefined)[],
  base: number,
  free: number,
  depth: number,
): void {
  while (reader.at < reader.end) {
    const tag = reader.varint();
    const wireType = tag % 8;
    const number = (tag - wireType) / 8;
    const field = number < fields.length ? fields[number] : undefined;
    if (field === undefined) reader.skip(wireType);
    else readField(reader, field, wireType, base, free, depth);
  }
}

export function readField(
  reader: Reader,
  { reader: value, index, embedded }: DecodeField,
  wireType: number,
  base: number,
  free: number,
  depth: number,
): void {
  if (wireType !== value.wireType) {
    if (value.op !== ops.list || wireType !== 2) throw new ProtobufError(`unexpected wire type ${wireType}`);
    readPacked(reader, value, base + index);
    return;
  }
  switch (value.op) {
    case ops.list: {
      const item = readValue(reader, value.item ?? value, free, depth);
      const list = memberSlots[base + index] as unknown[] | undefined; // nothing else is put there
      if (list === undefined) memberSlots[base + index] = [item];
      else list.push(item);
      break;
    }
    case ops.map: {
      let map = memberSlots[base + index] as Record<string, unknown> | undefined; // likewise
      if (map === undefined) {
        map = {};
        memberSlots[base + index] = map;
      }
      readEntry(reader, value, map, free, depth);
      break;
    }
    case ops.embedded: {
      const outerEnd = reader.end;
      reader.end = reader.enter();
      if (depth > maxDepth) throw new ProtobufError("message is nested too deep");
      readFields(reader, embedded ?? [], base, free, depth + 1);
      reader.end = outerEnd;
      break;
    }
    default: {
      const read = readValue(reader, value, free, depth);
      if (read !== undefined) memberSlots[base + index] = read;
    }
  }
}

/** Numbers without a tag each. */
function readPacked(reader: Reader, { item }: ValueReader, slot: number): void {
  if (item === undefined || item.wireType === 2) throw new ProtobufError("unexpected wire type 2");
  const outerEnd = reader.end;
  reader.end = reader.enter();
  const list = (memberSlots[slot] ?? []) as unknown[]; // as for items with tags
  while (reader.at < reader.end) list.push(readValue(reader, item, slot, 0));
  memberSlots[slot] = list;
  reader.end = outerEnd;
}

function readEntry(
  reader: Reader,
  { item, texts }: ValueReader,
  map: Record<string, unknown>,
  free: number,
  depth: number,
): void {
  const outerEnd = reader.end;
  reader.end = reader.enter();
  let key = "";
  let value: unknown;
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === 10) {
      const end = reader.enter();
      key = texts.read(reader.bytes, reader.at, end);
      reader.at = end;
    } else if (item !== undefined && tag === 16 + item.wireType) {
      if (item.op === ops.list) {
        const list = (value ?? []) as unknown[]; // nothing else is put there
        list.push(readValue(reader, item.item ?? item, free, depth + 1));
        value = list;
      } else value = readValue(reader, item, free, depth + 1);
    } else reader.skip(tag % 8);
  }
  reader.end = outerEnd;
  if (key === "__proto__") throw new ProtobufError('the key "__proto__" is not allowed');
  map[key] = value ?? null;
}

function readValue(reader: Reader, value: ValueReader, free: number, depth: number): unknown {
  switch (value.op) {
    case ops.string: {
      const end = reader.enter();
      const text = value.texts.read(reader.bytes, reader.at, end);
      reader.at = end;
      return text;
    }
    case ops.bool:
      return reader.varint() !== 0;
    case ops.integer:
      return reader.integer();
    case ops.double:
      return reader.double();
    case ops.bytes:
      return reader.view().toString("base64");
    default: {
      const outerEnd = reader.end;
      reader.end = reader.enter();
      const read = readMessage(reader, value, free, depth + 1);
      reader.at = reader.end;
      reader.end = outerEnd;
      return read;
    }
  }
}

/** What is a message of its own: the reader stands at its beginning and ends with it. */
function readMessage(reader: Reader, value: ValueReader, free: number, depth: number): unknown {
  const { op, model } = value;
  switch (op) {
    case ops.model:
      return model === undefined ? undefined : readObject(reader, decodePlanOf(model), free, depth);
    case ops.quantity:
      return readNumbered(reader).text1 || "0";
    case ops.time:
    case ops.microTime:
      return readTime(reader, op === ops.microTime);
    case ops.intOrString: {
      const { number1, number2, text3 } = readNumbered(reader);
      return number1 === 1 ? text3 : number2;
    }
    case ops.duration:
      return formatDuration(readNumbered(reader).number1);
    case ops.json:
      return jsonOf(readNumbered(reader).text1);
    case ops.fieldsV1:
      return fieldsOf(readNumbered(reader).text1);
    case ops.wrappedList:
      return readWrapped(reader, value.item, free, depth);
    case ops.union:
      return readUnion(reader, value, free, depth);
    default:
      throw new ProtobufError(`no message is read by ${op}`);
  }
}

function readWrapped(reader: Reader, item: ValueReader | undefined, free: number, depth: number): unknown[] {
  const list: unknown[] = [];
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (item !== undefined && tag === 8 + item.wireType) list.push(readValue(reader, item, free, depth));
    else reader.skip(tag % 8);
  }
  return list;
}

function readUnion(reader: Reader, { union, model }: ValueReader, free: number, depth: number): unknown {
  const list: unknown[] = [];
  let schema: unknown;
  let allows = false;
  const nested = () => {
    const outerEnd = reader.end;
    reader.end = reader.enter();
    const read = model === undefined ? {} : readObject(reader, decodePlanOf(model), free, depth + 1);
    reader.end = outerEnd;
    return read;
  };
  while (reader.at < reader.end) {
    const tag = reader.varint();
    const isSchema = Math.floor(tag / 8) === (union === "schemaOrBool" ? 2 : 1);
    if (tag % 8 === 0) allows = reader.varint() !== 0;
    else if (isSchema) schema = nested();
    else if (union === "schemaOrArray") list.push(nested());
    else list.push(reader.string());
  }
  if (schema !== undefined) return schema;
  return union === "schemaOrBool" ? allows : list;
}

/** The fields of a small message of known form, by their numbers. */
interface Numbered {
  number1: number;
  number2: number;
  text1: string;
  text3: string;
}

function readNumbered(reader: Reader): Numbered {
  const fields: Numbered = { number1: 0, number2: 0, text1: "", text3: "" };
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === 8) fields.number1 = reader.integer();
    else if (tag === 16) fields.number2 = reader.integer();
    else if (tag === 10) fields.text1 = reader.string();
    else if (tag === 26) fields.text3 = reader.string();
    else reader.skip(tag % 8);
  }
  return fields;
}

/** An empty message is the zero time, which JSON has as null. */
function readTime(reader: Reader, micro: boolean): string | undefined {
  if (reader.at >= reader.end) return undefined;
  const { number1: seconds, number2: nanoseconds } = readNumbered(reader);
  if (Math.abs(seconds) > maxEpochS) throw new ProtobufError("a time is out of range");
  if (!micro) return secondsText(seconds);
  return `${secondsText(seconds).slice(0, -1)}.${String(Math.floor(nanoseconds / 1000)).padStart(6, "0")}Z`;
}

/** The second that was formatted last: of the next one mostly only the end differs. */
const timeBytes = Buffer.from("1970-01-01T00:00:00Z");
let timeDay = 0;

/** RFC 3339. Times are so many that the engine's way of writing them shows. */
function secondsText(epochS: number): string {
  const day = Math.floor(epochS / 86_400);
  // Beyond four digits, or before them, a year has a sign.
  if (epochS < 0) return `${new Date(epochS * 1000).toISOString().slice(0, 19)}Z`;
  if (day !== timeDay) {
    timeBytes.write(new Date(epochS * 1000).toISOString().slice(0, 10), "latin1");
    timeDay = day;
  }
  const second = epochS - day * 86_400;
  writeTwoDigits(Math.floor(second / 3600), 11);
  writeTwoDigits(Math.floor(second / 60) % 60, 14);
  writeTwoDigits(second % 60, 17);
  return times.read(timeBytes, 0, 20);
}

const times = new TextFamily();

function writeTwoDigits(value: number, at: number): void {
  const tens = Math.floor(value / 10);
  timeBytes[at] = 48 + tens;
  timeBytes[at + 1] = 48 + value - 10 * tens;
}

function jsonOf(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtobufError("a raw extension holds no JSON");
  }
}

/**
 * Which fields a manager has is the same for all objects that it makes alike, and nobody changes it: equal sets are one
 * object. A few are remembered.
 */
const fieldSets = new Map<string, unknown>();
const mostFieldSets = 512;
const longestFieldSet = 4096;

function fieldsOf(text: string): unknown {
  const known = fieldSets.get(text);
  if (known !== undefined || text.length > longestFieldSet) return known ?? jsonOf(text);
  const fields = jsonOf(text);
  if (fieldSets.size >= mostFieldSets) fieldSets.clear();
  fieldSets.set(text, fields);
  return fields;
}

/** Makes the object out of what lies in the slots, and empties them. */
function buildObject(plan: DecodePlan, base: number): Record<string, unknown> {
  const { members } = plan;
  let node: ShapeNode | undefined = plan.shapes;
  for (let index = 0; index < members.length; index++) {
    const value = memberSlots[base + index];
    const member = members[index];
    if (member === undefined) continue;
    if (value === undefined) {
      if (!member.alwaysWritten) continue;
      memberSlots[base + index] = zeroMember(member);
    } else if (member.omitsZero && isZero(value)) {
      memberSlots[base + index] = undefined;
      continue;
    }
    if (node !== undefined) node = node.next[index] ?? extended(plan, node, index);
  }
  if (node === undefined) return buildRare(plan, base);
  const object = node.create();
  const { names, members: present } = node;
  for (let index = 0; index < present.length; index++) {
    const slot = base + (present[index] ?? 0);
    object[names[index] ?? ""] = memberSlots[slot];
    memberSlots[slot] = undefined;
  }
  return object;
}

function buildRare({ members }: DecodePlan, base: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [index, { name }] of members.entries()) {
    const value = memberSlots[base + index];
    memberSlots[base + index] = undefined;
    if (value !== undefined) object[name] = value;
  }
  return object;
}

export function isZero(value: unknown): boolean {
  return value === "" || value === 0 || value === false || (typeof value === "object" && isEmptyList(value));
}

function isEmptyList(value: object | null): boolean {
  return Array.isArray(value) && value.length === 0;
}
