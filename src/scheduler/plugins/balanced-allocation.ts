import type { NodeTable } from "../cache/node-table.ts";
import type { PodDemand } from "../cache/resources.ts";
import { maxNodeScore, type Plugin } from "../framework/plugin.ts";
import { skip } from "../framework/status.ts";

interface Balance {
  readonly demand: PodDemand;
  readonly table: NodeTable;
}

/** Prefers nodes whose cpu and memory the pod would fill more evenly than they are filled now. */
export const balancedAllocation: Plugin<never, Balance> = {
  name: "NodeResourcesBalancedAllocation",
  preScore({ demand }, table) {
    const { milliCpu, memoryBytes } = demand.requests;
    return milliCpu === 0 && memoryBytes === 0 ? skip : { demand, table };
  },
  score({ demand: { requests }, table: { cpu, memory } }, { row }) {
    const cpuBefore = cpu.requested[row] ?? 0;
    const memoryBefore = memory.requested[row] ?? 0;
    const cpuAllocatable = cpu.allocatable[row] ?? 0;
    const memoryAllocatable = memory.allocatable[row] ?? 0;
    const before = evenness(cpuBefore, cpuAllocatable, memoryBefore, memoryAllocatable);
    const after = evenness(
      cpuBefore + requests.milliCpu,
      cpuAllocatable,
      memoryBefore + requests.memoryBytes,
      memoryAllocatable,
    );
    return maxNodeScore / 2 + Math.trunc((maxNodeScore / 2 + after - before) / 2);
  },
  scoreSharing: { dependsOn: "pods", signature: (_, { demand }) => demand.signature },
};

/** 100 where both are filled alike. For two fractions the standard deviation is half their distance. */
function evenness(cpu: number, cpuAllocatable: number, memory: number, memoryAllocatable: number): number {
  if (cpuAllocatable === 0 || memoryAllocatable === 0) return maxNodeScore;
  const cpuFraction = Math.min(1, cpu / cpuAllocatable);
  const memoryFraction = Math.min(1, memory / memoryAllocatable);
  return Math.trunc((1 - Math.abs(cpuFraction - memoryFraction) / 2) * maxNodeScore);
}
