import { isText, readText } from "./text.ts";

/** Messages nest no deeper than this. */
export const maxDepth = 200;

/** A message that is cut short or not protobuf at all. */
export class ProtobufError extends Error {
  override readonly name: string = "ProtobufError";
}

/** The bytes end within a message. */
export class CutShortError extends ProtobufError {
  constructor() {
    super("unexpected end of message");
  }
}

/**
 * Reads protobuf's wire format within [at, end) of a buffer. One reader walks through a whole tree of messages: whoever
 * enters a message moves `end`, and puts it back when it has been read.
 */
export class Reader {
  readonly bytes: Buffer;
  at: number;
  end: number;
  #view: DataView | undefined;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.end = end;
  }

  /** The unsigned value; exact up to 2^53. */
  varint(): number {
    const { bytes, at } = this;
    // Within the buffer, though perhaps behind `end`: that is found below.
    const first = bytes[at] ?? 0;
    if (first < 128 && at < this.end) {
      this.at = at + 1;
      return first;
    }
    let value = 0;
    let factor = 1;
    for (let index = at; index < at + 10; index++) {
      if (index >= this.end) throw new CutShortError();
      const byte = bytes[index] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 128) {
        this.at = index + 1;
        return value;
      }
      factor *= 128;
    }
    throw new ProtobufError("varint is too long");
  }

  /** A signed int32 or int64. */
  integer(): number {
    const start = this.at;
    const value = this.varint();
    if (value < 2 ** 53) return value;
    let exact = 0n;
    for (let index = this.at - 1; index >= start; index--)
      exact = (exact << 7n) | BigInt((this.bytes[index] ?? 0) & 0x7f);
    return Number(BigInt.asIntN(64, exact));
  }

  double(): number {
    const at = this.take(8);
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#view.getFloat64(at, true);
  }

  /** Passes over a length and as many bytes: where those end. They begin at `at` as it was, after `enter`. */
  enter(): number {
    const length = this.varint();
    const end = this.at + length;
    if (end > this.end) throw new CutShortError();
    return end;
  }

  /** A length and that many bytes, not copied. */
  view(): Buffer {
    const end = this.enter();
    const bytes = this.bytes.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  /** `likely`: what it mostly is. */
  string(likely = ""): string {
    const end = this.enter();
    const text = isText(likely, this.bytes, this.at, end) ? likely : readText(this.bytes, this.at, end);
    this.at = end;
    return text;
  }

  /** Passes over a field that nobody knows. */
  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.take(8);
    else if (wireType === 2) this.at = this.enter();
    else if (wireType === 5) this.take(4);
    else throw new ProtobufError(`unknown wire type ${wireType}`);
  }

  /** Passes over so many bytes: where they begin. */
  take(length: number): number {
    const at = this.at;
    if (length > this.end - at) throw new CutShortError();
    this.at = at + length;
    return at;
  }
}
