import { containerMetadata } from "./config-messages.ts";
import { int, message, nested, nestedList, string, stringMap } from "./protobuf.ts";

/** What CRI v1 tells of the resources that are used. */

const uint64Value = message({ value: int(1) });
export const filesystemUsage = message({
  timestamp: int(1),
  fsId: nested(2, message({ mountpoint: string(1) })),
  usedBytes: nested(3, uint64Value),
  inodesUsed: nested(4, uint64Value),
});
const cpuUsage = message({
  timestamp: int(1),
  usageCoreNanoSeconds: nested(2, uint64Value),
  usageNanoCores: nested(3, uint64Value),
});
const memoryUsage = message({
  timestamp: int(1),
  workingSetBytes: nested(2, uint64Value),
  availableBytes: nested(3, uint64Value),
  usageBytes: nested(4, uint64Value),
  rssBytes: nested(5, uint64Value),
  pageFaults: nested(6, uint64Value),
  majorPageFaults: nested(7, uint64Value),
});
export const containerStats = message({
  attributes: nested(
    1,
    message({
      id: string(1),
      metadata: nested(2, containerMetadata),
      labels: stringMap(3),
      annotations: stringMap(4),
    }),
  ),
  cpu: nested(2, cpuUsage),
  memory: nested(3, memoryUsage),
  writableLayer: nested(4, filesystemUsage),
});
const interfaceUsage = message({
  name: string(1),
  rxBytes: nested(2, uint64Value),
  rxErrors: nested(3, uint64Value),
  txBytes: nested(4, uint64Value),
  txErrors: nested(5, uint64Value),
});
export const podSandboxStats = message({
  attributes: nested(1, message({ id: string(1) })),
  linux: nested(
    2,
    message({
      cpu: nested(1, cpuUsage),
      memory: nested(2, memoryUsage),
      network: nested(
        3,
        message({
          timestamp: int(1),
          defaultInterface: nested(2, interfaceUsage),
          interfaces: nestedList(3, interfaceUsage),
        }),
      ),
      process: nested(4, message({ timestamp: int(1), processCount: nested(2, uint64Value) })),
      containers: nestedList(5, containerStats),
    }),
  ),
});

export type WireFilesystemUsage = typeof filesystemUsage;
export type WireCpuUsage = typeof cpuUsage;
export type WireMemoryUsage = typeof memoryUsage;
