import { watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { type LogOptions, parseLogLine, renderLogLine } from "../log-line.ts";

const chunkBytes = 64 * 1024;
const lineBreak = 0x0a;
/** While following, the file is looked at this often even if no event comes (a rotation, a remote file system). */
const pollMs = 1000;

export interface LogSource {
  /** The file; it may be replaced by rotation while it is followed. */
  readonly path: string;
  /** Whether its writer still runs: following ends when it does not and all was read. */
  readonly isLive: () => Promise<boolean>;
}

/** A container's log as the options ask for it, in chunks; ends on the signal, the limit, or the container's end. */
export async function* readLog(
  source: LogSource,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const line of readLines(source, options, signal)) {
    const parsed = parseLogLine(line);
    if (parsed === undefined) continue;
    const rendered = renderLogLine(parsed, options);
    if (rendered.length === 0) continue;
    yield rendered.length > left ? rendered.subarray(0, left) : rendered;
    left -= rendered.length;
    if (left <= 0) return;
  }
}

async function* readLines(
  source: LogSource,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let file = await open(source.path);
  try {
    let inode = (await file.stat()).ino;
    let position = options.tailLines === undefined ? 0 : await tailStart(file, options.tailLines);
    let rest: Buffer = Buffer.alloc(0);
    while (!signal.aborted) {
      const buffer = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
      if (bytesRead > 0) {
        position += bytesRead;
        rest =
          rest.length === 0
            ? buffer.subarray(0, bytesRead)
            : Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        for (let end = rest.indexOf(lineBreak); end >= 0; end = rest.indexOf(lineBreak)) {
          yield rest.subarray(0, end);
          rest = rest.subarray(end + 1);
        }
        continue;
      }
      if (!options.follow) return;
      const next = await stat(source.path).catch(() => undefined);
      if (next !== undefined && next.ino !== inode) {
        await file.close();
        file = await open(source.path);
        inode = next.ino;
        position = 0;
        continue;
      }
      // Asked before the last look at the file: what was written before the end is not missed.
      const live = await source.isLive();
      if ((await file.stat()).size > position) continue;
      if (!live) return;
      await changed(source.path, signal);
    }
  } finally {
    await file.close();
  }
}

/** Where the last `count` lines begin, found from the end without reading the whole. */
async function tailStart(file: FileHandle, count: number): Promise<number> {
  const { size } = await file.stat();
  if (count === 0) return size;
  let breaks = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunkBytes);
    const buffer = Buffer.allocUnsafe(end - start);
    await file.read(buffer, 0, buffer.length, start);
    for (let index = buffer.length - 1; index >= 0; index--) {
      // The break that ends the last line is not one between two.
      if (buffer[index] !== lineBreak || start + index === size - 1) continue;
      if (++breaks === count) return start + index + 1;
    }
    end = start;
  }
  return 0;
}

/** Resolves when the file may have changed, after a pause at the latest. */
function changed(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let watcher: ReturnType<typeof watch> | undefined;
    const done = () => {
      clearTimeout(timer);
      watcher?.close();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, pollMs);
    signal.addEventListener("abort", done, { once: true });
    try {
      watcher = watch(path, done);
      watcher.on("error", done);
    } catch {
      // Too many watches, or the file is being replaced: the pause above serves.
    }
  });
}
