const encoder = new TextEncoder();

/**
 * Writes protobuf from the end of its buffer towards the start, so that the length of a message is known by the time
 * its header is written: one pass, no sizes computed beforehand. Callers write fields in reverse.
 */
export class ReverseWriter {
  #buffer: Uint8Array;
  #start: number;

  constructor(capacityBytes = 1024) {
    this.#buffer = new Uint8Array(capacityBytes);
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
    return this.#buffer.slice(this.#start);
  }

  #reserve(bytes: number): number {
    if (this.#start < bytes) {
      const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.length + bytes));
      grown.set(this.#buffer.subarray(this.#start), grown.length - this.length);
      this.#start = grown.length - this.length;
      this.#buffer = grown;
    }
    this.#start -= bytes;
    return this.#start;
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
    new DataView(this.#buffer.buffer).setFloat64(at, value, true);
  }

  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#buffer.set(value, at);
  }

  /** The text and its length. */
  string(text: string): void {
    if (text.length > 64) {
      this.#encoded(text);
      return;
    }
    const at = this.#reserve(text.length);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) {
        this.#start += text.length;
        this.#encoded(text);
        return;
      }
      this.#buffer[at + index] = code;
    }
    this.varint(text.length);
  }

  #encoded(text: string): void {
    const encoded = encoder.encode(text);
    this.bytes(encoded);
    this.varint(encoded.length);
  }
}
