/** A tar archive's header blocks (POSIX ustar, with the extensions of pax and GNU that tar programs write). */
export const blockBytes = 512;

export interface TarEntry {
  /** With slashes, as it stands in the archive. */
  readonly path: string;
  /** Links, devices and pipes are "other". */
  readonly type: "file" | "directory" | "other";
  readonly sizeBytes: number;
  /** Permission bits. */
  readonly mode: number;
}

export interface RawHeader extends Omit<TarEntry, "type"> {
  /** As it stands there: "0" a file, "5" a directory, "x" and "L" what is said of the next one. */
  readonly flag: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** What fits in twelve octal digits less one. */
const largestOctal = 8 ** 11 - 1;

/** Undefined: the block of zeros that ends an archive. Throws where the checksum is wrong: it is no archive. */
export function decodeHeader(block: Uint8Array): RawHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (numberAt(block, 148, 8) !== checksumOf(block)) throw new Error("not a tar archive");
  const prefix = decoder.decode(block.subarray(257, 262)) === "ustar" ? textAt(block, 345, 155) : "";
  const name = textAt(block, 0, 100);
  const flag = String.fromCharCode(block[156] ?? 0);
  return {
    path: prefix === "" ? name : `${prefix}/${name}`,
    flag: flag === "\0" ? "0" : flag,
    sizeBytes: numberAt(block, 124, 12),
    mode: numberAt(block, 100, 8) & 0o7777,
  };
}

/** The blocks before an entry's content: one, or more where its path is long. */
export function encodeHeader(
  { path, type, sizeBytes, mode }: TarEntry,
  { modifiedSeconds }: { readonly modifiedSeconds: number },
): Uint8Array {
  const flag = type === "directory" ? "5" : "0";
  const header = { flag, sizeBytes, mode, modifiedSeconds };
  const name = encoder.encode(path);
  if (name.length <= 100 && sizeBytes <= largestOctal) return headerBlock({ ...header, name });
  const records = encoder.encode(paxRecord("path", path) + paxRecord("size", String(sizeBytes)));
  const extension = { ...header, flag: "x", sizeBytes: records.length, name: encoder.encode("pax") };
  const shown = { ...header, sizeBytes: Math.min(sizeBytes, largestOctal), name: name.subarray(0, 100) };
  return joined([headerBlock(extension), padded(records), headerBlock(shown)]);
}

/** "27 path=a/file\n": the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = encoder.encode(` ${key}=${value}\n`).length;
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return `${length} ${key}=${value}\n`;
}

/** What the records of a pax header say. */
export function decodePax(bytes: Uint8Array): ReadonlyMap<string, string> {
  const said = new Map<string, string>();
  for (let offset = 0; offset < bytes.length; ) {
    const length = Number.parseInt(decoder.decode(bytes.subarray(offset, offset + 12)), 10);
    if (!(length > 0)) break;
    const record = decoder.decode(bytes.subarray(offset, offset + length - 1));
    const [, key = "", value = ""] = /^\d+ ([^=]+)=([\s\S]*)$/.exec(record) ?? [];
    said.set(key, value);
    offset += length;
  }
  return said;
}

/** Filled up with zeros to whole blocks. */
function padded(bytes: Uint8Array): Uint8Array {
  return joined([bytes, new Uint8Array(paddingOf(bytes.length))]);
}

export function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}

function headerBlock(header: {
  readonly name: Uint8Array;
  readonly flag: string;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly modifiedSeconds: number;
}): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const put = (offset: number, text: string) => block.set(encoder.encode(text), offset);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  block.set(header.name, 0);
  put(100, octal(header.mode, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(header.sizeBytes, 11));
  put(136, octal(Math.max(0, Math.floor(header.modifiedSeconds)), 11));
  put(156, header.flag);
  put(257, "ustar\x0000");
  put(148, `${octal(checksumOf(block), 6)}\0 `);
  return block;
}

/** The sum of the bytes, its own field taken for blanks. */
function checksumOf(block: Uint8Array): number {
  return block.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 0x20 : byte), 0);
}

function textAt(block: Uint8Array, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}

/** Octal digits, or where the first bit is set, as GNU writes what is too large for them, bytes. */
function numberAt(block: Uint8Array, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if (first < 0x80) return Number.parseInt(textAt(block, offset, length).trim() || "0", 8);
  return block
    .subarray(offset + 1, offset + length)
    .reduce((value, byte) => value * 256 + byte, first & 0x7f);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
