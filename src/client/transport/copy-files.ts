import { createReadStream } from "node:fs";
import { chmod, mkdir, open, readdir, stat } from "node:fs/promises";
import { dirname, join, posix, resolve } from "node:path";
import type { ObjectName } from "../client.ts";
import { ByteQueue } from "../streaming/byte-queue.ts";
import type { ByteSource } from "../streaming/byte-stream.ts";
import { readTar, type TarMember } from "../tar/read-tar.ts";
import { blockBytes, encodeHeader, paddingOf } from "../tar/tar-header.ts";
import type { StreamConnection } from "./pod-streams.ts";
import { type RunInPodResult, runInPod } from "./run-in-pod.ts";

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
    stdin: archiveOf(from, posix.basename(target), told),
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
async function* archiveOf(path: string, name: string, told: Told): ByteSource & AsyncGenerator<Uint8Array> {
  yield* entriesOf(path, name, told);
  yield new Uint8Array(2 * blockBytes);
}

async function* entriesOf(path: string, name: string, told: Told): AsyncGenerator<Uint8Array> {
  const found = await stat(path);
  const mode = found.mode & 0o7777;
  const modified = { modifiedSeconds: found.mtimeMs / 1000 };
  if (found.isDirectory()) {
    yield encodeHeader({ path: `${name}/`, type: "directory", sizeBytes: 0, mode }, modified);
    for (const entry of (await readdir(path, { withFileTypes: true })).sort(byName)) {
      if (entry.isDirectory() || entry.isFile())
        yield* entriesOf(join(path, entry.name), `${name}/${entry.name}`, told);
      else told.skipped.push(join(path, entry.name));
    }
    return;
  }
  if (!found.isFile()) {
    told.skipped.push(path);
    return;
  }
  yield encodeHeader({ path: name, type: "file", sizeBytes: found.size, mode }, modified);
  let left = found.size;
  // As long as its header said, whatever becomes of it meanwhile.
  if (left > 0)
    for await (const chunk of createReadStream(path, { end: found.size - 1 }) as AsyncIterable<Uint8Array>) {
      left -= chunk.length;
      yield chunk;
    }
  if (left > 0) throw new Error(`${path} became shorter while it was copied`);
  yield new Uint8Array(paddingOf(found.size));
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
  for await (const member of readTar(archive)) {
    const path = join(to, ...insideOf(member.path, below));
    if (member.type === "other") told.skipped.push(member.path);
    else if (member.type === "directory") await mkdir(path, { recursive: true });
    else {
      await writeFile(path, member);
      told.files++;
      told.bytes += member.sizeBytes;
    }
  }
  return told;
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

async function writeFile(path: string, { content, mode }: TarMember): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "w");
  try {
    for await (const chunk of content) await file.write(chunk);
  } finally {
    await file.close();
  }
  await chmod(path, mode & 0o777);
}
