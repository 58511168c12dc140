/** A message that is cut short or not protobuf at all. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

const decoder = new TextDecoder();

/** Reads protobuf's wire format within [start, end) of a buffer. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** The unsigned value; exact up to 2^53. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
    throw new ProtobufError("varint is too long");
  }

  /** A signed int32 or int64. */
  integer(): number {
    const start = this.#at;
    const value = this.varint();
    if (value < 2 ** 53) return value;
    let exact = 0n;
    for (let index = this.#at - 1; index >= start; index--)
      exact = (exact << 7n) | BigInt((this.#bytes[index] ?? 0) & 0x7f);
    return Number(BigInt.asIntN(64, exact));
  }

  double(): number {
    const at = this.#take(8);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getFloat64(at, true);
  }

  /** A length and that many bytes, not copied. */
  bytes(): Uint8Array {
    const length = this.varint();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  string(): string {
    return decoder.decode(this.bytes());
  }

  message(): Reader {
    const length = this.varint();
    const at = this.#take(length);
    return new Reader(this.#bytes, at, at + length);
  }

  /** Passes over a field that nobody knows. */
  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.#take(8);
    else if (wireType === 2) this.#take(this.varint());
    else if (wireType === 5) this.#take(4);
    else throw new ProtobufError(`unknown wire type ${wireType}`);
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw new ProtobufError("unexpected end of message");
    this.#at = at + length;
    return at;
  }
}
