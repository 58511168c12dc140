import { readFile } from "node:fs/promises";
import type { NodeUsage } from "./host.ts";
import { diskSpace } from "./linux-files.ts";

const nanoSecondsPerTick = 1e9 / 100; // the kernel's USER_HZ, 100 on every Linux that runs containers

/** Reads what the machine uses; `root` lies on the disk of pods' volumes. */
export async function linuxUsage(root: string): Promise<NodeUsage> {
  const text = (path: string) => readFile(path, "utf8").catch(() => "");
  const [memory, cpu, paging, load, maxPid, disk] = await Promise.all([
    text("/proc/meminfo"),
    text("/proc/stat"),
    text("/proc/vmstat"),
    text("/proc/loadavg"),
    text("/proc/sys/kernel/pid_max"),
    diskSpace(root),
  ]);
  const memoryBytes = (name: string) => numberAfter(memory, `${name}:`) * 1024;
  const [total, available] = [memoryBytes("MemTotal"), memoryBytes("MemAvailable")];
  return {
    cpuNanoSeconds: busyTicks(cpu) * nanoSecondsPerTick,
    memoryAvailableBytes: available,
    memoryUsageBytes: total - memoryBytes("MemFree"),
    // What cannot be had back without writing or killing.
    memoryWorkingSetBytes: total - available,
    memoryRssBytes: memoryBytes("AnonPages"),
    pageFaults: numberAfter(paging, "pgfault"),
    majorPageFaults: numberAfter(paging, "pgmajfault"),
    processes: Number(/\d+\/(\d+)/.exec(load)?.[1] ?? 0),
    maxProcesses: Number(maxPid) || 32_768,
    disk,
  };
}

function numberAfter(text: string, name: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return Number(/\d+/.exec(line?.slice(name.length) ?? "")?.[0] ?? 0);
}

/** user, nice, system, irq, softirq and steal; not idle and iowait. */
function busyTicks(text: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (text.split("\n")[0] ?? "")
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softirq + steal;
}
