import type { ChangeLog } from "./change-log.ts";
import type { NodeInfo } from "./node-info.ts";

/** What is derived from the table of nodes, row by row, sees of it. */
export interface Rows {
  /** Rows are below this. */
  readonly rows: number;
  /** Length of every column. */
  readonly capacity: number;
  /** 1 where the node object is known. */
  readonly present: Uint8Array;
  at(row: number): NodeInfo | undefined;
  /** Rows whose node object changed. */
  readonly nodeChanges: ChangeLog;
  /** Rows whose node object or pods changed. */
  readonly podChanges: ChangeLog;
}
