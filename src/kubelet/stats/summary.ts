import type { Pod } from "../../api/core/types.generated.ts";
import { type Clock, rfc3339 } from "../../base/clock.ts";
import type { ContainerRuntime, ContainerStats, ImageService } from "../cri/runtime.ts";
import type { DiskSpace, Host, NodeUsage } from "../host/host.ts";
import { runtimeLabels } from "../runtime-pod.ts";

/** What `/stats/summary` answers (upstream's stats/v1alpha1): the parts that are measured here. */
export interface Summary {
  readonly node: NodeStats;
  readonly pods: readonly PodStats[];
}

export interface CpuStats {
  readonly time: string;
  readonly usageNanoCores?: number;
  readonly usageCoreNanoSeconds: number;
}

export interface MemoryStats {
  readonly time: string;
  readonly availableBytes?: number;
  readonly usageBytes?: number;
  readonly workingSetBytes?: number;
  readonly rssBytes?: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
}

export interface FsStats {
  readonly time: string;
  readonly availableBytes?: number;
  readonly capacityBytes?: number;
  readonly usedBytes?: number;
  readonly inodesFree?: number;
  readonly inodes?: number;
  readonly inodesUsed?: number;
}

export interface NodeStats {
  readonly nodeName: string;
  readonly startTime: string;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  readonly fs: FsStats;
  readonly runtime: { readonly imageFs: FsStats };
  readonly rlimit: { readonly time: string; readonly maxpid: number; readonly curproc: number };
}

export interface ContainerSummary {
  readonly name: string;
  readonly startTime: string;
  readonly cpu?: CpuStats;
  readonly memory?: MemoryStats;
  readonly rootfs?: FsStats;
}

export interface PodStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime: string;
  readonly containers: readonly ContainerSummary[];
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
}

export interface StatsDependencies {
  readonly runtime: ContainerRuntime;
  readonly images: ImageService;
  readonly host: Host;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly pods: () => readonly Pod[];
}

/** Measures what node, pods and containers use, when asked. */
export class StatsProvider {
  readonly #dependencies: StatsDependencies;
  readonly #startedAtMs: number;
  #lastCpu: { readonly atMs: number; readonly nanoSeconds: number } | undefined;

  constructor(dependencies: StatsDependencies) {
    this.#dependencies = dependencies;
    this.#startedAtMs = dependencies.clock.now();
  }

  async summary(): Promise<Summary> {
    const { runtime, images, host, clock } = this.#dependencies;
    const [usage, containers, imageFs] = await Promise.all([
      host.usage(),
      runtime.listContainerStats(),
      images.imageFsInfo(),
    ]);
    const time = rfc3339(clock.now());
    const usedImageBytes = imageFs.imageFilesystems[0]?.usedBytes ?? 0;
    return { node: this.#node(usage, usedImageBytes, time), pods: this.#pods(containers, time) };
  }

  #node(usage: NodeUsage, usedImageBytes: number, time: string): NodeStats {
    const now = this.#dependencies.clock.now();
    const { cpuNanoSeconds, disk } = usage;
    const last = this.#lastCpu;
    this.#lastCpu = { atMs: now, nanoSeconds: cpuNanoSeconds };
    const passedMs = last === undefined ? 0 : now - last.atMs;
    const nanoCores =
      last === undefined || passedMs === 0
        ? undefined
        : Math.round(((cpuNanoSeconds - last.nanoSeconds) / passedMs) * 1000);
    const fs = fsStats(disk, time);
    return {
      nodeName: this.#dependencies.nodeName,
      startTime: rfc3339(this.#startedAtMs),
      cpu: {
        time,
        ...(nanoCores === undefined ? {} : { usageNanoCores: nanoCores }),
        usageCoreNanoSeconds: cpuNanoSeconds,
      },
      memory: {
        time,
        availableBytes: usage.memoryAvailableBytes,
        usageBytes: usage.memoryUsageBytes,
        workingSetBytes: usage.memoryWorkingSetBytes,
        rssBytes: usage.memoryRssBytes,
        pageFaults: usage.pageFaults,
        majorPageFaults: usage.majorPageFaults,
      },
      fs,
      runtime: { imageFs: { ...fs, usedBytes: usedImageBytes } },
      rlimit: { time, maxpid: usage.maxProcesses, curproc: usage.processes },
    };
  }

  #pods(stats: readonly ContainerStats[], time: string): PodStats[] {
    const byPod = new Map<string, ContainerStats[]>();
    for (const container of stats) {
      const uid = container.labels[runtimeLabels.podUid];
      if (uid === undefined) continue;
      byPod.set(uid, [...(byPod.get(uid) ?? []), container]);
    }
    return this.#dependencies.pods().flatMap((pod) => {
      const { uid = "" } = pod.metadata;
      const containers = byPod.get(uid);
      return containers === undefined ? [] : [podStats(pod, containers, time)];
    });
  }
}

function podStats(pod: Pod, containers: readonly ContainerStats[], time: string): PodStats {
  const { name = "", namespace = "", uid = "" } = pod.metadata;
  const sum = (of: (container: ContainerStats) => number | undefined) =>
    containers.reduce((total, container) => total + (of(container) ?? 0), 0);
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? time,
    containers: containers.map((container) => containerSummary(pod, container, time)),
    cpu: {
      time,
      usageNanoCores: sum(({ cpu }) => cpu?.usageNanoCores),
      usageCoreNanoSeconds: sum(({ cpu }) => cpu?.usageCoreNanoSeconds),
    },
    memory: {
      time,
      usageBytes: sum(({ memory }) => memory?.usageBytes),
      workingSetBytes: sum(({ memory }) => memory?.workingSetBytes),
      rssBytes: sum(({ memory }) => memory?.rssBytes),
    },
  };
}

function containerSummary(
  pod: Pod,
  { metadata, cpu, memory, writableLayer }: ContainerStats,
  time: string,
): ContainerSummary {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === metadata.name);
  const measured = <T extends { readonly timestampMs: number }>({ timestampMs, ...rest }: T) => ({
    time: rfc3339(timestampMs),
    ...rest,
  });
  return {
    name: metadata.name,
    startTime: status?.state?.running?.startedAt ?? time,
    ...(cpu === undefined ? {} : { cpu: measured(cpu) }),
    ...(memory === undefined ? {} : { memory: measured(memory) }),
    ...(writableLayer === undefined
      ? {}
      : {
          rootfs: {
            time: rfc3339(writableLayer.timestampMs),
            usedBytes: writableLayer.usedBytes,
            inodesUsed: writableLayer.inodesUsed,
          },
        }),
  };
}

function fsStats({ capacityBytes, availableBytes, inodes, inodesFree }: DiskSpace, time: string): FsStats {
  return {
    time,
    availableBytes,
    capacityBytes,
    usedBytes: capacityBytes - availableBytes,
    inodes,
    inodesFree,
    inodesUsed: inodes - inodesFree,
  };
}
