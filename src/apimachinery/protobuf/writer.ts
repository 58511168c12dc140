/** A shorter text is copied unit by unit, which costs less than a call of the platform's encoder. */
const copiedTextLength = 48;

/**
 * Writes protobuf from the end of its buffer towards the start, so that the length of a message is known by the time
 * its header is written: one pass, no sizes computed beforehand. Callers write fields in reverse.
 */
export class ReverseWriter {
  #buffer: Uint8Array;
  /** The same bytes, for what only a Buffer can. */
  #texts: Buffer;
  #start: number;

  constructor(capacityBytes = 1024) {
    this.#texts = Buffer.allocUnsafeSlow(capacityBytes);
    this.#buffer = new Uint8Array(this.#texts.buffer);
    this.#start = capacityBytes;
  }

  /** How many bytes are written: the difference of two calls is a message's length. */
  get length(): number {
    return this.#buffer.length - this.#start;
  }

  /** Begins anew in the same buffer. */
  clear(): void {
    this.#start = this.#buffer.length;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.sliceFrom(0);
  }

  /** What was written, until more is. */
  view(): Uint8Array {
    return this.#buffer.subarray(this.#start);
  }

  /** A copy of what was written since `length` was this. */
  sliceFrom(length: number): Uint8Array {
    return this.#buffer.slice(this.#start, this.#buffer.length - length);
  }

  #reserve(bytes: number): number {
    if (this.#start < bytes) this.#grow(bytes);
    this.#start -= bytes;
    return this.#start;
  }

  #grow(bytes: number): void {
    const { length } = this;
    this.#texts = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, length + bytes));
    const grown = new Uint8Array(this.#texts.buffer);
    grown.set(this.#buffer.subarray(this.#start), grown.length - length);
    this.#start = grown.length - length;
    this.#buffer = grown;
  }

  /** A whole number in [0, 2^53). */
  varint(value: number): void {
    if (value < 128) {
      // The place first: making room may replace the buffer.
      const at = this.#reserve(1);
      this.#buffer[at] = value;
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
    let at = this.#reserve(size);
    let rest = value;
    while (rest >= 128) {
      this.#buffer[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[at] = rest;
  }

  /** A signed whole number as int32 and int64 have it: a negative one takes ten bytes. */
  integer(value: number): void {
    if (value >= 0) {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    const at = this.#reserve(10);
    for (let index = 0; index < 9; index++) {
      this.#buffer[at + index] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[at + 9] = Number(rest);
  }

  double(value: number): void {
    const at = this.#reserve(8);
    this.#texts.writeDoubleLE(value, at);
  }

  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#buffer.set(value, at);
  }

  /** These bytes of others; for a few, which a loop copies faster. */
  few(source: Uint8Array, from: number, to: number): void {
    const at = this.#reserve(to - from) - from;
    const buffer = this.#buffer;
    for (let index = from; index < to; index++) buffer[at + index] = source[index] ?? 0;
  }

  /** The text and its length. */
  string(text: string): void {
    if (this.#shortText(text)) return;
    const before = this.length;
    this.text(text);
    this.varint(this.length - before);
  }

  /** A plain text of a few bytes; false: it is another, and nothing was written. */
  #shortText(text: string): boolean {
    const { length } = text;
    if (length > copiedTextLength) return false;
    const at = this.#reserve(length + 1);
    const buffer = this.#buffer;
    buffer[at] = length;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) {
        this.#start += length + 1;
        return false;
      }
      buffer[at + 1 + index] = code;
    }
    return true;
  }

  /** The text alone, in UTF-8. */
  text(text: string): void {
    const size = Buffer.byteLength(text);
    const at = this.#reserve(size);
    this.#texts.write(text, at, size, "utf8");
  }
}
