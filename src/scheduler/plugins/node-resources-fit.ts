import type { Node } from "../../api/core/types.generated.ts";
import { quantityMilliValue, quantityValue } from "../../apimachinery/quantity.ts";
import { LruCache } from "../../base/lru-cache.ts";
import type { NodeTable, ResourceColumn } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { PodDemand } from "../cache/resources.ts";
import { maxNodeScore, type Plugin } from "../framework/plugin.ts";
import { type Rejection, success, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";

interface Fit {
  readonly demand: PodDemand;
  readonly table: NodeTable;
}

/** Rejects nodes that cannot hold what the pod requests; prefers those that have the most left (LeastAllocated). */
export const nodeResourcesFit: Plugin<Fit, Fit> = {
  name: "NodeResourcesFit",
  requeueOn: [
    { resource: "pods", action: "delete" },
    { resource: "pods", action: "scale-down" },
    { resource: "target", action: "scale-down" },
    { resource: "nodes", action: "add", hint: couldHold },
    { resource: "nodes", action: "update-allocatable", hint: couldHold },
  ],

  preFilter: ({ demand }, table) => ({ demand, table }),
  filter: ({ demand, table }, { row }) => fits(demand, table, row),
  detail: ({ demand, table }, { row }) =>
    shortages(demand, table, row)
      .map(({ name, wanted, left }) => `${name}: ${wanted} wanted, ${left} left`)
      .join(", "),
  filterSharing: { dependsOn: "pods", signature: (_, { demand }) => demand.signature },

  preScore: ({ demand }, table) => ({ demand, table }),
  score({ demand: { nonZero }, table }, { row }) {
    const { cpu, memory, nonZeroCpu, nonZeroMemory } = table;
    let sum = 0;
    let weights = 0;
    const cpuAllocatable = cpu.allocatable[row] ?? 0;
    if (cpuAllocatable > 0) {
      sum += freeShare(cpuAllocatable, (nonZeroCpu[row] ?? 0) + nonZero.milliCpu);
      weights++;
    }
    const memoryAllocatable = memory.allocatable[row] ?? 0;
    if (memoryAllocatable > 0) {
      sum += freeShare(memoryAllocatable, (nonZeroMemory[row] ?? 0) + nonZero.memoryBytes);
      weights++;
    }
    return weights === 0 ? 0 : Math.trunc(sum / weights);
  },
  scoreSharing: { dependsOn: "pods", signature: (_, { demand }) => demand.signature },
};

function freeShare(allocatable: number, requested: number): number {
  return requested > allocatable ? 0 : Math.trunc(((allocatable - requested) * maxNodeScore) / allocatable);
}

const tooManyPods = unschedulable("Too many pods");

/** What the node lacks, all of it; what not even the empty node has cannot be resolved by preemption. */
function fits(demand: PodDemand, table: NodeTable, row: number): Verdict {
  const full = free(table.podCount, row) < 1;
  const short = shortages(demand, table, row);
  if (short.length === 0) return full ? tooManyPods : success;
  const hopeless = short.some(({ wanted, allocatable }) => wanted > allocatable);
  return rejectionOf(
    full,
    hopeless,
    short.map(({ name }) => name),
  );
}

const rejections = new LruCache<string, Rejection>(256);

/** One value for all nodes that lack the same. */
function rejectionOf(full: boolean, hopeless: boolean, names: readonly string[]): Rejection {
  const key = `${full}/${hopeless}/${names.join(",")}`;
  return rejections.getOrCreate(key, () => {
    const reasons = [...(full ? tooManyPods.reasons : []), ...names.map((name) => `Insufficient ${name}`)];
    return hopeless ? unresolvable(...reasons) : unschedulable(...reasons);
  });
}

interface Shortage {
  readonly name: string;
  readonly wanted: number;
  readonly left: number;
  readonly allocatable: number;
}

const enough: readonly Shortage[] = [];

/** In the resource's own unit: millicores, bytes, pieces. */
function shortages({ requests }: PodDemand, table: NodeTable, row: number): readonly Shortage[] {
  const { milliCpu, memoryBytes, ephemeralBytes, scalars } = requests;
  // Nearly every node has enough of everything: found out without making anything.
  if (
    milliCpu <= free(table.cpu, row) &&
    memoryBytes <= free(table.memory, row) &&
    ephemeralBytes <= free(table.ephemeral, row) &&
    scalars.length === 0
  )
    return enough;
  const found: Shortage[] = [];
  const compare = (name: string, column: ResourceColumn | undefined, wanted: number) => {
    const left = free(column, row);
    if (wanted > 0 && wanted > left)
      found.push({ name, wanted, left, allocatable: column?.allocatable[row] ?? 0 });
  };
  compare("cpu", table.cpu, milliCpu);
  compare("memory", table.memory, memoryBytes);
  compare("ephemeral-storage", table.ephemeral, ephemeralBytes);
  for (const { name, amount } of scalars) compare(name, table.scalars.get(name), amount);
  return found;
}

function free(column: ResourceColumn | undefined, row: number): number {
  return column === undefined ? 0 : (column.allocatable[row] ?? 0) - (column.requested[row] ?? 0);
}

/** Whether the node of the event could hold the pod if it were empty. */
function couldHold({ demand }: PodInfo, { object }: { readonly object?: unknown }): boolean {
  if (object === undefined) return true;
  const { allocatable = {} } = (object as Node).status ?? {}; // nodes events carry nodes
  const { milliCpu, memoryBytes, ephemeralBytes, scalars } = demand.requests;
  return (
    quantityMilliValue(allocatable.cpu ?? "0") >= milliCpu &&
    [
      { name: "memory", amount: memoryBytes },
      { name: "ephemeral-storage", amount: ephemeralBytes },
      ...scalars,
    ].every(({ name, amount }) => amount === 0 || quantityValue(allocatable[name] ?? "0") >= amount)
  );
}
