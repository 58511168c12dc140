import type { NodeUsage } from "../host/host.ts";

export type PressureSignal = "memory" | "disk" | "pid";

/** What runs short on the node, with the words of an eviction message. */
export interface Shortage {
  readonly signal: PressureSignal;
  /** "memory", "ephemeral-storage", "inodes", "pids". */
  readonly resource: string;
  readonly threshold: string;
  readonly available: string;
}

/** Below these the node is short of something. */
export interface EvictionThresholds {
  readonly memoryBytes: number;
  /** Of the disk's capacity, 0 to 1. */
  readonly diskShare: number;
  readonly inodeShare: number;
  readonly pidShare: number;
}

/** Upstream's `evictionHard`. */
export const defaultThresholds: EvictionThresholds = {
  memoryBytes: 100 * 2 ** 20,
  diskShare: 0.1,
  inodeShare: 0.05,
  pidShare: 0.05,
};

/** Compares what is left with the thresholds. */
export function shortagesOf(
  { memoryAvailableBytes, disk, processes, maxProcesses }: NodeUsage,
  thresholds: EvictionThresholds = defaultThresholds,
): Shortage[] {
  const shortages: Shortage[] = [];
  if (memoryAvailableBytes < thresholds.memoryBytes) {
    const available = `${Math.floor(memoryAvailableBytes / 1024)}Ki`;
    shortages.push({
      signal: "memory",
      resource: "memory",
      threshold: `${thresholds.memoryBytes / 2 ** 20}Mi`,
      available,
    });
  }
  const minDiskBytes = Math.floor(disk.capacityBytes * thresholds.diskShare);
  if (disk.availableBytes < minDiskBytes) {
    const available = `${Math.floor(disk.availableBytes / 1024)}Ki`;
    shortages.push({
      signal: "disk",
      resource: "ephemeral-storage",
      threshold: String(minDiskBytes),
      available,
    });
  }
  const minInodes = Math.floor(disk.inodes * thresholds.inodeShare);
  if (disk.inodes > 0 && disk.inodesFree < minInodes) {
    const available = String(disk.inodesFree);
    shortages.push({ signal: "disk", resource: "inodes", threshold: String(minInodes), available });
  }
  const minPids = Math.floor(maxProcesses * thresholds.pidShare);
  if (maxProcesses - processes < minPids) {
    const available = String(maxProcesses - processes);
    shortages.push({ signal: "pid", resource: "pids", threshold: String(minPids), available });
  }
  return shortages;
}
