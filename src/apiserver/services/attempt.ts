import type { Claim } from "./address-pools.ts";
import type { Claims } from "./claims.ts";

/** What one write has claimed so far. */
export class Attempt {
  readonly owner: string;
  readonly #kept: readonly Claim[];
  readonly #claimed: Claim[] = [];

  /** `kept` is what the owner had before: never given back here. */
  constructor(owner: string, kept: readonly Claim[]) {
    this.owner = owner;
    this.#kept = kept;
  }

  claimed(claims: Claims, number: number): void {
    if (!this.#kept.some(([pool, had]) => pool === claims && had === number))
      this.#claimed.push([claims, number]);
  }

  /** Whether all of these were the owner's before. */
  keeps(claims: readonly Claim[]): boolean {
    return (
      claims.length > 0 &&
      claims.every(([pool, number]) => this.#kept.some(([own, had]) => own === pool && had === number))
    );
  }

  undo(): void {
    for (const [claims, number] of this.#claimed) claims.release(number, this.owner);
  }
}
