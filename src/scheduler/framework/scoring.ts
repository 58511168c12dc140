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
  readonly #scratch: Float64Array[] = [];

  constructor(plugins: readonly Plugin[], columns: SharedColumns, random: Random) {
    this.#plugins = plugins.filter(({ score }) => score !== undefined);
    this.#columns = columns;
    this.#random = random;
  }

  /** The node with the highest sum; one of them at random where there are several. */
  choose(pod: PodInfo, table: NodeTable, feasible: FeasibleNodes): Choice {
    const { count } = feasible;
    if (count === 1) return { row: feasible.rows[0] ?? 0, total: 0, scores: {} };
    const totals = this.#emptyTotals(table.capacity, count);
    const shares: { readonly name: string; readonly scores: Float64Array }[] = [];
    for (const plugin of this.#plugins) {
      const state = plugin.preScore?.(pod, table, feasible);
      if (state === skip) continue;
      const scores = this.#scratchFor(shares.length, table.capacity);
      this.#score(plugin, state, pod, table, feasible, scores);
      plugin.normalize?.(state, scores, feasible);
      const { weight = 1 } = plugin;
      for (let at = 0; at < count; at++) totals[at] = (totals[at] ?? 0) + weight * (scores[at] ?? 0);
      shares.push({ name: plugin.name, scores });
    }
    const at = this.#best(totals, count);
    const weights = new Map(this.#plugins.map(({ name, weight = 1 }) => [name, weight]));
    return {
      row: feasible.rows[at] ?? 0,
      total: totals[at] ?? 0,
      scores: Object.fromEntries(
        shares.map(({ name, scores }) => [name, (scores[at] ?? 0) * (weights.get(name) ?? 1)]),
      ),
    };
  }

  #score(
    plugin: Plugin,
    state: unknown,
    pod: PodInfo,
    table: NodeTable,
    { rows, count }: FeasibleNodes,
    scores: Float64Array,
  ): void {
    const shared = this.#columns.scores(plugin, state, pod);
    for (let at = 0; at < count; at++) {
      const row = rows[at] ?? 0;
      if (shared !== undefined) scores[at] = shared[row] ?? 0;
      else {
        const node = table.at(row);
        scores[at] = node === undefined ? 0 : (plugin.score?.(state, node) ?? 0);
      }
    }
  }

  #best(totals: Float64Array, count: number): number {
    let most = Number.NEGATIVE_INFINITY;
    let ties = 0;
    for (let at = 0; at < count; at++) {
      const total = totals[at] ?? 0;
      if (total > most) {
        most = total;
        ties = 1;
      } else if (total === most) ties++;
    }
    let skipped = ties > 1 ? randomBelow(this.#random, ties) : 0;
    for (let at = 0; at < count; at++) if (totals[at] === most && skipped-- === 0) return at;
    return 0;
  }

  #emptyTotals(capacity: number, count: number): Float64Array {
    if (this.#totals.length < capacity) this.#totals = new Float64Array(capacity);
    this.#totals.fill(0, 0, count);
    return this.#totals;
  }

  #scratchFor(index: number, capacity: number): Float64Array {
    const known = this.#scratch[index];
    if (known !== undefined && known.length >= capacity) return known;
    const fresh = new Float64Array(capacity);
    this.#scratch[index] = fresh;
    return fresh;
  }
}
