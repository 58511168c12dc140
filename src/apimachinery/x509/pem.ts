import { decodeBase64 } from "../../base/base64.ts";
/** PEM as Go's `encoding/pem` reads it: blocks between other text, what is not one skipped. */

export interface PemBlock {
  /** "CERTIFICATE", "CERTIFICATE REQUEST" … */
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly bytes: Uint8Array;
}

const begin = "-----BEGIN ";
const end = "-----END ";
const dashes = "-----";

/** The blocks of a text, and what comes after the last of them. Linear in the length of the text. */
export function decodePem(text: string): { readonly blocks: readonly PemBlock[]; readonly rest: string } {
  const blocks: PemBlock[] = [];
  let position = 0;
  let afterLast = 0;
  for (;;) {
    const start = lineStart(text, begin, position);
    const stop = start < 0 ? -1 : lineStart(text, end, start);
    if (stop < 0) return { blocks, rest: text.slice(afterLast) };
    position = nextLine(text, stop);
    const block = blockOf(text.slice(start, stop), lineAt(text, stop));
    if (block === undefined) continue;
    blocks.push(block);
    afterLast = position;
  }
}

/** The blocks of what base64 stands for; none where it stands for nothing. */
export function decodeBase64Pem(base64: string): ReturnType<typeof decodePem> {
  return decodePem(new TextDecoder().decode(bytesOf(base64) ?? new Uint8Array()));
}

/** Where a line that begins so begins, at or after a place. */
function lineStart(text: string, prefix: string, from: number): number {
  for (let at = text.indexOf(prefix, from); at >= 0; at = text.indexOf(prefix, at + 1))
    if (at === 0 || text.charAt(at - 1) === "\n") return at;
  return -1;
}

function nextLine(text: string, from: number): number {
  const newline = text.indexOf("\n", from);
  return newline < 0 ? text.length : newline + 1;
}

function lineAt(text: string, from: number): string {
  return text.slice(from, nextLine(text, from)).trimEnd();
}

function blockOf(source: string, last: string): PemBlock | undefined {
  const lines = source.split("\n");
  const first = (lines[0] ?? "").trimEnd();
  const type = first.slice(begin.length, -dashes.length);
  if (!first.endsWith(dashes) || last !== `${end}${type}${dashes}`) return undefined;
  const body = lines.slice(1).findIndex((line) => !line.includes(":")) + 1;
  const bytes = bytesOf(lines.slice(body).join("").replace(/\s/g, ""));
  return bytes === undefined ? undefined : { type, hasHeaders: body > 1, bytes };
}

function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return decodeBase64(base64);
  } catch {
    return undefined;
  }
}
