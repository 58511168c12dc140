/** IP addresses and ranges: parsing, and their validation in upstream's words. */
import type { FieldError } from "./api-error.ts";
import * as field from "./validation.ts";

export interface IpAddress {
  readonly family: 4 | 6;
  /** As one number of 32 or 128 bits. */
  readonly value: bigint;
}

/** An address without ambiguity: no leading zeros, no zone. Undefined for what is none. */
export function parseIp(text: string): IpAddress | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): IpAddress | undefined {
  const value = ipv4Number(text);
  return value === undefined ? undefined : { family: 4, value: BigInt(value) };
}

const dot = 0x2e;
const zero = 0x30;

/** Digit by digit: a slice of endpoints has hundreds of addresses, and is checked whole with every change. */
function ipv4Number(text: string): number | undefined {
  let value = 0;
  let parts = 0;
  let part = -1;
  for (let at = 0; at <= text.length; at++) {
    const code = at === text.length ? dot : text.charCodeAt(at);
    if (code === dot) {
      if (part < 0) return undefined;
      value = value * 256 + part;
      parts++;
      part = -1;
    } else {
      const digit = code - zero;
      // Nothing follows a zero at the beginning.
      if (digit < 0 || digit > 9 || part === 0) return undefined;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return undefined;
    }
  }
  return parts === 4 ? value : undefined;
}

function parseIpv6(text: string): IpAddress | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return { family: 6, value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n) };
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const embedded = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : undefined;
      if (embedded === undefined) return undefined;
      groups.push(Number(embedded.value >> 16n), Number(embedded.value & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

export function isIpv6(text: string): boolean {
  return parseIp(text)?.family === 6;
}

/** The canonical text (RFC 5952). */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(112 - 16 * index)) & 0xffffn),
  );
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (best.start < 0) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}

export interface Cidr {
  readonly family: 4 | 6;
  readonly prefixLength: number;
  /** The address as written: its bits beyond the prefix may be set. */
  readonly value: bigint;
}

export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const ip = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (ip === undefined || !/^(?:0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const prefixLength = Number(length);
  if (prefixLength > bitsOf(ip.family)) return undefined;
  return { family: ip.family, prefixLength, value: ip.value };
}

function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** The range's address without the bits beyond its prefix. */
export function networkOf({ family, prefixLength, value }: Cidr): bigint {
  const rest = BigInt(bitsOf(family) - prefixLength);
  return (value >> rest) << rest;
}

export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  if (cidr.family !== ip.family) return false;
  const rest = BigInt(bitsOf(cidr.family) - cidr.prefixLength);
  return cidr.value >> rest === ip.value >> rest;
}

/** One address of each family, in any order. */
export function isDualStack(texts: readonly string[]): boolean {
  const families = new Set(
    texts.map((text) => (text.includes("/") ? parseCidr(text) : parseIp(text))?.family),
  );
  return texts.length === 2 && families.size === 2 && !families.has(undefined);
}

const notAnIp = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const notACidr = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/** An address as it was read before zeros led to doubts about their base; undefined for what is none. */
export function parseIpSloppily(text: string): IpAddress | undefined {
  return parseIp(text) ?? parseIp(text.replace(/(^|[.])0+([0-9])/g, "$1$2"));
}

const withLeadingZeros = /(^|[.])0[0-9]/;

/** An address in a field that is older than today's strictness; what stood there before may stay. */
export function ipErrors(path: string, value: string, old: readonly string[] = []): readonly FieldError[] {
  if (old.includes(value)) return [];
  const ip = parseIp(value);
  if (ip === undefined) {
    const isOnlyPadded = withLeadingZeros.test(value) && parseIpSloppily(value) !== undefined;
    return [field.invalid(path, value, isOnlyPadded ? "must not have leading 0s" : notAnIp)];
  }
  return isIpv4InIpv6(ip) ? [field.invalid(path, value, "must not be an IPv4-mapped IPv6 address")] : [];
}

/** An address in a new field: in its canonical form. */
export function canonicalIpErrors(path: string, value: string): readonly FieldError[] {
  const errors = ipErrors(path, value);
  const ip = parseIp(value);
  if (errors.length > 0 || ip === undefined) return errors;
  const canonical = formatIp(ip);
  return canonical === value
    ? []
    : [field.invalid(path, value, `must be in canonical form ("${canonical}")`)];
}

export function cidrErrors(path: string, value: string, old: readonly string[] = []): readonly FieldError[] {
  if (old.includes(value)) return [];
  const cidr = parseCidr(value);
  if (cidr === undefined) {
    const isOnlyPadded =
      /(^|[./])0[0-9]/.test(value) && parseCidr(value.replace(/(^|[./])0+([0-9])/g, "$1$2")) !== undefined;
    return [
      field.invalid(path, value, isOnlyPadded ? "must not have leading 0s in IP or prefix length" : notACidr),
    ];
  }
  if (isIpv4InIpv6(cidr)) return [field.invalid(path, value, "must not have an IPv4-mapped IPv6 address")];
  if (networkOf(cidr) !== cidr.value)
    return [field.invalid(path, value, "must not have bits set beyond the prefix length")];
  return [];
}

/** A range in a new field: in its canonical form. */
export function canonicalCidrErrors(path: string, value: string): readonly FieldError[] {
  const errors = cidrErrors(path, value);
  const cidr = parseCidr(value);
  if (errors.length > 0 || cidr === undefined) return errors;
  const canonical = `${formatIp(cidr)}/${cidr.prefixLength}`;
  return canonical === value
    ? []
    : [field.invalid(path, value, `must be in canonical form ("${canonical}")`)];
}

function isIpv4InIpv6({ family, value }: IpAddress): boolean {
  return family === 6 && value >> 32n === 0xffffn;
}

const ranges = (...texts: readonly string[]) => texts.flatMap((text) => parseCidr(text) ?? []);
const loopback = ranges("127.0.0.0/8", "::1/128");
const linkLocal = ranges("169.254.0.0/16", "fe80::/10");
const linkLocalMulticast = ranges("224.0.0.0/24", "ff02::/16");

/** What an endpoint's address may not be: those that mean another host for everyone who uses them. */
export function endpointIpErrors(path: string, value: string): readonly FieldError[] {
  const ip = parseIpSloppily(value);
  if (ip === undefined) return [field.invalid(path, value, "must be a valid IP address")];
  const isIn = (cidrs: readonly Cidr[]) => cidrs.some((cidr) => cidrContains(cidr, ip));
  const errors: FieldError[] = [];
  if (ip.value === 0n) errors.push(field.invalid(path, value, `may not be unspecified (${value})`));
  if (isIn(loopback))
    errors.push(field.invalid(path, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)"));
  if (isIn(linkLocal))
    errors.push(field.invalid(path, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"));
  if (isIn(linkLocalMulticast))
    errors.push(
      field.invalid(path, value, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    );
  return errors;
}
