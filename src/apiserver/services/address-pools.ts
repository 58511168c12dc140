import type { Random } from "../../base/random.ts";
import type { AddressRange, IpFamily } from "./address-range.ts";
import { addressAt, indexOf, parseRange } from "./address-range.ts";
import { addressBand, Claims } from "./claims.ts";

interface Pool {
  readonly range: AddressRange;
  readonly claims: Claims;
  /** The ServiceCIDR it is from; undefined: a range the server was started with. */
  readonly source: string | undefined;
  /** Whether new addresses come from it. */
  readonly isOpen: boolean;
}

/** A number of a pool. */
export type Claim = readonly [claims: Claims, index: number];

const overlapAttempts = 32;

/**
 * The ranges that cluster IPs come from: those the server was started with, and those of further ServiceCIDRs (KEP-1880).
 * Ranges may overlap: an address is claimed in all that hold it.
 */
export class AddressPools {
  /** Of the ranges the server was started with, the default first. */
  readonly families: readonly IpFamily[];
  #pools: readonly Pool[];

  constructor(ranges: readonly AddressRange[]) {
    this.families = ranges.map(({ family }) => family);
    this.#pools = ranges.map((range) => poolOf(range, undefined));
  }

  /** Takes over what a ServiceCIDR says; `held` are the addresses that services have, with their owners. */
  set(
    source: string,
    { cidrs, isOpen }: { readonly cidrs: readonly string[]; readonly isOpen: boolean },
    held: Iterable<readonly [address: string, owner: string]>,
  ): void {
    const known = this.#pools.filter((pool) => pool.source === source);
    const startedWith = new Set(
      this.#pools.flatMap(({ source: from, range }) => (from === undefined ? range.cidr : [])),
    );
    const pools = cidrs
      .filter((cidr) => !startedWith.has(cidr))
      .map((cidr) => {
        const before = known.find(({ range }) => range.cidr === cidr);
        return before === undefined ? poolOf(parseRange(cidr), source, isOpen) : { ...before, isOpen };
      });
    this.remove(source);
    this.#pools = [...this.#pools, ...pools];
    const added = pools.filter((pool) => !known.some(({ claims }) => claims === pool.claims));
    if (added.length === 0) return;
    for (const [address, owner] of held)
      for (const { range, claims } of added) {
        const index = indexOf(range, address);
        if (index !== undefined) claims.claim(index, owner);
      }
  }

  remove(source: string): void {
    this.#pools = this.#pools.filter((pool) => pool.source !== source);
  }

  /** Where an address is claimed: in every range that holds it, of any state. */
  claimsOf(address: string): readonly Claim[] {
    return this.#pools.flatMap(({ range, claims }) => {
      const index = indexOf(range, address);
      return index === undefined ? [] : [[claims, index] as const];
    });
  }

  /** Whether addresses like this one are given out. */
  offers(family: IpFamily, address: string): boolean {
    return this.#open(family).some(({ range }) => indexOf(range, address) !== undefined);
  }

  /** A free address of the family, claimed; undefined where there is none. */
  claimAny(
    family: IpFamily,
    owner: string,
    random: Random,
  ): { readonly address: string; readonly claims: readonly Claim[] } | undefined {
    for (const { range, claims } of this.#open(family))
      for (let attempt = 0; attempt < overlapAttempts; attempt++) {
        const index = claims.claimAny(owner, random);
        if (index === undefined) break;
        const address = addressAt(range, index);
        const all = this.claimsOf(address);
        if (all.every(([pool, number]) => pool.claim(number, owner))) return { address, claims: all };
        for (const [pool, number] of all) pool.release(number, owner);
      }
    return undefined;
  }

  #open(family: IpFamily): readonly Pool[] {
    return this.#pools.filter(({ range, isOpen }) => isOpen && range.family === family);
  }
}

function poolOf(range: AddressRange, source: string | undefined, isOpen = true): Pool {
  const claims = new Claims({ first: 1, size: range.size, lowerBand: addressBand(range.size) });
  return { range, claims, source, isOpen };
}
