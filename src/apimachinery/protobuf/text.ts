/**
 * Texts out of bytes. API objects say the same short texts over and over ("v1", "Running", label keys, images, nodes): those
 * are kept in a small table, so that equal ones are one string, found without making it anew.
 */

const tableSize = 8192;
const longestKept = 64;
/** Direct-mapped: a text has one place, and goes when another one takes it. */
const table: string[] = new Array<string>(tableSize).fill("");

/** How well a field's texts repeat: those of one that never does are not looked up. */
export class TextFamily {
  #found = 0;
  #missed = 0;
  #skipped = 0;

  read(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return "";
    if (length > longestKept) return utf8Text(bytes, start, end);
    // Now and then it is tried again: a new deployment may bring what repeats.
    if (this.#missed > 2 * this.#found + 32 && ++this.#skipped % 16 !== 0) return utf8Text(bytes, start, end);
    const place = placeOf(bytes, start, end);
    const known = table[place] ?? "";
    if (isText(known, bytes, start, end)) {
      this.#found++;
      return known;
    }
    if (++this.#missed > 4096) {
      this.#missed >>= 1;
      this.#found >>= 1;
    }
    const text = utf8Text(bytes, start, end);
    // Of another length where it is not plain ASCII: it would never be found.
    if (text.length === length) table[place] = text;
    return text;
  }
}

const anyText = new TextFamily();

/** A text that belongs to no field. */
export function readText(bytes: Buffer, start: number, end: number): string {
  return anyText.read(bytes, start, end);
}

function placeOf(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  let hash = length;
  if (length <= 16) {
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
  } else {
    // What differs between long texts is mostly near an end; whether they are equal is looked at in any case.
    for (let at = start; at < start + 6; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
    for (let at = end - 10; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
  }
  return (hash ^ (hash >>> 13)) & (tableSize - 1);
}

/** Whether the bytes are this text. */
export function isText(text: string, bytes: Buffer, start: number, end: number): boolean {
  return text.length === end - start && spells(text, 0, bytes, start, end);
}

/**
 * Whether the text goes on like the bytes from that character on, one a byte. A text of as many characters as bytes is ASCII,
 * or holds characters that no byte equals.
 */
export function spells(text: string, from: number, bytes: Buffer, start: number, end: number): boolean {
  const ahead = from - start;
  for (let at = start; at < end; at++) if (text.charCodeAt(ahead + at) !== bytes[at]) return false;
  return true;
}

/** What Node's buffers have below `toString`, which takes as long to find it as a short text takes to make. */
interface Sliced {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

function utf8Text(bytes: Buffer, start: number, end: number): string {
  return (bytes as unknown as Sliced).utf8Slice(start, end); // Node's types do not tell of it
}

/** One character a byte. */
export function byteText(bytes: Buffer, start: number, end: number): string {
  return (bytes as unknown as Sliced).latin1Slice(start, end); // likewise
}
