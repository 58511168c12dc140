/** One member of a tar archive. Paths are relative, without "./"; times are all the epoch, so archives are repeatable. */
export type TarEntry =
  | ({ readonly type: "file"; readonly path: string; readonly content: Uint8Array } & Ownership)
  | ({ readonly type: "directory"; readonly path: string } & Ownership)
  | { readonly type: "symlink"; readonly path: string; readonly target: string }
  /** Another name for a file that came before in the same archive. */
  | { readonly type: "hardlink"; readonly path: string; readonly target: string };

interface Ownership {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

const blockBytes = 512;
const typeFlags = { file: "0", hardlink: "1", symlink: "2", directory: "5" } as const;
const textEncoder = new TextEncoder();

/** A POSIX (ustar) archive; names that do not fit get a pax header. The same entries give the same bytes. */
export function tarArchive(entries: Iterable<TarEntry>): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const entry of entries) appendEntry(blocks, entry);
  blocks.push(new Uint8Array(2 * blockBytes));
  return concatenated(blocks);
}

function appendEntry(blocks: Uint8Array[], entry: TarEntry): void {
  const path = entry.type === "directory" ? `${entry.path.replace(/\/$/, "")}/` : entry.path;
  const target = "target" in entry ? entry.target : "";
  const content = entry.type === "file" ? entry.content : new Uint8Array(0);
  const long = [
    ...(textEncoder.encode(path).length > 100 ? [paxRecord("path", path)] : []),
    ...(textEncoder.encode(target).length > 100 ? [paxRecord("linkpath", target)] : []),
  ];
  if (long.length > 0) {
    const records = textEncoder.encode(long.join(""));
    blocks.push(
      header({ path: "pax", typeFlag: "x", mode: 0o644, sizeBytes: records.length }),
      ...padded(records),
    );
  }
  const owned: Ownership = entry.type === "file" || entry.type === "directory" ? entry : {};
  blocks.push(
    header({
      path,
      target,
      typeFlag: typeFlags[entry.type],
      mode: owned.mode ?? (entry.type === "file" ? 0o644 : entry.type === "directory" ? 0o755 : 0o777),
      uid: owned.uid ?? 0,
      gid: owned.gid ?? 0,
      sizeBytes: content.length,
    }),
    ...padded(content),
  );
}

/** "LENGTH key=value\n", where LENGTH counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = textEncoder.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (String(length).length + rest !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

interface Header {
  readonly path: string;
  readonly target?: string;
  readonly typeFlag: string;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly sizeBytes: number;
}

function header({ path, target = "", typeFlag, mode, uid = 0, gid = 0, sizeBytes }: Header): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const text = (offset: number, length: number, value: string) =>
    block.set(textEncoder.encode(value).subarray(0, length), offset);
  const octal = (offset: number, length: number, value: number) =>
    text(offset, length, `${value.toString(8).padStart(length - 1, "0")}\0`);
  text(0, 100, path);
  octal(100, 8, mode);
  octal(108, 8, uid);
  octal(116, 8, gid);
  octal(124, 12, sizeBytes);
  octal(136, 12, 0); // modified at the epoch
  text(148, 8, " ".repeat(8)); // the checksum counts itself as spaces
  text(156, 1, typeFlag);
  text(157, 100, target);
  text(257, 8, "ustar\x0000");
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(148, 8, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

function padded(content: Uint8Array): Uint8Array[] {
  const rest = content.length % blockBytes;
  return rest === 0 ? [content] : [content, new Uint8Array(blockBytes - rest)];
}

function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
