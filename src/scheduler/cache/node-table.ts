import type { Node } from "../../api/core/types.generated.ts";
import { parseQuantity, quantityMilliValue, quantityValue } from "../../apimachinery/quantity.ts";
import { ChangeLog } from "./change-log.ts";
import { imageSizes, NodeInfo, unknownNode } from "./node-info.ts";
import { PodCounts } from "./pod-counts.ts";
import type { PodInfo } from "./pod-info.ts";
import { isScalar } from "./resources.ts";
import { TermHolders } from "./term-holders.ts";
import { Topology } from "./topology.ts";

/** One resource of all nodes, by row. */
export interface ResourceColumn {
  allocatable: Float64Array;
  /** The sum over the pods of the node. */
  requested: Float64Array;
}

const firstCapacity = 64;

/**
 * All nodes as columns: a row a node, freed rows are used again. The amounts that are compared for every pod stand in typed
 * arrays, so that a pass over thousands of nodes touches a few kilobytes. Units: millicores, bytes, pods.
 */
export class NodeTable {
  #capacity = firstCapacity;
  readonly #byName = new Map<string, NodeInfo>();
  readonly #freeRows: number[] = [];
  readonly #infos: (NodeInfo | undefined)[] = [];
  readonly #imageNodes = new Map<string, number>();
  #preferTaintedNodes = 0;
  /** Rows of known nodes, as of this position of the node changes. */
  #presentRows = new Int32Array(0);
  #presentAt = 0;
  #nodeCount = 0;
  /** 1 where the node object is known. */
  present = new Uint8Array(firstCapacity);
  readonly cpu = newColumn();
  readonly memory = newColumn();
  readonly ephemeral = newColumn();
  readonly podCount = newColumn();
  readonly scalars = new Map<string, ResourceColumn>();
  nonZeroCpu = new Float64Array(firstCapacity);
  nonZeroMemory = new Float64Array(firstCapacity);
  /** Rows whose node object changed. */
  readonly nodeChanges = new ChangeLog();
  /** Rows whose node object or pods changed. */
  readonly podChanges = new ChangeLog();
  readonly topology = new Topology(this);
  readonly podCounts = new PodCounts(this);
  readonly termHolders = new TermHolders();

  /** Rows are below this. */
  get rows(): number {
    return this.#infos.length;
  }

  /** Length of every column. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Nodes whose object is known. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  /** Nodes with a taint that asks pods to stay away if they can. */
  get preferTaintedNodes(): number {
    return this.#preferTaintedNodes;
  }

  /** How many nodes have an image of that name. */
  nodesWithImage(name: string): number {
    return this.#imageNodes.get(name) ?? 0;
  }

  get(name: string): NodeInfo | undefined {
    const info = this.#byName.get(name);
    return info !== undefined && this.present[info.row] === 1 ? info : undefined;
  }

  at(row: number): NodeInfo | undefined {
    return this.#infos[row];
  }

  /** Writes the rows of all known nodes into `rows` and says how many there are. */
  copyPresent(rows: Int32Array): number {
    if (this.#presentAt !== this.nodeChanges.position) {
      const found: number[] = [];
      for (let row = 0; row < this.rows; row++) if (this.present[row] === 1) found.push(row);
      this.#presentRows = Int32Array.from(found);
      this.#presentAt = this.nodeChanges.position;
    }
    rows.set(this.#presentRows);
    return this.#presentRows.length;
  }

  setNode(node: Node): NodeInfo {
    const info = this.#rowOf(node.metadata.name ?? "");
    const { row } = info;
    if (this.present[row] === 1) this.#forgetObject(info);
    this.present[row] = 1;
    this.#nodeCount++;
    info.node = node;
    info.images = imageSizes(node);
    for (const name of info.images.keys()) this.#imageNodes.set(name, this.nodesWithImage(name) + 1);
    if (hasPreferTaint(node)) this.#preferTaintedNodes++;
    this.#setAllocatable(row, node.status?.allocatable ?? {});
    this.#changedNode(row);
    return info;
  }

  removeNode(name: string): void {
    const info = this.#byName.get(name);
    if (info === undefined || this.present[info.row] === 0) return;
    this.#forgetObject(info);
    info.node = unknownNode(name);
    info.images = new Map();
    this.#setAllocatable(info.row, {});
    this.#changedNode(info.row);
    this.#release(info);
  }

  addPod(nodeName: string, pod: PodInfo): NodeInfo {
    const info = this.#rowOf(nodeName);
    info.pods.set(pod.uid, pod);
    for (const port of pod.hostPorts) info.usedPorts.add(port);
    this.#charge(info.row, pod, 1);
    return info;
  }

  removePod(nodeName: string, pod: PodInfo): void {
    const info = this.#byName.get(nodeName);
    if (info === undefined || !info.pods.delete(pod.uid)) return;
    for (const port of pod.hostPorts) info.usedPorts.remove(port);
    this.#charge(info.row, pod, -1);
    this.#release(info);
  }

  #charge(row: number, { demand, affinity }: PodInfo, sign: 1 | -1): void {
    if (affinity !== undefined) this.termHolders.change(affinity, row, sign, this.#capacity);
    const { requests, nonZero } = demand;
    raise(this.cpu.requested, row, sign * requests.milliCpu);
    raise(this.memory.requested, row, sign * requests.memoryBytes);
    raise(this.ephemeral.requested, row, sign * requests.ephemeralBytes);
    raise(this.podCount.requested, row, sign);
    for (const { name, amount } of requests.scalars) raise(this.#scalar(name).requested, row, sign * amount);
    raise(this.nonZeroCpu, row, sign * nonZero.milliCpu);
    raise(this.nonZeroMemory, row, sign * nonZero.memoryBytes);
    this.podChanges.push(row);
  }

  #setAllocatable(row: number, allocatable: Readonly<Record<string, string>>): void {
    const { cpu, memory, pods, "ephemeral-storage": ephemeral } = allocatable;
    this.cpu.allocatable[row] = cpu === undefined ? 0 : quantityMilliValue(cpu);
    this.memory.allocatable[row] = memory === undefined ? 0 : quantityValue(memory);
    this.ephemeral.allocatable[row] = ephemeral === undefined ? 0 : quantityValue(ephemeral);
    this.podCount.allocatable[row] = pods === undefined ? 0 : quantityValue(pods);
    for (const column of this.scalars.values()) column.allocatable[row] = 0;
    for (const name in allocatable)
      if (isScalar(name)) {
        const amount = quantityValue(parseQuantity(allocatable[name] ?? "0"));
        this.#scalar(name).allocatable[row] = amount;
      }
  }

  #forgetObject({ row, node, images }: NodeInfo): void {
    this.present[row] = 0;
    this.#nodeCount--;
    for (const name of images.keys()) {
      const left = this.nodesWithImage(name) - 1;
      if (left > 0) this.#imageNodes.set(name, left);
      else this.#imageNodes.delete(name);
    }
    if (hasPreferTaint(node)) this.#preferTaintedNodes--;
  }

  #rowOf(name: string): NodeInfo {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const row = this.#freeRows.pop() ?? this.#infos.length;
    const info = new NodeInfo(name, row);
    this.#infos[row] = info;
    if (row >= this.#capacity) this.#grow();
    this.#byName.set(name, info);
    return info;
  }

  /** A row is free once there is neither a node nor a pod in it. */
  #release({ name, row, pods }: NodeInfo): void {
    if (this.present[row] === 1 || pods.size > 0) return;
    this.#byName.delete(name);
    this.#infos[row] = undefined;
    this.#freeRows.push(row);
  }

  #scalar(name: string): ResourceColumn {
    let column = this.scalars.get(name);
    if (column === undefined) {
      column = newColumn(this.#capacity);
      this.scalars.set(name, column);
    }
    return column;
  }

  #changedNode(row: number): void {
    this.nodeChanges.push(row);
    this.podChanges.push(row);
  }

  #grow(): void {
    this.#capacity *= 2;
    const { cpu, memory, ephemeral, podCount } = this;
    for (const column of [cpu, memory, ephemeral, podCount, ...this.scalars.values()]) {
      column.allocatable = grown(column.allocatable, this.#capacity);
      column.requested = grown(column.requested, this.#capacity);
    }
    this.nonZeroCpu = grown(this.nonZeroCpu, this.#capacity);
    this.nonZeroMemory = grown(this.nonZeroMemory, this.#capacity);
    const present = new Uint8Array(this.#capacity);
    present.set(this.present);
    this.present = present;
  }
}

function newColumn(capacity = firstCapacity): ResourceColumn {
  return { allocatable: new Float64Array(capacity), requested: new Float64Array(capacity) };
}

function grown(column: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(capacity);
  larger.set(column);
  return larger;
}

function raise(column: Float64Array, row: number, amount: number): void {
  column[row] = (column[row] ?? 0) + amount;
}

function hasPreferTaint(node: Node): boolean {
  return node.spec.taints?.some(({ effect }) => effect === "PreferNoSchedule") ?? false;
}
