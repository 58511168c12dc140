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

const minMemoryBytes = 100 * 2 ** 20;
const minDiskShare = 0.1;
const minInodeShare = 0.05;
const minPidShare = 0.05;

/** Compares what is left with upstream's hard eviction thresholds. */
export function shortagesOf({ memoryAvailableBytes, disk, processes, maxProcesses }: NodeUsage): Shortage[] {
  const shortages: Shortage[] = [];
  if (memoryAvailableBytes < minMemoryBytes) {
    const available = `${Math.floor(memoryAvailableBytes / 1024)}Ki`;
    shortages.push({ signal: "memory", resource: "memory", threshold: "100Mi", available });
  }
  const minDiskBytes = Math.floor(disk.capacityBytes * minDiskShare);
  if (disk.availableBytes < minDiskBytes) {
    const available = `${Math.floor(disk.availableBytes / 1024)}Ki`;
    shortages.push({
      signal: "disk",
      resource: "ephemeral-storage",
      threshold: String(minDiskBytes),
      available,
    });
  }
  const minInodes = Math.floor(disk.inodes * minInodeShare);
  if (disk.inodes > 0 && disk.inodesFree < minInodes) {
    const available = String(disk.inodesFree);
    shortages.push({ signal: "disk", resource: "inodes", threshold: String(minInodes), available });
  }
  const minPids = Math.floor(maxProcesses * minPidShare);
  if (maxProcesses - processes < minPids) {
    const available = String(maxProcesses - processes);
    shortages.push({ signal: "pid", resource: "pids", threshold: String(minPids), available });
  }
  return shortages;
}
