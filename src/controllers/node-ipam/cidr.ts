/** A block of addresses, as a number: the same arithmetic serves both families. */
export interface Cidr {
  readonly family: "IPv4" | "IPv6";
  /** The first address. */
  readonly base: bigint;
  /** Length of the prefix, in bits. */
  readonly prefix: number;
}

const bitsOf = { IPv4: 32, IPv6: 128 } as const;

/** "10.244.0.0/16" or "fd00:10:244::/56"; undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", prefixText = "", ...rest] = text.split("/");
  if (rest.length > 0 || !/^\d{1,3}$/.test(prefixText)) return undefined;
  const family = address.includes(":") ? "IPv6" : "IPv4";
  const prefix = Number(prefixText);
  const value = family === "IPv4" ? parseIpv4(address) : parseIpv6(address);
  if (value === undefined || prefix > bitsOf[family]) return undefined;
  const hostBits = BigInt(bitsOf[family] - prefix);
  return { family, base: (value >> hostBits) << hostBits, prefix };
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const [head = "", tail, ...rest] = text.split("::");
  if (rest.length > 0) return undefined;
  const groupsOf = (part: string) => (part === "" ? [] : part.split(":"));
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array.from({ length: missing }, () => "0"), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

export function formatCidr({ family, base, prefix }: Cidr): string {
  return `${family === "IPv4" ? formatIpv4(base) : formatIpv6(base)}/${prefix}`;
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
}

/** The canonical form (RFC 5952): the longest run of zero groups is left out. */
function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn);
  let runStart = 0;
  let runLength = 0;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0n) length++;
    if (length > runLength) [runStart, runLength] = [start, length];
  }
  const text = (part: readonly bigint[]) => part.map((group) => group.toString(16)).join(":");
  if (runLength < 2) return text(groups);
  return `${text(groups.slice(0, runStart))}::${text(groups.slice(runStart + runLength))}`;
}

/** How many blocks of `maskSize` fit into the block. */
export function blockCount(cidr: Cidr, maskSize: number): number {
  return maskSize < cidr.prefix ? 0 : 2 ** (maskSize - cidr.prefix);
}

/** The block of `maskSize` with this number, from 0. */
export function blockAt(cidr: Cidr, maskSize: number, index: number): Cidr {
  const { family, base } = cidr;
  const step = BigInt(bitsOf[family] - maskSize);
  return { family, base: base + (BigInt(index) << step), prefix: maskSize };
}

/** The first and last number of the blocks of `maskSize` that this other block touches; undefined if it lies outside. */
export function blocksTouchedBy(
  cidr: Cidr,
  maskSize: number,
  other: Cidr,
): { readonly first: number; readonly last: number } | undefined {
  if (other.family !== cidr.family) return undefined;
  const bits = bitsOf[cidr.family];
  const step = BigInt(bits - maskSize);
  const end = cidr.base + (1n << BigInt(bits - cidr.prefix)) - 1n;
  const otherEnd = other.base + (1n << BigInt(bits - other.prefix)) - 1n;
  if (otherEnd < cidr.base || other.base > end) return undefined;
  let from = cidr.base;
  if (other.base > from) from = other.base;
  let to = end;
  if (otherEnd < to) to = otherEnd;
  return { first: Number((from - cidr.base) >> step), last: Number((to - cidr.base) >> step) };
}
