import { createReadStream, createWriteStream } from "node:fs";
import { chmod, mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join, posix, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Entry, Pack } from "tar-stream";
import type { ObjectName } from "../client.ts";
import { ByteQueue } from "../streaming/byte-queue.ts";
import type { ByteSource } from "../streaming/byte-stream.ts";
import { type RunInPodResult, runInPod } from "./run-in-pod.ts";
import type { StreamConnection } from "./stream-address.ts";

/** From where to where: the file or folder `from` becomes `to`. */
export interface CopyOptions {
  /** A path; of the container for a copy from it, else of this machine. */
  readonly from: string;
  /** A path; the folder that it is in must be there in a container, and is made on this machine. */
  readonly to: string;
  /** Absent: the only one, or the one that the pod names as its default. */
  readonly container?: string;
  readonly signal?: AbortSignal;
}

/** What was copied. */
export interface CopyResult {
  readonly files: number;
  readonly bytes: number;
  /** Paths of links, devices and pipes, which are not copied. */
  readonly skipped: readonly string[];
}

/** What comes before it is written. */
const readAheadBytes = 256 * 1024;

/** As `kubectl cp` to a pod: see `copyToPod` of `k8ts/client`. */
export async function copyToPod(
  connection: StreamConnection,
  pod: ObjectName,
  { from, to, container, signal }: CopyOptions,
): Promise<CopyResult> {
  const told = { files: 0, bytes: 0, skipped: [] as string[] };
  const target = posix.resolve("/", to);
  await stat(from);
  const result = await runInPod(connection, pod, {
    command: ["tar", "-xmf", "-", "-C", posix.dirname(target)],
    stdin: await archiveOf(from, posix.basename(target), told),
    ...(container === undefined ? {} : { container }),
    ...(signal === undefined ? {} : { signal }),
  });
  checkTar(result, pod);
  return told;
}

/** As `kubectl cp` from a pod: see `copyFromPod` of `k8ts/client`. */
export async function copyFromPod(
  connection: StreamConnection,
  pod: ObjectName,
  { from, to, container, signal }: CopyOptions,
): Promise<CopyResult> {
  const source = posix.resolve("/", from);
  const archive = new ByteQueue({ limitBytes: readAheadBytes });
  const broken = new AbortController();
  const giveUp = () => broken.abort(signal?.reason);
  if (signal?.aborted) giveUp();
  signal?.addEventListener("abort", giveUp, { once: true });
  const writing = writeAll(archive, { below: posix.basename(source), to: resolve(to) });
  // Nobody would read the rest.
  writing.catch((error: unknown) => broken.abort(error));
  try {
    const result = await runInPod(connection, pod, {
      command: ["tar", "-cf", "-", "-C", posix.dirname(source), posix.basename(source) || "."],
      async onStdout(chunk) {
        archive.push(chunk);
        await archive.drained();
      },
      signal: broken.signal,
      ...(container === undefined ? {} : { container }),
    });
    archive.end();
    checkTar(result, pod);
    return await writing;
  } finally {
    signal?.removeEventListener("abort", giveUp);
    archive.end();
    // Whatever failed, nothing is written any more once this has ended.
    await writing.catch(() => {});
  }
}

function checkTar({ exitCode, stderr }: RunInPodResult, { name }: ObjectName): void {
  if (exitCode === 0) return;
  const said = stderr.trim() === "" ? "(is there a tar in the container?)" : stderr.trim();
  throw new Error(`tar in pod ${name} ended with exit code ${exitCode}: ${said}`);
}

interface Told {
  files: number;
  bytes: number;
  readonly skipped: string[];
}

/** A file, or a folder with all that is in it, as an archive, read as fast as it is taken. */
async function archiveOf(path: string, name: string, told: Told): Promise<ByteSource> {
  const { pack } = await import("tar-stream");
  const archive = pack();
  addAll(archive, path, name, told).then(
    () => archive.finalize(),
    (error: Error) => archive.destroy(error),
  );
  return archive;
}

async function addAll(archive: Pack, path: string, name: string, told: Told): Promise<void> {
  const found = await stat(path);
  const header = { name, mode: found.mode & 0o7777, mtime: found.mtime };
  if (found.isDirectory()) {
    archive.entry({ ...header, type: "directory" });
    for (const entry of (await readdir(path, { withFileTypes: true })).sort(byName)) {
      if (entry.isDirectory() || entry.isFile())
        await addAll(archive, join(path, entry.name), `${name}/${entry.name}`, told);
      else told.skipped.push(join(path, entry.name));
    }
    return;
  }
  if (!found.isFile()) {
    told.skipped.push(path);
    return;
  }
  const entry = archive.entry({ ...header, size: found.size });
  // As long as its header says, whatever becomes of it meanwhile: one that became shorter fails.
  if (found.size === 0) entry.end();
  else await pipeline(createReadStream(path, { end: found.size - 1 }), entry);
  told.files++;
  told.bytes += found.size;
}

const byName = (left: { readonly name: string }, right: { readonly name: string }) =>
  left.name < right.name ? -1 : 1;

async function writeAll(
  archive: ByteSource,
  { below, to }: { readonly below: string; readonly to: string },
): Promise<CopyResult> {
  const told: Told = { files: 0, bytes: 0, skipped: [] };
  const { extract } = await import("tar-stream");
  const entries = extract();
  await Promise.all([pipeline(Readable.from(archive), entries), writeEntries()]);
  return told;

  async function writeEntries(): Promise<void> {
    for await (const entry of entries) {
      const { name, type } = entry.header;
      const path = join(to, ...insideOf(name, below));
      if (type === "directory") await mkdir(path, { recursive: true });
      else if (type === "file" || type === "contiguous-file") {
        await writeFile(path, entry);
        told.files++;
        told.bytes += entry.header.size ?? 0;
      } else told.skipped.push(name);
      entry.resume();
    }
  }
}

/** The path below what was asked for. A container may say what it likes: nothing is written anywhere else. */
function insideOf(path: string, below: string): readonly string[] {
  const [first, ...rest] = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  const isInside = below === "" || first === below;
  const inside = below === "" && first !== undefined ? [first, ...rest] : rest;
  if (!isInside || inside.some((segment) => segment === ".." || segment.includes("\\")))
    throw new Error(`the container sent a path that was not asked for: ${path}`);
  return inside;
}

async function writeFile(path: string, entry: Entry): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await pipeline(entry, createWriteStream(path));
  await chmod(path, (entry.header.mode ?? 0o644) & 0o777);
}
