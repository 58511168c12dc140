import { LruCache } from "../../base/lru-cache.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Plugin, Sharing } from "./plugin.ts";
import { Rejection } from "./status.ts";

/** Columns kept at a time; each holds a few bytes a node. */
const columnLimit = 256;
const largestCode = 0xffff;

/** The verdicts of one filter on all nodes: 0 passes, any other number names a rejection. */
export class VerdictColumn {
  codes: Uint16Array;
  readonly rejections: Rejection[] = [];
  /** How many rows are rejected. */
  rejectedCount = 0;
  readonly #codeOf = new Map<string, number>();
  /** The last one and its code: neighbours are mostly rejected alike. */
  #last: Rejection | undefined;
  #lastCode = 0;

  constructor(capacity: number) {
    this.codes = new Uint16Array(capacity);
  }

  set(row: number, rejection: Rejection): void {
    if (rejection !== this.#last) {
      this.#last = rejection;
      this.#lastCode = this.#code(rejection);
    }
    if (this.codes[row] === 0) this.rejectedCount++;
    this.codes[row] = this.#lastCode;
  }

  #code(rejection: Rejection): number {
    const key = `${rejection.code}\n${rejection.message}`;
    const known = this.#codeOf.get(key);
    if (known !== undefined) return known;
    // Past so many different reasons the last one stands for the rest.
    if (this.rejections.length < largestCode) this.rejections.push(rejection);
    this.#codeOf.set(key, this.rejections.length);
    return this.rejections.length;
  }

  pass(row: number): void {
    if (this.codes[row] !== 0) this.rejectedCount--;
    this.codes[row] = 0;
  }

  rejectionAt(row: number): Rejection | undefined {
    return this.rejections[(this.codes[row] ?? 0) - 1];
  }
}

interface Kept<C> {
  readonly column: C;
  /** Changes of the table up to here are in the column. */
  position: number;
}

/**
 * Verdicts and scores that depend on a node and a text alone, kept between pods: the pods of a Deployment ask the same
 * question of every node, and only the nodes that changed since can answer differently.
 */
export class SharedColumns {
  readonly #table: NodeTable;
  readonly #verdicts = new LruCache<string, Kept<VerdictColumn>>(columnLimit);
  readonly #scores = new LruCache<string, Kept<{ values: Float64Array }>>(columnLimit);

  constructor(table: NodeTable) {
    this.#table = table;
  }

  verdicts<F>(plugin: Plugin<F>, state: F, pod: PodInfo): VerdictColumn | undefined {
    const { filterSharing: sharing } = plugin;
    const signature = sharing?.signature(state, pod);
    if (sharing === undefined || signature === undefined) return undefined;
    const table = this.#table;
    const kept = this.#verdicts.getOrCreate(`${plugin.name}\n${signature}`, () =>
      unfilled(new VerdictColumn(0)),
    );
    const { column } = kept;
    if (column.codes.length < table.capacity) {
      const codes = new Uint16Array(table.capacity);
      codes.set(column.codes);
      column.codes = codes;
    }
    this.#refresh(kept, sharing, (row) => judge(plugin, state, table, row, column));
    return column;
  }

  scores<S>(plugin: Plugin<unknown, S>, state: S, pod: PodInfo): Float64Array | undefined {
    const { scoreSharing: sharing } = plugin;
    const signature = sharing?.signature(state, pod);
    if (sharing === undefined || signature === undefined) return undefined;
    const table = this.#table;
    const kept = this.#scores.getOrCreate(`${plugin.name}\n${signature}`, () =>
      unfilled({ values: new Float64Array(0) }),
    );
    const { column } = kept;
    if (column.values.length < table.capacity) {
      const values = new Float64Array(table.capacity);
      values.set(column.values);
      column.values = values;
    }
    this.#refresh(kept, sharing, (row) => {
      const node = table.at(row);
      if (node !== undefined && table.present[row] === 1)
        column.values[row] = plugin.score?.(state, node) ?? 0;
    });
    return column.values;
  }

  #refresh<S>(kept: Kept<unknown>, { dependsOn }: Sharing<S>, renew: (row: number) => void): void {
    const table = this.#table;
    const changes = dependsOn === "node" ? table.nodeChanges : table.podChanges;
    if (!changes.since(kept.position, renew)) for (let row = 0; row < table.rows; row++) renew(row);
    kept.position = changes.position;
  }
}

function judge<F>(plugin: Plugin<F>, state: F, table: NodeTable, row: number, column: VerdictColumn): void {
  const node = table.at(row);
  const isPresent = node !== undefined && table.present[row] === 1;
  const verdict = isPresent ? plugin.filter?.(state, node) : undefined;
  if (verdict instanceof Rejection) column.set(row, verdict);
  else column.pass(row);
}

/** Behind any ring: a new column is worked out whole. */
const unfilled = <C>(column: C): Kept<C> => ({ column, position: Number.NEGATIVE_INFINITY });
