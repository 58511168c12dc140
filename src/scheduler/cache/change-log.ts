const capacity = 8192;

/** The rows that changed, in order, as far back as a ring holds: whoever remembers a position hears what came after. */
export class ChangeLog {
  readonly #rows = new Int32Array(capacity);
  #position = 0;

  /** How many changes there were so far. */
  get position(): number {
    return this.#position;
  }

  push(row: number): void {
    this.#rows[this.#position++ % capacity] = row;
  }

  /** Calls back with each row changed since `position` (a row may come twice); false where that is too long ago. */
  since(position: number, changed: (row: number) => void): boolean {
    if (this.#position - position > capacity) return false;
    for (let at = position; at < this.#position; at++) changed(this.#rows[at % capacity] ?? 0);
    return true;
  }
}
