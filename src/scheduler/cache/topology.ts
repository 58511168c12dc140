import { LruCache } from "../../base/lru-cache.ts";
import type { Rows } from "./rows.ts";

/** The values of one node label, as numbers: nodes of one domain have the same. */
export interface TopologyColumn {
  /** By row; -1 where the node has no such label. */
  readonly domains: Int32Array;
  /** Domains are below this. */
  readonly domainCount: number;
}

interface Kept {
  domains: Int32Array;
  readonly ids: Map<string, number>;
  position: number;
}

const columnLimit = 64;

/** Topology keys as columns, kept up to date with the nodes that changed. */
export class Topology {
  readonly #table: Rows;
  readonly #columns = new LruCache<string, Kept>(columnLimit);

  constructor(table: Rows) {
    this.#table = table;
  }

  column(key: string): TopologyColumn {
    const table = this.#table;
    const kept = this.#columns.getOrCreate(key, newColumn);
    const renew = (row: number) => {
      const value = table.present[row] === 1 ? table.at(row)?.node.metadata.labels?.[key] : undefined;
      kept.domains[row] = value === undefined ? -1 : idOf(kept.ids, value);
    };
    if (kept.domains.length < table.capacity) {
      kept.domains = new Int32Array(table.capacity).fill(-1);
      kept.position = Number.NEGATIVE_INFINITY;
    }
    if (!table.nodeChanges.since(kept.position, renew)) {
      // Values that no node has any more are forgotten on the way.
      kept.ids.clear();
      for (let row = 0; row < table.rows; row++) renew(row);
    }
    kept.position = table.nodeChanges.position;
    return { domains: kept.domains, domainCount: kept.ids.size };
  }
}

const newColumn = (): Kept => ({
  domains: new Int32Array(0),
  ids: new Map(),
  position: Number.NEGATIVE_INFINITY,
});

function idOf(ids: Map<string, number>, value: string): number {
  const known = ids.get(value);
  if (known !== undefined) return known;
  const id = ids.size;
  ids.set(value, id);
  return id;
}

/** What rows add up to by domain; rows outside every domain count nowhere. */
export function sumByDomain(
  rowCounts: ArrayLike<number>,
  { domains, domainCount }: TopologyColumn,
  rows: number,
): Float64Array {
  const sums = new Float64Array(domainCount);
  for (let row = 0; row < rows; row++) {
    const domain = domains[row] ?? -1;
    if (domain >= 0) sums[domain] = (sums[domain] ?? 0) + (rowCounts[row] ?? 0);
  }
  return sums;
}
