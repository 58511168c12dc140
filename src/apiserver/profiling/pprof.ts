/** Profiles in the format of pprof (`profile.proto`), which `go tool pprof` and its kin read. */

export interface Frame {
  readonly functionName: string;
  readonly url: string;
  /** From 0, as the inspector counts; -1: unknown. */
  readonly lineNumber: number;
}

export interface PprofSample {
  /** Innermost first. */
  readonly frames: readonly Frame[];
  /** One for each of the profile's types. */
  readonly values: readonly number[];
}

export interface PprofProfile {
  /** [what, unit]: ["cpu", "nanoseconds"]. */
  readonly types: readonly (readonly [string, string])[];
  readonly samples: readonly PprofSample[];
  readonly timeMs: number;
  readonly durationMs: number;
  readonly period: number;
}

/** Uncompressed; pprof takes it compressed too. */
export function encodePprof(profile: PprofProfile): Uint8Array {
  const strings = new Table<string>((text) => text);
  strings.idOf("");
  const functions = new Table<Frame>(({ functionName, url }) => `${functionName}\n${url}`);
  const locations = new Table<Frame>((frame) => `${frame.functionName}\n${frame.url}\n${frame.lineNumber}`);
  const stringOf = (text: string) => strings.idOf(text) - 1;
  const valueType = ([type, unit]: readonly [string, string]) =>
    new Message().number(1, stringOf(type)).number(2, stringOf(unit));
  const message = new Message();
  for (const type of profile.types) message.nested(1, valueType(type));
  for (const { frames, values } of profile.samples)
    message.nested(
      2,
      new Message()
        .packed(
          1,
          frames.map((frame) => locations.idOf(frame)),
        )
        .packed(2, values),
    );
  for (const [id, frame] of locations.entries()) {
    const line = new Message().number(1, functions.idOf(frame)).number(2, frame.lineNumber + 1);
    message.nested(4, new Message().number(1, id).nested(4, line));
  }
  for (const [id, { functionName, url }] of functions.entries()) {
    const name = stringOf(functionName === "" ? "(anonymous)" : functionName);
    message.nested(5, new Message().number(1, id).number(2, name).number(3, name).number(4, stringOf(url)));
  }
  const [first = ["", ""] as const] = profile.types.slice(-1);
  const period = valueType(first);
  for (const [, text] of strings.entries()) message.text(6, text);
  return message
    .number(9, profile.timeMs * 1e6)
    .number(10, profile.durationMs * 1e6)
    .nested(11, period)
    .number(12, profile.period)
    .bytes();
}

/** Things that are named by a number, from 1 in the order they came. */
class Table<T> {
  readonly #keyOf: (value: T) => string;
  readonly #ids = new Map<string, number>();
  readonly #values: T[] = [];

  constructor(keyOf: (value: T) => string) {
    this.#keyOf = keyOf;
  }

  idOf(value: T): number {
    const key = this.#keyOf(value);
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#values.push(value);
      this.#ids.set(key, id);
    }
    return id;
  }

  *entries(): Generator<readonly [number, T]> {
    for (const [index, value] of this.#values.entries()) yield [index + 1, value];
  }
}

const encoder = new TextEncoder();

/** A protobuf message that is being written. */
class Message {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  number(field: number, value: number): this {
    if (value > 0) this.#add(varint(field * 8)).#add(varint(value));
    return this;
  }

  text(field: number, value: string): this {
    return this.#delimited(field, encoder.encode(value));
  }

  nested(field: number, message: Message): this {
    return this.#delimited(field, message.bytes());
  }

  packed(field: number, values: readonly number[]): this {
    const content = new Message();
    for (const value of values) content.#add(varint(value));
    return this.#delimited(field, content.bytes());
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #delimited(field: number, content: Uint8Array): this {
    return this.#add(varint(field * 8 + 2))
      .#add(varint(content.length))
      .#add(content);
  }

  #add(part: Uint8Array): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }
}

/** A whole number that is not negative and may be beyond 32 bits. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = Math.trunc(value);
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
