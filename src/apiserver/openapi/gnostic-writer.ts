/**
 * What the binary forms of gnostic's two documents have in common: JSON written field by field, in reverse (see
 * ReverseWriter).
 */
import type { ReverseWriter } from "../../apimachinery/protobuf/writer.ts";

export type Json = Readonly<Record<string, unknown>>;

/** How a member of a JSON object becomes a field of a message. */
export type Write = (writer: ReverseWriter, value: unknown) => void;

export interface Member {
  readonly name: string;
  readonly number: number;
  readonly write: Write;
  /** One field an item of the list. */
  readonly repeated?: boolean;
}

export const text: Write = (writer, value) => writer.string(String(value));

export const flag: Write = (writer, value) => writer.varint(value === true ? 1 : 0);

/** Not negative. */
export const integer: Write = (writer, value) => writer.varint(Number(value));

export const double: Write = (writer, value) => writer.double(Number(value));

const wireTypes = new Map<Write, number>([
  [flag, 0],
  [integer, 0],
  [double, 1],
]);

/** A field's number and wire type. */
export function writeTag(writer: ReverseWriter, number: number, write: Write): void {
  writer.varint(number * 8 + (wireTypes.get(write) ?? 2));
}

/** Writes the content and then its length. */
export function sized(writer: ReverseWriter, write: () => void): void {
  const before = writer.length;
  write();
  writer.varint(writer.length - before);
}

/** Any JSON, which gnostic keeps as YAML text. */
export const any: Write = (writer, value) =>
  sized(writer, () => {
    writer.string(`${JSON.stringify(value)}\n`);
    writer.varint(2 * 8 + 2);
  });

/** A message of the members, in ascending order of their numbers; extensions under `extensions`. */
export function message(members: () => readonly Member[], extensions?: number): Write {
  // Made on first use: a schema's members are schemas again.
  let reversed: readonly Member[] | undefined;
  return (writer, value) =>
    sized(writer, () => {
      const object = value as Json; // documents are made by this server
      if (extensions !== undefined) writeExtensions(writer, object, extensions);
      reversed ??= members().toReversed();
      for (const member of reversed) writeMember(writer, member, object[member.name]);
    });
}

export function writeMember(
  writer: ReverseWriter,
  { number, write, repeated }: Member,
  value: unknown,
): void {
  if (value === undefined || value === false || value === 0) return; // zeros are not written
  const items = repeated === true ? (value as readonly unknown[]) : [value];
  for (let index = items.length - 1; index >= 0; index--) {
    write(writer, items[index]);
    writeTag(writer, number, write);
  }
}

function writeExtensions(writer: ReverseWriter, object: Json, number: number): void {
  for (const name of Object.keys(object).toReversed()) {
    if (!name.startsWith("x-")) continue;
    named(any)(writer, [name, object[name]]);
    writer.varint(number * 8 + 2);
  }
}

/** A pair of name and value, as gnostic writes the members of maps. */
export function named(write: Write): Write {
  return (writer, pair) =>
    sized(writer, () => {
      const [name, value] = pair as readonly [string, unknown];
      write(writer, value);
      writer.varint(2 * 8 + 2);
      writer.string(name);
      writer.varint(1 * 8 + 2);
    });
}

/** A message whose field `number` holds the members of a JSON object. */
export function map(write: Write, number = 1): Write {
  return (writer, value) =>
    sized(writer, () => {
      for (const pair of Object.entries(value as Json).toReversed()) {
        named(write)(writer, pair);
        writer.varint(number * 8 + 2);
      }
    });
}

/** A message that holds the value in its field `number`: gnostic's unions and wrappers. */
export function wrapped(write: Write, number: number): Write {
  return (writer, value) =>
    sized(writer, () => {
      write(writer, value);
      writeTag(writer, number, write);
    });
}
