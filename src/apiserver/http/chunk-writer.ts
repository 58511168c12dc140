import { Buffer } from "node:buffer";

/** A piece of an answer: bytes, or text that nobody needs as bytes again. */
export type Piece = Uint8Array | string;

const encoder = new TextEncoder();
const nothing = new Uint8Array();
/** What a UTF-16 unit takes in UTF-8, at most. */
const maxBytesAUnit = 3;
/** What the first chunk begins with, and what it grows by: most lists are short, and memory for a whole chunk is not free. */
const firstBufferBytes = 8 * 1024;
const growth = 4;

/** Before and after a piece of a chunked body: eight digits of its length and a line's end; a line's end. */
const frameStartBytes = 10;
const frameEnd = Buffer.from("\r\n");

/** Memory of whole chunks that nobody uses; more than these few are not kept for the next list. */
const unused: Buffer[] = [];
const unusedLimit = 8;

/**
 * Gathers pieces into chunks of a fixed size, which are cut wherever they are full. `framed`: as a chunked body of HTTP/1.1 has
 * them.
 */
export class ChunkWriter {
  readonly #pieces: Iterator<Piece, unknown>;
  readonly #framed: boolean;
  /** Where content begins in the buffer, and where it ends at the latest. */
  readonly #start: number;
  readonly #capacityBytes: number;
  #buffer: Buffer | undefined;
  #length: number;
  /** What did not fit into the chunk before. */
  #rest: Uint8Array = nothing;
  #ended = false;
  #isFirst = true;

  constructor(pieces: Iterable<Piece>, capacityBytes: number, options: { readonly framed?: boolean } = {}) {
    this.#pieces = pieces[Symbol.iterator]();
    this.#framed = options.framed ?? false;
    this.#start = this.#framed ? frameStartBytes : 0;
    this.#length = this.#start;
    this.#capacityBytes = capacityBytes + this.#start;
  }

  /** Everything is in the chunk. */
  get ended(): boolean {
    return this.#ended && this.#rest.length === 0;
  }

  get full(): boolean {
    return this.#length === this.#capacityBytes;
  }

  /** Goes on until the chunk is full, or all is in it, or `goOn` says that this took long enough. */
  fill(goOn: () => boolean): void {
    if (this.#rest.length > 0) this.#rest = this.#bytes(this.#rest);
    while (!this.#ended && !this.full) {
      const { value, done } = this.#pieces.next();
      if (done) this.#ended = true;
      else if (typeof value === "string") this.#text(value);
      else this.#piece(value as Uint8Array); // only the end has another value
      if (!goOn()) return;
    }
  }

  /** What is there. The next chunk has memory of its own; `release` says that this one's can be used again. */
  take(): Uint8Array {
    const buffer = this.#buffer;
    const end = this.#length;
    this.#length = this.#start;
    this.#buffer = undefined;
    this.#isFirst = false;
    if (buffer === undefined) return nothing;
    if (!this.#framed || end === this.#start) return buffer.subarray(this.#start, end);
    buffer.write((end - this.#start).toString(16).padStart(frameStartBytes - 2, "0"), 0);
    frameEnd.copy(buffer, frameStartBytes - 2);
    frameEnd.copy(buffer, end);
    return buffer.subarray(0, end + frameEnd.length);
  }

  /** Whoever was given this chunk has done with it: its bytes were copied, encrypted or sent. */
  release(chunk: Uint8Array): void {
    const { buffer } = chunk;
    if (unused.length < unusedLimit && buffer.byteLength === this.#wholeBytes)
      unused.push(Buffer.from(buffer as ArrayBuffer)); // it was made below
  }

  /** Of a whole chunk's memory, framed or not. */
  get #wholeBytes(): number {
    return this.#capacityBytes - this.#start + frameStartBytes + frameEnd.length;
  }

  #whole(): Buffer {
    const size = this.#wholeBytes;
    const last = unused.pop();
    return last?.length === size ? last : Buffer.allocUnsafeSlow(size);
  }

  /** The chunk's memory, with room for this much more. */
  #room(bytes: number): Buffer {
    const wanted = this.#length + bytes;
    const buffer = this.#buffer;
    if (buffer !== undefined && wanted <= buffer.length - frameEnd.length) return buffer;
    let size = this.#capacityBytes;
    if (this.#isFirst) {
      size = firstBufferBytes;
      while (size < wanted) size *= growth;
      if (size > this.#capacityBytes) size = this.#capacityBytes;
    }
    const larger =
      size === this.#capacityBytes ? this.#whole() : Buffer.allocUnsafeSlow(size + frameEnd.length);
    if (buffer !== undefined) larger.set(buffer.subarray(0, this.#length));
    this.#buffer = larger;
    return larger;
  }

  #text(text: string): void {
    if (text.length * maxBytesAUnit > this.#capacityBytes - this.#length)
      this.#rest = this.#bytes(encoder.encode(text));
    else this.#length += this.#room(text.length * maxBytesAUnit).write(text, this.#length);
  }

  /** A piece is its maker's again when the next one is asked for: what does not fit is copied. */
  #piece(piece: Uint8Array): void {
    const rest = this.#bytes(piece);
    this.#rest = rest.length === 0 ? nothing : new Uint8Array(rest);
  }

  /** What did not fit. */
  #bytes(bytes: Uint8Array): Uint8Array {
    const room = this.#capacityBytes - this.#length;
    const now = bytes.length > room ? bytes.subarray(0, room) : bytes;
    if (now.length > 0) this.#room(now.length).set(now, this.#length);
    this.#length += now.length;
    return bytes.length > room ? bytes.subarray(room) : nothing;
  }
}
