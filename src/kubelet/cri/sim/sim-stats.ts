import type { ContainerStats } from "../runtime.ts";
import type { SimContainer } from "./sim-container.ts";

/** What a container's statistics tell: its declared use of CPU for as long as it has run, and of memory. */
export function statsOf(container: SimContainer, nowMs: number): ContainerStats {
  const { cpuNanoCores = 1_000_000, memoryBytes = 10_000_000 } = container.behavior;
  const ranMs = container.startedAtMs === 0 ? 0 : (container.finishedAtMs || nowMs) - container.startedAtMs;
  return {
    id: container.id,
    metadata: container.config.metadata,
    labels: container.config.labels ?? {},
    cpu: {
      timestampMs: nowMs,
      usageCoreNanoSeconds: (ranMs / 1000) * cpuNanoCores,
      usageNanoCores: cpuNanoCores,
    },
    memory: {
      timestampMs: nowMs,
      workingSetBytes: memoryBytes,
      usageBytes: memoryBytes,
      rssBytes: memoryBytes,
    },
    writableLayer: { timestampMs: nowMs, mountpoint: "/", usedBytes: 4096, inodesUsed: 1 },
  };
}
