import type { NodeInfo } from "../cache/node-info.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { FeasibleNodes, Plugin } from "./plugin.ts";
import type { SharedColumns, VerdictColumn } from "./shared-columns.ts";
import { Rejection, skip } from "./status.ts";

/** A filter that has something to say of this pod. */
export interface ActiveFilter {
  readonly plugin: Plugin;
  readonly state: unknown;
  readonly column: VerdictColumn | undefined;
}

/** What the pre-filters worked out, or the one that refused the pod for every node. */
export interface PreFiltered {
  readonly filters: readonly ActiveFilter[];
  readonly refusal?: { readonly plugin: string; readonly rejection: Rejection };
  /** The only nodes that can do, with the plugins that say so; absent: any. */
  readonly only?: { readonly names: ReadonlySet<string>; readonly plugins: readonly string[] };
}

/** Runs the pre-filters. With `columns` the shared verdicts are brought up to date on the way. */
export function runPreFilters(
  plugins: readonly Plugin[],
  pod: PodInfo,
  table: NodeTable,
  columns?: SharedColumns,
): PreFiltered {
  const filters: ActiveFilter[] = [];
  let names: ReadonlySet<string> | undefined;
  const restricting: string[] = [];
  for (const plugin of plugins) {
    const state = plugin.preFilter?.(pod, table);
    if (state === skip) continue;
    if (state instanceof Rejection)
      return { filters: [], refusal: { plugin: plugin.name, rejection: state } };
    const only = plugin.onlyNodes?.(state, pod);
    if (only !== undefined) {
      names = names?.intersection(only) ?? only;
      restricting.push(plugin.name);
    }
    if (plugin.filter !== undefined)
      filters.push({ plugin, state, column: columns?.verdicts(plugin, state, pod) });
  }
  return { filters, ...(names === undefined ? {} : { only: { names, plugins: restricting } }) };
}

/** Which nodes pass, and for every other the filter that rejected it first. Reused from pod to pod. */
export class FilterPass implements FeasibleNodes {
  rows = new Int32Array(0);
  count = 0;
  /** Nodes that were looked at. */
  evaluated = 0;
  #filters: readonly ActiveFilter[] = [];
  /** By row: which filter rejected it, counted from 1; 0: none. */
  #rejectedBy = new Uint8Array(0);
  /** By row: the rejections of filters that share nothing. */
  #rejections: Rejection[] = [];
  /** Rows that are kept for others. */
  readonly #excluded = new Map<number, { readonly plugin: string; readonly rejection: Rejection }>();
  /** By filter: how many nodes it rejected. */
  rejectionCounts: number[] = [];

  run(table: NodeTable, { filters, only }: PreFiltered): void {
    if (this.rows.length < table.capacity) {
      this.rows = new Int32Array(table.capacity);
      this.#rejectedBy = new Uint8Array(table.capacity);
    }
    this.#filters = filters;
    this.#rejectedBy.fill(0);
    this.#rejections = [];
    this.#excluded.clear();
    this.rejectionCounts = new Array<number>(filters.length).fill(0);
    this.count = only === undefined ? table.copyPresent(this.rows) : this.#copyNamed(table, only.names);
    this.evaluated = this.count;
    for (const [index, filter] of filters.entries()) {
      if (this.count === 0) return;
      if (filter.column === undefined) this.#ask(table, filter, index);
      else if (filter.column.rejectedCount > 0) this.#strike(filter.column.codes, index);
    }
  }

  #copyNamed(table: NodeTable, names: ReadonlySet<string>): number {
    let count = 0;
    for (const name of names) {
      const node = table.get(name);
      if (node !== undefined) this.rows[count++] = node.row;
    }
    return count;
  }

  /** Why a row that was looked at does not do. */
  rejectionAt(row: number): { readonly plugin: string; readonly rejection: Rejection } | undefined {
    const filter = this.#filters[(this.#rejectedBy[row] ?? 0) - 1];
    if (filter === undefined) return this.#excluded.get(row);
    const rejection = filter.column?.rejectionAt(row) ?? this.#rejections[row];
    return rejection && { plugin: filter.plugin.name, rejection };
  }

  /** What the filter that rejected a node says of it beyond its reason. */
  detailAt(node: NodeInfo): string | undefined {
    const filter = this.#filters[(this.#rejectedBy[node.row] ?? 0) - 1];
    return filter?.plugin.detail?.(filter.state, node);
  }

  /** Names of the filters that rejected at least one node, with how many. */
  *rejectingPlugins(): Generator<readonly [name: string, nodes: number]> {
    for (const [index, { plugin }] of this.#filters.entries()) {
      const nodes = this.rejectionCounts[index] ?? 0;
      if (nodes > 0) yield [plugin.name, nodes];
    }
    for (const { plugin } of this.#excluded.values()) yield [plugin, 1];
  }

  /** Takes a row out that passed the filters by themselves. */
  exclude(row: number, plugin: string, rejection: Rejection): void {
    const at = this.rows.subarray(0, this.count).indexOf(row);
    if (at < 0) return;
    this.rows[at] = this.rows[--this.count] ?? 0;
    this.#excluded.set(row, { plugin, rejection });
  }

  /** Leaves this one row of those that passed; false where it is none of them. */
  keepOnly(row: number): boolean {
    if (!this.rows.subarray(0, this.count).includes(row)) return false;
    this.rows[0] = row;
    this.count = 1;
    return true;
  }

  /** Takes out what a shared column rejects. */
  #strike(codes: Uint16Array, filterIndex: number): void {
    const { rows, count } = this;
    const rejectedBy = this.#rejectedBy;
    let kept = 0;
    for (let at = 0; at < count; at++) {
      const row = rows[at] ?? 0;
      if (codes[row] === 0) rows[kept++] = row;
      else rejectedBy[row] = filterIndex + 1;
    }
    this.rejectionCounts[filterIndex] = count - kept;
    this.count = kept;
  }

  /** Takes out what the filter itself rejects, asked node by node. */
  #ask(table: NodeTable, { plugin, state }: ActiveFilter, filterIndex: number): void {
    const { rows, count } = this;
    let kept = 0;
    for (let at = 0; at < count; at++) {
      const row = rows[at] ?? 0;
      const node = table.at(row);
      const verdict = node === undefined ? undefined : plugin.filter?.(state, node);
      if (verdict instanceof Rejection) {
        this.#rejectedBy[row] = filterIndex + 1;
        this.#rejections[row] = verdict;
      } else rows[kept++] = row;
    }
    this.rejectionCounts[filterIndex] = count - kept;
    this.count = kept;
  }
}
