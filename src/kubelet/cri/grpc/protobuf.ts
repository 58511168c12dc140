/**
 * Protocol Buffers' wire format for messages that are declared as tables. What CRI needs and no more: it costs no load
 * time, and its records are plain objects (a reflection library's own were 20 MB and half the time of a call).
 * 64-bit integers become numbers: exact to 2^53, which is enough for sizes, and microseconds for times in nanoseconds.
 */

type Kind = "string" | "bytes" | "bool" | "int" | "enum" | "message" | "map";

/** One field. `T` is what decoding gives; encoding takes the same, leaving out what is unset. */
export interface Field<T> {
  readonly number: number;
  readonly kind: Kind;
  readonly repeated: boolean;
  /** Of an enumeration: its names by number. */
  readonly names?: readonly string[];
  readonly message?: Message<Fields>;
  /** Only for the types: never set. */
  readonly value?: T;
}

// The values of fields of different types meet in one table; `unknown` would break the inference below.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Fields = Readonly<Record<string, Field<any>>>;

export interface Message<F extends Fields> {
  readonly fields: F;
  readonly entries: readonly { readonly key: string; readonly field: Field<unknown> }[];
  /** Indexed by field number. */
  readonly byNumber: readonly ({ readonly key: string; readonly field: Field<unknown> } | undefined)[];
}

/** A decoded message: scalars have their zero value when absent, messages are `undefined`. */
export type Decoded<M> =
  M extends Message<infer F> ? { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never } : never;

/** A message to encode: any field may be left out, at any depth. */
export type Encodable<M> = Loose<Decoded<M>>;

type Loose<T> = T extends Uint8Array | string | number | boolean | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly Loose<E>[]
    : T extends object
      ? { readonly [K in keyof T]?: Loose<T[K]> | undefined }
      : T;

export function message<F extends Fields>(fields: F): Message<F> {
  const entries = Object.entries(fields).map(([key, field]) => ({ key, field }));
  const byNumber: { key: string; field: Field<unknown> }[] = [];
  for (const entry of entries) byNumber[entry.field.number] = entry;
  return { fields, entries, byNumber };
}

const single = (number: number, kind: Kind) => ({ number, kind, repeated: false });
const many = (number: number, kind: Kind) => ({ number, kind, repeated: true });

export const string = (number: number): Field<string> => single(number, "string");
export const bytes = (number: number): Field<Uint8Array> => single(number, "bytes");
export const bool = (number: number): Field<boolean> => single(number, "bool");
/** int32, int64, uint32 and uint64 alike: their encodings agree for every number that JavaScript holds exactly. */
export const int = (number: number): Field<number> => single(number, "int");
export const strings = (number: number): Field<readonly string[]> => many(number, "string");
export const ints = (number: number): Field<readonly number[]> => many(number, "int");
export const stringMap = (number: number): Field<Readonly<Record<string, string>>> => single(number, "map");

export function enumeration<N extends string>(number: number, names: readonly N[]): Field<N> {
  return { ...single(number, "enum"), names };
}

export function nested<F extends Fields>(
  number: number,
  type: Message<F>,
): Field<Decoded<Message<F>> | undefined> {
  return { ...single(number, "message"), message: type };
}

export function nestedList<F extends Fields>(
  number: number,
  type: Message<F>,
): Field<readonly Decoded<Message<F>>[]> {
  return { ...many(number, "message"), message: type };
}

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();

const wireVarint = 0;
const wireFixed64 = 1;
const wireLengthDelimited = 2;
const wireFixed32 = 5;

/** Nesting past this is refused: no CRI message comes near it, and a hostile one must not exhaust the stack. */
const deepestNesting = 32;

export function encode<F extends Fields>(type: Message<F>, value: Encodable<Message<F>>): Uint8Array {
  const writer = new Writer();
  writeMessage(writer, type, value as Readonly<Record<string, unknown>>); // the table says each key's type
  return writer.finish();
}

export function decode<F extends Fields>(type: Message<F>, data: Uint8Array): Decoded<Message<F>> {
  // The table that the type was inferred from also drove the reading.
  return readMessage(new Reader(data), type, data.length, 0) as Decoded<Message<F>>;
}

class Writer {
  #buffer = new Uint8Array(256);
  #length = 0;

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + count));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }

  varint(value: number): void {
    this.#reserve(10);
    if (value < 0) {
      this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
  }

  #bigVarint(value: bigint): void {
    let rest = value;
    while (rest > 127n) {
      this.#buffer[this.#length++] = Number(rest & 127n) + 128;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  chunk(value: Uint8Array): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Writes what `body` writes, preceded by its length. */
  lengthPrefixed(body: () => void): void {
    const start = this.#length;
    body();
    const length = this.#length - start;
    const prefixLength = varintLength(length);
    this.#reserve(prefixLength);
    this.#buffer.copyWithin(start + prefixLength, start, this.#length);
    this.#length = start;
    this.varint(length);
    this.#length += length;
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length++;
  return length;
}

function writeMessage(writer: Writer, type: Message<Fields>, value: Readonly<Record<string, unknown>>): void {
  for (const { key, field } of type.entries) {
    const content = value[key];
    if (content === undefined) continue;
    if (field.repeated) {
      for (const item of content as readonly unknown[]) writeValue(writer, field, item);
    } else if (!isZero(content)) {
      writeValue(writer, field, content);
    }
  }
}

function isZero(value: unknown): boolean {
  return (
    value === 0 || value === "" || value === false || (value instanceof Uint8Array && value.length === 0)
  );
}

// The casts below are by the field's declared kind.
function writeValue(writer: Writer, field: Field<unknown>, value: unknown): void {
  const tag = (wire: number) => writer.varint(field.number * 8 + wire);
  switch (field.kind) {
    case "string":
      tag(wireLengthDelimited);
      writer.chunk(textEncoder.encode(value as string));
      return;
    case "bytes":
      tag(wireLengthDelimited);
      writer.chunk(value as Uint8Array);
      return;
    case "bool":
      tag(wireVarint);
      writer.varint(value === true ? 1 : 0);
      return;
    case "int":
      tag(wireVarint);
      writer.varint(Math.trunc(value as number));
      return;
    case "enum": {
      const index = field.names?.indexOf(value as string) ?? -1;
      if (index < 0) throw new TypeError(`no such name in the enumeration: ${String(value)}`);
      tag(wireVarint);
      writer.varint(index);
      return;
    }
    case "message": {
      const type = field.message;
      if (type === undefined) return;
      tag(wireLengthDelimited);
      writer.lengthPrefixed(() => writeMessage(writer, type, value as Readonly<Record<string, unknown>>));
      return;
    }
    case "map":
      for (const [entryKey, entryValue] of Object.entries(value as Readonly<Record<string, string>>)) {
        tag(wireLengthDelimited);
        writer.lengthPrefixed(() => writeMessage(writer, mapEntry, { key: entryKey, value: entryValue }));
      }
  }
}

const mapEntry = message({ key: string(1), value: string(2) });

class Reader {
  readonly #data: Uint8Array;
  position = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** As a signed 64-bit number: CRI's unsigned ones stay below 2^63. */
  varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#data[this.position++];
      if (byte === undefined) throw new RangeError("protobuf: message ends inside a number");
      if (shift < 28) low += (byte & 127) * 2 ** shift;
      else high += (byte & 127) * 2 ** (shift - 28);
      if (byte < 128) {
        const value = low + high * 2 ** 28;
        return shift === 63 && value >= 2 ** 63 ? Number(BigInt.asIntN(64, exact(high, low))) : value;
      }
    }
    throw new RangeError("protobuf: number longer than 64 bits");
  }

  chunk(limit: number): Uint8Array {
    const end = this.lengthEnd(limit);
    const chunk = this.#data.subarray(this.position, end);
    this.position = end;
    return chunk;
  }

  lengthEnd(limit: number): number {
    const length = this.varint();
    const end = this.position + length;
    if (length < 0 || end > limit) throw new RangeError("protobuf: field longer than its message");
    return end;
  }
}

function exact(high: number, low: number): bigint {
  return BigInt(high) * (1n << 28n) + BigInt(low);
}

function readMessage(
  reader: Reader,
  type: Message<Fields>,
  end: number,
  depth: number,
): Record<string, unknown> {
  if (depth > deepestNesting) throw new RangeError("protobuf: message nested too deep");
  const value: Record<string, unknown> = {};
  for (const { key, field } of type.entries) value[key] = zeroOf(field);
  while (reader.position < end) {
    const tag = reader.varint();
    const wire = tag & 7;
    const entry = type.byNumber[Math.floor(tag / 8)];
    if (entry === undefined) skip(reader, wire, end);
    else readField(reader, entry.field, entry.key, value, { wire, end, depth });
  }
  return value;
}

function zeroOf(field: Field<unknown>): unknown {
  if (field.repeated) return [];
  switch (field.kind) {
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "bool":
      return false;
    case "int":
      return 0;
    case "enum":
      return field.names?.[0];
    case "map":
      return {};
    case "message":
      return undefined;
  }
}

function readField(
  reader: Reader,
  field: Field<unknown>,
  key: string,
  into: Record<string, unknown>,
  at: { readonly wire: number; readonly end: number; readonly depth: number },
): void {
  if (field.kind === "map") {
    const entryEnd = reader.lengthEnd(at.end);
    const { key: name, value } = readMessage(reader, mapEntry, entryEnd, at.depth + 1);
    (into[key] as Record<string, string>)[name as string] = value as string;
    return;
  }
  if (!field.repeated) {
    into[key] = readValue(reader, field, at.end, at.depth);
    return;
  }
  const list = into[key] as unknown[];
  const packed = at.wire === wireLengthDelimited && (field.kind === "int" || field.kind === "enum");
  if (!packed) {
    list.push(readValue(reader, field, at.end, at.depth));
    return;
  }
  for (const packedEnd = reader.lengthEnd(at.end); reader.position < packedEnd; )
    list.push(readValue(reader, field, packedEnd, at.depth));
}

function readValue(reader: Reader, field: Field<unknown>, end: number, depth: number): unknown {
  switch (field.kind) {
    case "string":
      return textDecoder.decode(reader.chunk(end));
    case "bytes":
      return reader.chunk(end);
    case "bool":
      return reader.varint() !== 0;
    case "int":
      return reader.varint();
    case "enum":
      return field.names?.[reader.varint()] ?? field.names?.[0];
    case "message": {
      const nestedEnd = reader.lengthEnd(end);
      return field.message === undefined
        ? undefined
        : readMessage(reader, field.message, nestedEnd, depth + 1);
    }
    case "map":
      return undefined;
  }
}

function skip(reader: Reader, wire: number, end: number): void {
  if (wire === wireVarint) reader.varint();
  else if (wire === wireFixed64) reader.position += 8;
  else if (wire === wireLengthDelimited) reader.chunk(end);
  else if (wire === wireFixed32) reader.position += 4;
  else throw new RangeError(`protobuf: unknown wire type ${wire}`);
}
