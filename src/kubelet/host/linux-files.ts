import { execFile } from "node:child_process";
import { constants, createReadStream, createWriteStream } from "node:fs";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGzip } from "node:zlib";
import type { DiskSpace, FilePayload, HostFiles } from "./host.ts";

const run = promisify(execFile);

/** Files and mounts of this machine. */
export const linuxFiles: HostFiles = {
  async makeDirectory(path, { mode } = {}) {
    const made = await mkdir(path, { recursive: true });
    // The process's umask has no say in what pods see.
    if (made !== undefined && mode !== undefined) await chmod(path, mode);
  },

  async ensureFile(path, { mode } = {}) {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, "a");
    await file.close();
    if (mode !== undefined) await chmod(path, mode);
  },

  async writeFile(path, text, { mode } = {}) {
    // In place: the file is mounted into containers, which a rename would leave with the old one.
    if ((await readFile(path, "utf8").catch(() => undefined)) === text) return;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    if (mode !== undefined) await chmod(path, mode);
  },

  writeAtomically,

  async setGroup(directory, groupId, { readOnly }) {
    await chown(directory, -1, groupId);
    const { mode } = await stat(directory);
    await chmod(directory, (mode & 0o7777) | 0o2000 | (readOnly ? 0o550 : 0o770));
  },

  async mountTmpfs(directory, { sizeBytes }) {
    if (await isMountPoint(directory)) return;
    const options = sizeBytes === undefined ? [] : ["-o", `size=${sizeBytes}`];
    await run("mount", ["-t", "tmpfs", ...options, "tmpfs", directory]);
    await chmod(directory, 0o777);
  },

  async removeTree(directory) {
    for (const mountPoint of await mountsBelow(directory)) await run("umount", ["-l", mountPoint]);
    await rm(directory, { recursive: true, force: true });
  },

  async pathType(path) {
    try {
      const found = await stat(path);
      if (found.isDirectory()) return "directory";
      if (found.isSocket()) return "socket";
      if (found.isCharacterDevice()) return "characterDevice";
      return found.isBlockDevice() ? "blockDevice" : "file";
    } catch (error) {
      if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return "absent";
      throw error;
    }
  },

  async resolveSubPath(volume, subPath) {
    const root = await realpath(volume);
    let current = root;
    for (const segment of subPath.split("/").filter((part) => part !== "" && part !== ".")) {
      const next = join(current, segment);
      try {
        current = await realpath(next);
      } catch (error) {
        if (!isCode(error, "ENOENT")) throw error;
        // As writable as the volume itself: the process need not be root (setgid passes the group on).
        const { mode } = await stat(root);
        await mkdir(next);
        await chmod(next, mode & 0o7777);
        current = next;
      }
      // Each step anew: a link may lead out of the volume at any of them.
      if (current !== root && !current.startsWith(root + sep))
        throw new Error(`subPath "${subPath}" leads out of the volume`);
    }
    return current;
  },

  async readTail(path, maxBytes) {
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch {
      return undefined;
    }
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - maxBytes);
      const buffer = Buffer.alloc(Math.min(size, maxBytes));
      await file.read(buffer, 0, buffer.length, start);
      return buffer.toString("utf8");
    } finally {
      await file.close();
    }
  },

  async listDirectory(path) {
    return readdir(path).catch(() => []);
  },

  async fileSize(path) {
    try {
      return (await stat(path)).size;
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      throw error;
    }
  },

  rename,

  async compress(path) {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.tmp`));
    await rename(`${path}.tmp`, `${path}.gz`);
    await rm(path, { force: true });
  },

  diskSpace,
};

/** The file system that holds `path`. */
export async function diskSpace(path: string): Promise<DiskSpace> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(path);
  return {
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    inodes: files,
    inodesFree: ffree,
  };
}

const dataLink = "..data";

async function writeAtomically(
  directory: string,
  payload: ReadonlyMap<string, FilePayload>,
  { groupId }: { readonly groupId?: number } = {},
): Promise<boolean> {
  if (await showsAlready(directory, payload)) return false;
  const stamp = `..${new Date().toISOString().replaceAll(/[-:T]/g, "_").replace("Z", "")}.${process.hrtime.bigint()}`;
  const fresh = join(directory, stamp);
  await mkdir(fresh, { mode: 0o755 });
  await chmod(fresh, 0o755);
  for (const [path, { bytes, mode, uid }] of payload) {
    const full = join(fresh, path);
    if (!full.startsWith(fresh + sep)) throw new Error(`"${path}" leads out of the volume`);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, bytes);
    await chmod(full, groupId === undefined ? mode : mode | 0o440);
    if (uid !== undefined || groupId !== undefined) await chown(full, uid ?? -1, groupId ?? -1);
  }
  const old = await currentData(directory);
  // The moment of change: one rename of a link.
  await symlink(stamp, join(directory, `${dataLink}_tmp`));
  await rename(join(directory, `${dataLink}_tmp`), join(directory, dataLink));
  await linkVisible(directory, payload);
  if (old !== undefined) await rm(join(directory, old), { recursive: true, force: true });
  return true;
}

/** Top-level names in the volume are links into the current data. */
async function linkVisible(directory: string, payload: ReadonlyMap<string, FilePayload>): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split("/")[0] ?? path));
  for (const name of await readdir(directory)) {
    if (!name.startsWith("..") && !wanted.has(name))
      await rm(join(directory, name), { recursive: true, force: true });
  }
  for (const name of wanted) {
    await symlink(join(dataLink, name), join(directory, name)).catch((error: unknown) => {
      if (!isCode(error, "EEXIST")) throw error;
    });
  }
}

async function currentData(directory: string): Promise<string | undefined> {
  try {
    const target = await realpath(join(directory, dataLink));
    return target.slice(target.lastIndexOf(sep) + 1);
  } catch {
    return undefined;
  }
}

async function showsAlready(directory: string, payload: ReadonlyMap<string, FilePayload>): Promise<boolean> {
  const current = await currentData(directory);
  if (current === undefined) return false;
  const root = join(directory, current);
  const present = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  if (present.length !== payload.size) return false;
  for (const [path, { bytes }] of payload) {
    const content = await readFile(join(root, path)).catch(() => undefined);
    if (content === undefined || Buffer.compare(content, bytes) !== 0) return false;
  }
  return true;
}

async function isMountPoint(path: string): Promise<boolean> {
  try {
    const [own, parent] = await Promise.all([lstat(path), lstat(dirname(path))]);
    return own.dev !== parent.dev;
  } catch {
    return false;
  }
}

/** Mount points at or below a directory, deepest first. */
async function mountsBelow(directory: string): Promise<string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const points = table
    .split("\n")
    .map((line) =>
      (line.split(" ")[4] ?? "").replace(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
    .filter((point) => point === directory || point.startsWith(`${directory}/`));
  return points.sort((a, b) => b.length - a.length);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
