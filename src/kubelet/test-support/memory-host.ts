import type { CgroupLimits, FilePayload, Host, NodeUsage } from "../host/host.ts";

/** A node's disk and control groups in memory, for tests to look into. */
export interface MemoryHost extends Host {
  /** The texts of files by path; what a test sets here, the kubelet reads. */
  readonly texts: Map<string, string>;
  /** What volumes show, by directory and then relative path. */
  readonly volumes: Map<string, ReadonlyMap<string, FilePayload>>;
  readonly directories: Set<string>;
  /** What the machine is said to use; a test may change it. */
  usageNow: NodeUsage;
  readonly groups: Map<string, CgroupLimits>;
  /** Hard-wired answers of `pathType`; anything else is a directory if it was made, or absent. */
  readonly pathTypes: Map<string, "file" | "directory" | "socket">;
  /** The text of a volume's file; undefined: there is none. */
  volumeText(volumeName: string, path: string): string | undefined;
}

export function memoryHost(): MemoryHost {
  const texts = new Map<string, string>();
  const volumes = new Map<string, ReadonlyMap<string, FilePayload>>();
  const directories = new Set<string>();
  const groups = new Map<string, CgroupLimits>();
  const pathTypes: MemoryHost["pathTypes"] = new Map();
  const disk = { capacityBytes: 100e9, availableBytes: 90e9, inodes: 1e6, inodesFree: 9e5 };
  const usage = {
    cpuNanoSeconds: 0,
    memoryAvailableBytes: 30e9,
    memoryUsageBytes: 2e9,
    memoryWorkingSetBytes: 2e9,
    memoryRssBytes: 1e9,
    pageFaults: 0,
    majorPageFaults: 0,
    processes: 100,
    maxProcesses: 100_000,
    disk,
  };
  const below = (root: string) => (path: string) => path === root || path.startsWith(`${root}/`);
  const host: MemoryHost = {
    usageNow: usage,
    texts,
    volumes,
    directories,
    groups,
    pathTypes,
    volumeText(volumeName, path) {
      const [, payload] = [...volumes].find(([directory]) => directory.endsWith(`/${volumeName}`)) ?? [];
      const file = payload?.get(path);
      return file === undefined ? undefined : new TextDecoder().decode(file.bytes);
    },
    files: {
      async makeDirectory(path) {
        directories.add(path);
      },
      async ensureFile(path) {
        if (!texts.has(path)) texts.set(path, "");
      },
      async writeFile(path, text) {
        texts.set(path, text);
      },
      async writeAtomically(directory, payload) {
        volumes.set(directory, new Map(payload));
        return true;
      },
      async setGroup() {},
      async mountTmpfs() {},
      async removeTree(directory) {
        const gone = below(directory);
        for (const map of [texts, volumes]) for (const path of map.keys()) if (gone(path)) map.delete(path);
        for (const path of directories) if (gone(path)) directories.delete(path);
      },
      async pathType(path) {
        return pathTypes.get(path) ?? (directories.has(path) ? "directory" : "absent");
      },
      async resolveSubPath(volume, subPath) {
        return `${volume}/${subPath}`;
      },
      async readTail(path, maxBytes) {
        return texts.get(path)?.slice(-maxBytes);
      },
      async listDirectory(path) {
        const names = new Set<string>();
        for (const entry of [...texts.keys(), ...volumes.keys(), ...directories]) {
          if (entry.startsWith(`${path}/`)) names.add(entry.slice(path.length + 1).split("/")[0] ?? "");
        }
        return [...names];
      },
      async fileSize(path) {
        return texts.get(path)?.length;
      },
      async rename(from, to) {
        texts.set(to, texts.get(from) ?? "");
        texts.delete(from);
      },
      async compress(path) {
        texts.set(`${path}.gz`, "");
        texts.delete(path);
      },
      async diskSpace() {
        return host.usageNow.disk;
      },
    },
    usage: async () => host.usageNow,
    cgroups: {
      async ensure(path, limits) {
        groups.set(path, limits);
      },
      async remove(path) {
        for (const group of groups.keys()) if (below(path)(group)) groups.delete(group);
      },
      async list(path) {
        return [...groups.keys()]
          .filter((group) => group.startsWith(`${path}/`))
          .map((group) => group.slice(path.length + 1).split("/")[0] ?? "");
      },
    },
  };
  return host;
}
