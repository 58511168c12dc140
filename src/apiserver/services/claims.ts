import type { Random } from "../../base/random.ts";
import { randomBelow } from "../../base/random.ts";

/** Which numbers of a range are taken, and by whom ("namespace/name" of a service). */
export class Claims {
  readonly #first: number;
  readonly #size: number;
  readonly #lowerBand: number;
  readonly #owners = new Map<number, string>();

  /** Numbers [first, first + size); the lowest `lowerBand` are left to those who ask for one by name, while others last. */
  constructor(range: { readonly first: number; readonly size: number; readonly lowerBand: number }) {
    this.#first = range.first;
    this.#size = range.size;
    this.#lowerBand = Math.min(range.lowerBand, range.size);
  }

  get free(): number {
    return this.#size - this.#owners.size;
  }

  contains(number: number): boolean {
    return Number.isInteger(number) && number >= this.#first && number < this.#first + this.#size;
  }

  ownerOf(number: number): string | undefined {
    return this.#owners.get(number);
  }

  /** False where another has it. */
  claim(number: number, owner: string): boolean {
    const holder = this.#owners.get(number);
    if (holder !== undefined && holder !== owner) return false;
    this.#owners.set(number, owner);
    return true;
  }

  /** Only what the owner has itself. */
  release(number: number, owner: string): void {
    if (this.#owners.get(number) === owner) this.#owners.delete(number);
  }

  /** A free number, claimed; undefined where there is none. */
  claimAny(owner: string, random: Random): number | undefined {
    const upper = this.#size - this.#lowerBand;
    return (
      this.#claimWithin(this.#first + this.#lowerBand, upper, owner, random) ??
      this.#claimWithin(this.#first, this.#lowerBand, owner, random)
    );
  }

  #claimWithin(first: number, size: number, owner: string, random: Random): number | undefined {
    if (size <= 0) return undefined;
    const start = randomBelow(random, size);
    for (let step = 0; step < size; step++) {
      const number = first + ((start + step) % size);
      if (!this.#owners.has(number)) {
        this.#owners.set(number, owner);
        return number;
      }
    }
    return undefined;
  }
}

/** How much of a range of addresses is left to those who choose (KEP-3070). */
export function addressBand(size: number): number {
  return size < 32 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256);
}

/** The same for node ports (KEP-3668). */
export function portBand(size: number): number {
  return size < 32 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
}
