/** What the store and its writer thread say to each other. Values travel in one buffer that changes hands. */

/** Keys with their values, a column a field: far cheaper to pass between threads than an object a row. */
export interface Rows {
  readonly keys: readonly string[];
  /** Where in `values` each key's bytes end, after those of the key before; -1: the key is deleted. */
  readonly ends: readonly number[];
  readonly createRevisions: readonly number[];
  readonly modRevisions: readonly number[];
  readonly expiresAtMs: readonly (number | null)[];
  readonly values: Uint8Array<ArrayBuffer>;
}

export type ToWriter =
  | { readonly type: "write"; readonly revision: number; readonly rows: Rows }
  | { readonly type: "close" };

export type FromWriter =
  | { readonly type: "loaded"; readonly rows: Rows }
  | { readonly type: "opened"; readonly revision: number }
  | { readonly type: "written" }
  /** The transaction was rolled back, or the store could not be opened (`locked`: another process holds it). */
  | { readonly type: "failed"; readonly message: string; readonly locked: boolean }
  | { readonly type: "closed" };

export interface WriterData {
  readonly path: string;
  /** What is no longer there leaves no trace: the file may hold what was written before it was encrypted. */
  readonly erase: boolean;
}

/** Collects rows whose size is not known beforehand. */
export class RowsBuilder {
  readonly #keys: string[] = [];
  readonly #ends: number[] = [];
  readonly #createRevisions: number[] = [];
  readonly #modRevisions: number[] = [];
  readonly #expiresAtMs: (number | null)[] = [];
  readonly #values: Uint8Array[] = [];
  byteLength = 0;

  get length(): number {
    return this.#keys.length;
  }

  /** Without a value: the key is deleted. */
  add(row: {
    readonly key: string;
    readonly value: Uint8Array | undefined;
    readonly createRevision: number;
    readonly modRevision: number;
    readonly expiresAtMs: number | null;
  }): void {
    this.#keys.push(row.key);
    this.#createRevisions.push(row.createRevision);
    this.#modRevisions.push(row.modRevision);
    this.#expiresAtMs.push(row.expiresAtMs);
    if (row.value === undefined) {
      this.#ends.push(-1);
      return;
    }
    this.#values.push(row.value);
    this.byteLength += row.value.length;
    this.#ends.push(this.byteLength);
  }

  build(): Rows {
    const values = new Uint8Array(this.byteLength);
    let offset = 0;
    for (const value of this.#values) {
      values.set(value, offset);
      offset += value.length;
    }
    return {
      keys: this.#keys,
      ends: this.#ends,
      createRevisions: this.#createRevisions,
      modRevisions: this.#modRevisions,
      expiresAtMs: this.#expiresAtMs,
      values,
    };
  }
}

/** Calls `visit` for each row; its bytes are a view of the shared buffer. */
export function visitRows(
  rows: Rows,
  visit: (row: {
    readonly key: string;
    readonly value: Uint8Array<ArrayBuffer> | undefined;
    readonly createRevision: number;
    readonly modRevision: number;
    readonly expiresAtMs: number | null;
  }) => void,
): void {
  let start = 0;
  rows.keys.forEach((key, index) => {
    const end = rows.ends[index] ?? -1;
    visit({
      key,
      value: end < 0 ? undefined : rows.values.subarray(start, end),
      createRevision: rows.createRevisions[index] ?? 0,
      modRevision: rows.modRevisions[index] ?? 0,
      expiresAtMs: rows.expiresAtMs[index] ?? null,
    });
    if (end >= 0) start = end;
  });
}
