/** DER, read strictly: definite lengths in their shortest form, as Go's cryptobyte takes them. */

/** Tags as they stand in the first byte of an element. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** Of the alternative of this number, as a value of its own or around another. */
  implicit: (number: number) => 0x80 + number,
  explicit: (number: number) => 0xa0 + number,
} as const;

/** Reads one element after the other. */
export class DerReader {
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }

  /** The next element's tag; undefined at the end. */
  get tag(): number | undefined {
    return this.#rest[0];
  }

  /** The content of the next element where it has this tag; undefined, and nothing is read, where it has not or is cut off. */
  read(tag: number): Uint8Array | undefined {
    return this.#take(tag)?.content;
  }

  /** As `read`, with tag and length before the content. */
  readWhole(tag: number): Uint8Array | undefined {
    return this.#take(tag)?.whole;
  }

  /** Reads what may be absent; false where it is there and cut off. */
  skipOptional(tag: number): boolean {
    return this.tag !== tag || this.read(tag) !== undefined;
  }

  #take(tag: number): { readonly content: Uint8Array; readonly whole: Uint8Array } | undefined {
    const bytes = this.#rest;
    const header = headerOf(bytes);
    if (bytes[0] !== tag || header === undefined) return undefined;
    const size = header.bytes + header.length;
    if (size > bytes.length) return undefined;
    this.#rest = bytes.subarray(size);
    return { content: bytes.subarray(header.bytes, size), whole: bytes.subarray(0, size) };
  }
}

const maxLengthBytes = 4;

function headerOf(element: Uint8Array): { readonly bytes: number; readonly length: number } | undefined {
  const [, first, ...more] = element.subarray(0, 2 + maxLengthBytes);
  if (first === undefined) return undefined;
  if (first < 0x80) return { bytes: 2, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > maxLengthBytes || more.length < count) return undefined;
  const length = more.slice(0, count).reduce((sum, byte) => sum * 256 + byte, 0);
  const isShortest = length >= 0x80 && more[0] !== 0;
  return isShortest ? { bytes: 2 + count, length } : undefined;
}

/** Whether this is the content of an integer in its shortest form. */
export function isInteger(content: Uint8Array | undefined): content is Uint8Array {
  const [first, second] = content ?? [];
  if (first === undefined) return false;
  if (second === undefined) return true;
  return !(first === 0 && second < 0x80) && !(first === 0xff && second >= 0x80);
}

/** Whether this is the content of a string of bits: how many of the last byte are unused, and they are zero. */
export function isBitString(content: Uint8Array | undefined): content is Uint8Array {
  const unused = content?.[0];
  if (content === undefined || unused === undefined || unused > 7) return false;
  const last = content.at(-1) ?? 0;
  return content.length === 1 ? unused === 0 : (last & ((1 << unused) - 1)) === 0;
}
