import type { ByteBudget, BytesHolder } from "./byte-budget.ts";

/** One encoding of an object, kept for as long as the budget lets it. */
export class KeptBytes implements BytesHolder {
  #bytes: Uint8Array | undefined;
  /** Read again since the budget last considered dropping the bytes. */
  #wanted = false;

  constructor(bytes: Uint8Array, budget: ByteBudget) {
    this.#bytes = bytes;
    budget.charge(this, bytes.length);
  }

  /** Undefined: they were dropped. */
  get(): Uint8Array | undefined {
    this.#wanted = true;
    return this.#bytes;
  }

  /** For the budget: gives the bytes up unless they were wanted since it last asked. */
  dropBytes(): boolean {
    if (this.#wanted) {
      this.#wanted = false;
      return false;
    }
    this.#bytes = undefined;
    return true;
  }
}
