/**
 * What the kubelet does to the machine it runs on, apart from the container runtime: files, mounts, cgroups. The
 * simulated node has one that does nothing; `linux-host.ts` is the real one.
 */
export interface Host {
  readonly files: HostFiles;
  readonly cgroups: HostCgroups;
  usage(): Promise<NodeUsage>;
}

export interface FilePayload {
  readonly bytes: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** Owner of the file where it is not root. */
  readonly uid?: number;
}

export interface HostFiles {
  makeDirectory(path: string, options?: { readonly mode?: number }): Promise<void>;
  /** Creates the file if it is not there (directories too). */
  ensureFile(path: string, options?: { readonly mode?: number }): Promise<void>;
  writeFile(path: string, text: string, options?: { readonly mode?: number }): Promise<void>;
  /**
   * Makes `directory` show exactly these files (relative paths), all at once: a reader sees the old set or the new one,
   * never a mixture. Resolves to whether anything changed. Upstream's AtomicWriter (`..data` links to a dated folder).
   */
  writeAtomically(
    directory: string,
    payload: ReadonlyMap<string, FilePayload>,
    options?: { readonly groupId?: number },
  ): Promise<boolean>;
  /** Gives a volume to a group: setgid directories, group may read (and write). */
  setGroup(directory: string, groupId: number, options: { readonly readOnly: boolean }): Promise<void>;
  /** Memory-backed, of at most `sizeBytes`; nothing happens if it is mounted there already. */
  mountTmpfs(directory: string, options: { readonly sizeBytes?: number }): Promise<void>;
  /** Unmounts what is mounted below, then removes everything. No error if it is not there. */
  removeTree(directory: string): Promise<void>;
  pathType(
    path: string,
  ): Promise<"absent" | "file" | "directory" | "socket" | "characterDevice" | "blockDevice">;
  /**
   * A path inside `volume` for a subPath, made as a directory where it is not there. Links are followed only as long as
   * they stay inside the volume: throws otherwise.
   */
  resolveSubPath(volume: string, subPath: string): Promise<string>;
  /** The last `maxBytes` of a file; undefined if there is none. */
  readTail(path: string, maxBytes: number): Promise<string | undefined>;
  listDirectory(path: string): Promise<readonly string[]>;
  /** Bytes of a file; undefined if there is none. */
  fileSize(path: string): Promise<number | undefined>;
  rename(from: string, to: string): Promise<void>;
  /** Replaces a file by a gzip of it, `path.gz`. */
  compress(path: string): Promise<void>;
  /** The file system that holds `path`. */
  diskSpace(path: string): Promise<DiskSpace>;
}

export interface DiskSpace {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** What the whole machine uses at one moment. */
export interface NodeUsage {
  /** CPU time spent since the machine's start. */
  readonly cpuNanoSeconds: number;
  readonly memoryAvailableBytes: number;
  readonly memoryUsageBytes: number;
  readonly memoryWorkingSetBytes: number;
  readonly memoryRssBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly processes: number;
  readonly maxProcesses: number;
  /** Where pods' volumes, logs and images lie. */
  readonly disk: DiskSpace;
}

export interface CgroupLimits {
  readonly cpuShares?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
}

export interface HostCgroups {
  /** Makes the group in every hierarchy and sets its limits. */
  ensure(path: string, limits: CgroupLimits): Promise<void>;
  /** Removes the group and those below, killing what still runs in them. No error if it is not there. */
  remove(path: string): Promise<void>;
  /** The names of the groups right below `path`. */
  list(path: string): Promise<readonly string[]>;
}
