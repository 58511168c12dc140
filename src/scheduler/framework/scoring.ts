import { type Random, randomBelow } from "../../base/random.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { FeasibleNodes, Plugin } from "./plugin.ts";
import type { SharedColumns } from "./shared-columns.ts";
import { skip } from "./status.ts";

export interface Choice {
  readonly row: number;
  readonly total: number;
  /** By plugin: its weighted share in the total. */
  readonly scores: Readonly<Record<string, number>>;
}

/** Finds the best of the feasible nodes. Its scratch memory is used again from pod to pod. */
export class Scoring {
  readonly #plugins: readonly Plugin[];
  readonly #columns: SharedColumns;
  readonly #random: Random;
  #totals = new Float64Array(0);
  /** Places among the feasible nodes that share the highest sum. */
  #ties = new Int32Array(0);
  readonly #scratch: Float64Array[] = [];

  constructor(plugins: readonly Plugin[], columns: SharedColumns, random: Random) {
    this.#plugins = plugins.filter(({ score }) => score !== undefined);
    this.#columns = columns;
    this.#random = random;
  }

  /** The node with the highest sum; one of them at random where there are several. */
  choose(pod: PodInfo, table: NodeTable, feasible: FeasibleNodes): Choice {
    const { rows, count } = feasible;
    if (count === 1) return { row: rows[0] ?? 0, total: 0, scores: {} };
    this.#reserve(table.capacity);
    const totals = this.#totals.fill(0, 0, count);
    const shares: Share[] = [];
    for (const plugin of this.#plugins) {
      const state = plugin.preScore?.(pod, table, feasible);
      if (state === skip) continue;
      const share = this.#scores(plugin, state, pod, table, feasible, shares.length);
      addWeighted(totals, feasible, share);
      shares.push(share);
    }
    const at = this.#best(totals, count);
    const row = rows[at] ?? 0;
    const scores: Record<string, number> = {};
    for (const { name, values, byRow, weight } of shares)
      scores[name] = weight * (values[byRow ? row : at] ?? 0);
    return { row, total: totals[at] ?? 0, scores };
  }

  /** One plugin's scores: the shared column as it is, or those of the feasible nodes in scratch memory. */
  #scores(
    plugin: Plugin,
    state: unknown,
    pod: PodInfo,
    table: NodeTable,
    feasible: FeasibleNodes,
    scratchIndex: number,
  ): Share {
    const { name, weight = 1 } = plugin;
    const shared = this.#columns.scores(plugin, state, pod);
    if (shared !== undefined && plugin.normalize === undefined)
      return { name, weight, values: shared, byRow: true };
    const values = this.#scratchFor(scratchIndex, table.capacity);
    const { rows, count } = feasible;
    for (let at = 0; at < count; at++) {
      const row = rows[at] ?? 0;
      if (shared !== undefined) values[at] = shared[row] ?? 0;
      else {
        const node = table.at(row);
        values[at] = node === undefined ? 0 : (plugin.score?.(state, node) ?? 0);
      }
    }
    plugin.normalize?.(state, values, feasible);
    return { name, weight, values, byRow: false };
  }

  #best(totals: Float64Array, count: number): number {
    const ties = this.#ties;
    let most = Number.NEGATIVE_INFINITY;
    let tieCount = 0;
    for (let at = 0; at < count; at++) {
      const total = totals[at] ?? 0;
      if (total < most) continue;
      if (total > most) {
        most = total;
        tieCount = 0;
      }
      ties[tieCount++] = at;
    }
    return ties[tieCount > 1 ? randomBelow(this.#random, tieCount) : 0] ?? 0;
  }

  #reserve(capacity: number): void {
    if (this.#totals.length >= capacity) return;
    this.#totals = new Float64Array(capacity);
    this.#ties = new Int32Array(capacity);
  }

  #scratchFor(index: number, capacity: number): Float64Array {
    const known = this.#scratch[index];
    if (known !== undefined && known.length >= capacity) return known;
    const fresh = new Float64Array(capacity);
    this.#scratch[index] = fresh;
    return fresh;
  }
}

/** What one plugin gives, by row of the table or by place among the feasible nodes. */
interface Share {
  readonly name: string;
  readonly weight: number;
  readonly values: Float64Array;
  readonly byRow: boolean;
}

function addWeighted(totals: Float64Array, { rows, count }: FeasibleNodes, share: Share): void {
  const { values, weight, byRow } = share;
  if (byRow)
    for (let at = 0; at < count; at++) totals[at] = (totals[at] ?? 0) + weight * (values[rows[at] ?? 0] ?? 0);
  else for (let at = 0; at < count; at++) totals[at] = (totals[at] ?? 0) + weight * (values[at] ?? 0);
}
