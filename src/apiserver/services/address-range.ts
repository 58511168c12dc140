import { formatIp, parseIp } from "../../apimachinery/validation-ip.ts";

/** Blocks of IP addresses, of both families, as numbers: where cluster IPs come from. */

export type IpFamily = "IPv4" | "IPv6";

export interface AddressRange {
  /** As it was written: "10.96.0.0/12". */
  readonly cidr: string;
  readonly family: IpFamily;
  readonly base: bigint;
  /** Addresses that can be given out: without the first and, for IPv4, the last. At most 2^16 of an IPv6 block are used. */
  readonly size: number;
}

const maxIpv6Size = 1 << 16;

/** Throws an Error for what is no CIDR block. */
export function parseRange(cidr: string): AddressRange {
  const [address = "", prefix = ""] = cidr.split("/");
  const parsed = parseIp(address);
  const bits = parsed?.family === 4 ? 32 : 128;
  const length = Number(prefix);
  if (parsed === undefined || !/^\d+$/.test(prefix) || length > bits)
    throw new Error(`${JSON.stringify(cidr)} is no block of addresses (such as 10.96.0.0/12)`);
  const hostBits = BigInt(bits - length);
  const base = (parsed.value >> hostBits) << hostBits;
  const all = 1n << hostBits;
  const usable = parsed.family === 4 ? all - 2n : all > BigInt(maxIpv6Size) ? BigInt(maxIpv6Size) : all - 1n;
  return { cidr, family: nameOf(parsed.family), base, size: usable < 0n ? 0 : Number(usable) };
}

/** The address at an index, 1 being the first after the block's own. */
export function addressAt(range: AddressRange, index: number): string {
  return formatIp({ family: range.family === "IPv4" ? 4 : 6, value: range.base + BigInt(index) });
}

/** The index of an address in the range; undefined where it cannot be given out. */
export function indexOf(range: AddressRange, address: string): number | undefined {
  const parsed = parseIp(address);
  if (parsed === undefined || nameOf(parsed.family) !== range.family) return undefined;
  const index = parsed.value - range.base;
  return index >= 1n && index <= BigInt(range.size) ? Number(index) : undefined;
}

export function familyOf(address: string): IpFamily | undefined {
  const parsed = parseIp(address);
  return parsed === undefined ? undefined : nameOf(parsed.family);
}

function nameOf(family: 4 | 6): IpFamily {
  return family === 4 ? "IPv4" : "IPv6";
}
