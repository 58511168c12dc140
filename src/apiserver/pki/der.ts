/**
 * The little of ASN.1 DER that certificates and signing requests need: a writer and a reader of tag, length, value.
 * Own code because creating a certificate must cost less than loading a library for it (docs/design/auth.md).
 */

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of context-specific field `number`, constructed or primitive. */
export function contextTag(number: number, options: { constructed: boolean }): number {
  return (options.constructed ? 0xa0 : 0x80) | number;
}

export function encode(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...encodeLength(value.length)]), value]);
}

function encodeLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

export const sequence = (...parts: readonly Uint8Array[]) => encode(tags.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]) => encode(tags.set, ...parts);
export const octetString = (value: Uint8Array) => encode(tags.octetString, value);
export const utf8String = (text: string) => encode(tags.utf8String, Buffer.from(text, "utf8"));
export const booleanTrue = () => encode(tags.boolean, Buffer.from([0xff]));
export const nullValue = () => encode(tags.null);

/** A non-negative integer from its big-endian bytes. */
export function integer(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const bytes = magnitude.subarray(start);
  return encode(tags.integer, ...((bytes[0] ?? 0) >= 0x80 ? [Buffer.from([0]), bytes] : [bytes]));
}

export function bitString(value: Uint8Array, options: { unusedBits?: number } = {}): Buffer {
  return encode(tags.bitString, Buffer.from([options.unusedBits ?? 0]), value);
}

/** From dotted decimal. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const septets = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return encode(tags.oid, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime after, as RFC 5280 asks. Whole seconds. */
export function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().slice(0, 19).replaceAll(/[-:T]/g, "");
  const inUtcTimeRange = new Date(epochMs).getUTCFullYear() < 2050;
  return inUtcTimeRange
    ? encode(tags.utcTime, Buffer.from(`${digits.slice(2)}Z`))
    : encode(tags.generalizedTime, Buffer.from(`${digits}Z`));
}

/** One value as it was read; `raw` is the whole of it, tag and length included. */
export interface DerValue {
  readonly tag: number;
  readonly value: Buffer;
  readonly raw: Buffer;
}

/** Reads one value at the start of `bytes`. Throws on anything cut short or not DER. */
export function readOne(bytes: Uint8Array): DerValue {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = buffer[0];
  const first = buffer[1];
  if (tag === undefined || first === undefined) throw new Error("DER: unexpected end");
  let length = first;
  let offset = 2;
  if (first & 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new Error("DER: unsupported length");
    if (buffer.length < 2 + count) throw new Error("DER: unexpected end");
    length = buffer.readUIntBE(2, count);
    offset += count;
  }
  if (offset + length > buffer.length) throw new Error("DER: unexpected end");
  return { tag, value: buffer.subarray(offset, offset + length), raw: buffer.subarray(0, offset + length) };
}

/** The values inside a constructed one. */
export function readAll(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const value = readOne(rest);
    values.push(value);
    rest = rest.subarray(value.raw.length);
  }
  return values;
}

export function readOid(value: DerValue): string {
  if (value.tag !== tags.oid) throw new Error("DER: an object identifier was expected");
  const first = value.value[0] ?? 0;
  const parts = [Math.min(2, Math.floor(first / 40)), first - 40 * Math.min(2, Math.floor(first / 40))];
  let part = 0;
  for (const byte of value.value.subarray(1)) {
    part = part * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) {
      parts.push(part);
      part = 0;
    }
  }
  return parts.join(".");
}

export function pemEncode(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The first block with this label; undefined where there is none. */
export function pemDecode(label: string, pem: string): Buffer | undefined {
  const match = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(pem);
  return match?.[1] === undefined ? undefined : Buffer.from(match[1].replaceAll(/\s/g, ""), "base64");
}
