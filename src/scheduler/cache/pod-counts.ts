import { LruCache } from "../../base/lru-cache.ts";
import type { PodInfo } from "./pod-info.ts";
import type { Rows } from "./rows.ts";

/** Which pods are counted; the same key means the same pods. */
export interface PodQuestion {
  readonly key: string;
  counts(pod: PodInfo): boolean;
}

interface Kept {
  counts: Int32Array;
  position: number;
}

const columnLimit = 256;

/** How many pods of each node a selector selects, kept between pods: only nodes whose pods changed are counted again. */
export class PodCounts {
  readonly #table: Rows;
  readonly #columns = new LruCache<string, Kept>(columnLimit);

  constructor(table: Rows) {
    this.#table = table;
  }

  /** By row. */
  count(question: PodQuestion): Int32Array {
    const table = this.#table;
    const kept = this.#columns.getOrCreate(question.key, newColumn);
    if (kept.counts.length < table.capacity) {
      const counts = new Int32Array(table.capacity);
      counts.set(kept.counts);
      kept.counts = counts;
    }
    const renew = (row: number) => {
      let count = 0;
      for (const pod of table.at(row)?.pods.values() ?? []) if (question.counts(pod)) count++;
      kept.counts[row] = count;
    };
    if (!table.podChanges.since(kept.position, renew)) for (let row = 0; row < table.rows; row++) renew(row);
    kept.position = table.podChanges.position;
    return kept.counts;
  }
}

const newColumn = (): Kept => ({ counts: new Int32Array(0), position: Number.NEGATIVE_INFINITY });
