import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import type { Clock } from "../../../base/clock.ts";

export interface RotatingFileOptions {
  readonly path: string;
  /** A file that would grow past this is put aside; default 100 MB. */
  readonly maxBytes?: number;
  /** Files put aside longer ago are removed; 0 or absent: none for its age. */
  readonly maxAgeMs?: number;
  /** So many files that were put aside stay; 0 or absent: all. */
  readonly maxBackups?: number;
  /** Compresses what is put aside. */
  readonly compress?: boolean;
  readonly clock: Clock;
}

const defaultMaxBytes = 100 * 1024 * 1024;

/**
 * A log that is put aside under the time it was closed at (`audit-2026-01-02T03-04-05.678.log`) when it is full: the names and rules
 * of the library upstream uses. One write at a time: whoever writes waits for the one before.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #file: FileHandle | undefined;
  #bytes = 0;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** Appends whole lines. Rejects where the disk does. */
  async append(lines: Uint8Array): Promise<void> {
    const { maxBytes = defaultMaxBytes } = this.#options;
    let file = await this.#opened();
    if (this.#bytes > 0 && this.#bytes + lines.length > maxBytes) {
      await this.#rotate();
      file = await this.#opened();
    }
    await file.appendFile(lines);
    this.#bytes += lines.length;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file === undefined) {
      this.#file = await open(this.#options.path, "a", 0o600);
      this.#bytes = (await this.#file.stat()).size;
    }
    return this.#file;
  }

  async #rotate(): Promise<void> {
    const { path, clock, compress = false } = this.#options;
    await this.close();
    const aside = await this.#freeName(clock.now());
    await rename(path, aside);
    if (compress) await compressed(aside);
    await this.#removeOld();
  }

  async #freeName(nowMs: number): Promise<string> {
    const { path } = this.#options;
    const extension = extname(path);
    const stem = join(dirname(path), basename(path, extension));
    for (let atMs = nowMs; ; atMs++) {
      const candidate = `${stem}-${timeInName(atMs)}${extension}`;
      const taken = await Promise.all([candidate, `${candidate}.gz`].map((name) => exists(name)));
      if (!taken.includes(true)) return candidate;
    }
  }

  async #removeOld(): Promise<void> {
    const { path, clock, maxAgeMs = 0, maxBackups = 0 } = this.#options;
    const extension = extname(path);
    const prefix = `${basename(path, extension)}-`;
    const backups = (await readdir(dirname(path)))
      .flatMap((name) => {
        const atMs = timeOfName(name, prefix, extension);
        return atMs === undefined ? [] : [{ name, atMs }];
      })
      .sort((left, right) => right.atMs - left.atMs);
    const old = backups.filter(
      ({ atMs }, index) =>
        (maxBackups > 0 && index >= maxBackups) || (maxAgeMs > 0 && clock.now() - atMs > maxAgeMs),
    );
    await Promise.all(old.map(({ name }) => rm(join(dirname(path), name), { force: true })));
  }
}

/** 2026-01-02T03-04-05.678: a colon is no part of a file's name everywhere. */
function timeInName(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 23).replaceAll(":", "-");
}

function timeOfName(name: string, prefix: string, extension: string): number | undefined {
  const plain = name.endsWith(".gz") ? name.slice(0, -3) : name;
  if (!plain.startsWith(prefix) || !plain.endsWith(extension)) return undefined;
  const middle = plain.slice(prefix.length, plain.length - extension.length);
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2})-(\d{2})-(\d{2}\.\d{3})$/.exec(middle);
  return match === null ? undefined : Date.parse(`${match[1]}:${match[2]}:${match[3]}Z`);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function compressed(path: string): Promise<void> {
  const [{ createGzip }, { createReadStream, createWriteStream }, { pipeline }] = await Promise.all([
    import("node:zlib"),
    import("node:fs"),
    import("node:stream/promises"),
  ]);
  const target = createWriteStream(`${path}.gz`, { mode: 0o600 });
  await pipeline(createReadStream(path), createGzip(), target);
  await rm(path);
}
