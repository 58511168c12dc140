import { execFile } from "node:child_process";
import { lstat, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import type { TarEntry } from "../../src/kubelet/images/tar.ts";

const run = promisify(execFile);

/** Everything below a directory as archive members, in the order of their names. */
export async function directoryEntries(root: string): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const walk = async (directory: string) => {
    for (const name of (await readdir(directory)).sort()) {
      const path = join(directory, name);
      const inside = relative(root, path);
      const stat = await lstat(path);
      if (stat.isSymbolicLink())
        entries.push({ type: "symlink", path: inside, target: await readlink(path) });
      else if (stat.isDirectory()) {
        entries.push({ type: "directory", path: inside, mode: stat.mode & 0o7777 });
        await walk(path);
      } else if (stat.isFile())
        entries.push({ type: "file", path: inside, mode: stat.mode & 0o7777, content: await readFile(path) });
    }
  };
  await walk(root);
  return entries;
}

/** The shared libraries that a program needs, with its loader, at the paths where it looks for them. */
export async function libraryEntries(program: string): Promise<TarEntry[]> {
  const { stdout } = await run("ldd", [program]);
  const paths = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  return Promise.all(
    [...new Set(paths)].sort().map(async (path): Promise<TarEntry> => {
      const content = await readFile(await realpath(path));
      return { type: "file", path: path.slice(1), mode: 0o755, content };
    }),
  );
}

/** The directories that the given members need and do not bring along, parents first. */
export function parentDirectories(entries: readonly TarEntry[]): TarEntry[] {
  const present = new Set(entries.filter(({ type }) => type === "directory").map(({ path }) => path));
  const missing = new Set<string>();
  for (const { path } of entries)
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent))
      if (!present.has(parent)) missing.add(parent);
  return [...missing].sort().map((path) => ({ type: "directory", path }));
}

/** What any image of a few files needs besides them. */
export function baseEntries(): TarEntry[] {
  const text = (path: string, content: string): TarEntry => ({
    type: "file",
    path,
    content: Buffer.from(content),
  });
  return [
    { type: "directory", path: "etc" },
    { type: "directory", path: "proc" },
    { type: "directory", path: "sys" },
    { type: "directory", path: "dev" },
    { type: "directory", path: "root", mode: 0o700 },
    { type: "directory", path: "tmp", mode: 0o1777 },
    { type: "directory", path: "var" },
    { type: "directory", path: "var/run" },
    text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    text("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    text("etc/nsswitch.conf", "hosts: files dns\n"),
  ];
}
