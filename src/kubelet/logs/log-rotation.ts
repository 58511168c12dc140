import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { ContainerRuntime } from "../cri/runtime.ts";
import type { HostFiles } from "../host/host.ts";

export interface LogRotatorDependencies {
  readonly runtime: ContainerRuntime;
  readonly files: HostFiles;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface LogRotatorOptions {
  /** Upstream's containerLogMaxSize: 10 MiB. */
  readonly maxBytes?: number;
  /** The one written to and the rotated ones together; upstream's containerLogMaxFiles: 5. */
  readonly maxFiles?: number;
}

export interface RunningLog {
  readonly containerId: string;
  readonly path: string;
}

interface Watched {
  readonly sizeBytes: number;
  readonly atMs: number;
  readonly dueMs: number;
}

const soonestLookMs = 10_000;
const latestLookMs = 300_000;

/**
 * Keeps containers' logs from filling the disk. A log is looked at again when, at the pace at which it grew, half of what
 * is left to its limit could be written: quiet containers cost next to nothing.
 */
export class LogRotator {
  readonly #dependencies: LogRotatorDependencies;
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  #watched = new Map<string, Watched>();
  #running: Promise<void> | undefined;

  constructor(dependencies: LogRotatorDependencies, options: LogRotatorOptions = {}) {
    this.#dependencies = dependencies;
    this.#maxBytes = options.maxBytes ?? 10 * 2 ** 20;
    this.#maxFiles = Math.max(2, options.maxFiles ?? 5);
  }

  /** Looks at those that are due, one after another; while it does, further calls return at once. */
  check(logs: readonly RunningLog[]): Promise<void> {
    this.#running ??= this.#checkAll(logs).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #checkAll(logs: readonly RunningLog[]): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const before = this.#watched;
    this.#watched = new Map();
    for (const log of logs) {
      const watched = before.get(log.containerId);
      if (watched !== undefined && clock.now() < watched.dueMs) {
        this.#watched.set(log.containerId, watched);
        continue;
      }
      try {
        this.#watched.set(log.containerId, await this.#look(log, watched));
      } catch (error) {
        logger.warn({ error, container: log.containerId }, "a container's log could not be rotated");
      }
    }
  }

  async #look(log: RunningLog, before: Watched | undefined): Promise<Watched> {
    const { files, clock } = this.#dependencies;
    const now = clock.now();
    const sizeBytes = (await files.fileSize(log.path)) ?? 0;
    if (sizeBytes >= this.#maxBytes) {
      await this.#rotate(log);
      return { sizeBytes: 0, atMs: now, dueMs: now + soonestLookMs };
    }
    const grownBytes = Math.max(0, sizeBytes - (before?.sizeBytes ?? 0));
    const bytesPerMs =
      before === undefined ? Number.POSITIVE_INFINITY : grownBytes / Math.max(1, now - before.atMs);
    const halfWayMs = bytesPerMs === 0 ? latestLookMs : (this.#maxBytes - sizeBytes) / bytesPerMs / 2;
    return { sizeBytes, atMs: now, dueMs: now + Math.min(latestLookMs, Math.max(soonestLookMs, halfWayMs)) };
  }

  /** Moves the log away and has the runtime open a new one; the newest rotated log stays readable as it is. */
  async #rotate({ containerId, path }: RunningLog): Promise<void> {
    const { files, runtime, clock } = this.#dependencies;
    const rotated = await this.#rotatedLogs(path);
    const excess = rotated.slice(0, Math.max(0, rotated.length - (this.#maxFiles - 2)));
    for (const old of excess) await files.removeTree(old);
    for (const old of rotated.slice(excess.length)) if (!old.endsWith(".gz")) await files.compress(old);
    const target = `${path}.${timestamp(clock.now())}`;
    await files.rename(path, target);
    try {
      await runtime.reopenContainerLog(containerId);
    } catch (error) {
      // The runtime still writes to the moved file: it gets its old name back.
      await files.rename(target, path);
      throw error;
    }
  }

  /** Oldest first. */
  async #rotatedLogs(path: string): Promise<string[]> {
    const slash = path.lastIndexOf("/");
    const [directory, prefix] = [path.slice(0, slash), `${path.slice(slash + 1)}.`];
    const names = await this.#dependencies.files.listDirectory(directory);
    return names
      .filter((name) => name.startsWith(prefix) && !name.endsWith(".tmp"))
      .sort()
      .map((name) => `${directory}/${name}`);
  }
}

/** "20260102-030405", by which upstream names rotated logs. */
function timestamp(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
}
