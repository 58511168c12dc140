import type { Environment } from "@marcbachmann/cel-js";
import { formatIp, type IpAddress, parseIp } from "../../validation-ip.ts";
import { runtimeError } from "../errors.ts";
import { define, defineNamespace } from "./define.ts";

class CelIp {
  readonly address: IpAddress;

  constructor(address: IpAddress) {
    this.address = address;
  }

  /** For what comparing it costs. */
  get byteLength(): number {
    return this.address.family === 4 ? 4 : 16;
  }

  toString(): string {
    return formatIp(this.address);
  }
}

class CelCidr {
  readonly address: IpAddress;
  readonly bits: number;

  constructor(address: IpAddress, bits: number) {
    this.address = address;
    this.bits = bits;
  }

  get size(): number {
    return this.address.family === 4 ? 32 : 128;
  }

  /** For what comparing it costs. */
  get byteLength(): number {
    return Math.ceil(this.bits / 8);
  }

  /** The address with the bits of the host cleared. */
  get network(): bigint {
    return prefixOf(this.address, this.bits);
  }

  toString(): string {
    return `${formatIp(this.address)}/${this.bits}`;
  }
}

function prefixOf({ family, value }: IpAddress, bits: number): bigint {
  const shift = BigInt((family === 4 ? 32 : 128) - bits);
  return (value >> shift) << shift;
}

const ip = "net.IP";
const cidr = "net.CIDR";

export function registerNetwork(environment: Environment): void {
  environment.registerType(ip, { ctor: CelIp });
  environment.registerType(cidr, { ctor: CelCidr });
  defineNamespace(environment, "ip", {
    "isCanonical(string): bool": (text: string) => formatIp(ipOf(text).address) === text,
  });
  define(environment, {
    [`ip(string): ${ip}`]: ipOf,
    "isIP(string): bool": (text: string) => readIp(text) !== undefined,
    [`string(${ip}): string`]: (value: CelIp) => value.toString(),
    [`${ip}.family(): int`]: ({ address }: CelIp) => BigInt(address.family),
    [`${ip}.isUnspecified(): bool`]: ({ address }: CelIp) => address.value === 0n,
    [`${ip}.isLoopback(): bool`]: ({ address }: CelIp) =>
      address.family === 4 ? address.value >> 24n === 127n : address.value === 1n,
    [`${ip}.isLinkLocalMulticast(): bool`]: ({ address }: CelIp) =>
      address.family === 4
        ? address.value >> 8n === 0xe00000n
        : (address.value >> 112n) % 0x10000n === 0xff02n,
    [`${ip}.isLinkLocalUnicast(): bool`]: ({ address }: CelIp) =>
      address.family === 4 ? address.value >> 16n === 0xa9fen : address.value >> 118n === 0x3fan,
    [`${ip}.isGlobalUnicast(): bool`]: ({ address }: CelIp) => isGlobalUnicast(address),
    [`cidr(string): ${cidr}`]: cidrOf,
    "isCIDR(string): bool": (text: string) => readCidr(text) !== undefined,
    [`string(${cidr}): string`]: (value: CelCidr) => value.toString(),
    [`${cidr}.containsIP(string): bool`]: (range: CelCidr, text: string) =>
      contains(range, ipOf(text).address),
    [`${cidr}.containsIP(${ip}): bool`]: (range: CelCidr, { address }: CelIp) => contains(range, address),
    [`${cidr}.containsCIDR(string): bool`]: (range: CelCidr, text: string) =>
      containsRange(range, cidrOf(text)),
    [`${cidr}.containsCIDR(${cidr}): bool`]: containsRange,
    [`${cidr}.ip(): ${ip}`]: ({ address }: CelCidr) => new CelIp(address),
    [`${cidr}.masked(): ${cidr}`]: (range: CelCidr) =>
      new CelCidr({ family: range.address.family, value: range.network }, range.bits),
    [`${cidr}.prefixLength(): int`]: ({ bits }: CelCidr) => BigInt(bits),
  });
  environment.registerOperator(`${ip} == ${ip}`, (a: CelIp, b: CelIp) => a.toString() === b.toString());
  environment.registerOperator(
    `${cidr} == ${cidr}`,
    (a: CelCidr, b: CelCidr) => a.toString() === b.toString(),
  );
}

function isGlobalUnicast({ family, value }: IpAddress): boolean {
  if (value === 0n) return false;
  if (family === 4)
    return (
      value !== 0xffffffffn && value >> 24n !== 127n && value >> 28n !== 0xen && value >> 16n !== 0xa9fen
    );
  return value !== 1n && value >> 120n !== 0xffn && value >> 118n !== 0x3fan;
}

/** Addresses of version 4 written as version 6 are refused, as are zones. */
function readIp(text: string): CelIp | undefined {
  if (text.includes(":") && text.includes(".")) return undefined;
  const address = parseIp(text);
  return address === undefined ? undefined : new CelIp(address);
}

function ipOf(text: string): CelIp {
  const found = readIp(text);
  if (found === undefined)
    throw runtimeError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  return found;
}

function readCidr(text: string): CelCidr | undefined {
  const [address = "", bits = "", ...rest] = text.split("/");
  const found = readIp(address);
  if (found === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(bits)) return undefined;
  const range = new CelCidr(found.address, Number(bits));
  return range.bits <= range.size ? range : undefined;
}

function cidrOf(text: string): CelCidr {
  const found = readCidr(text);
  if (found === undefined)
    throw runtimeError(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
  return found;
}

function contains(range: CelCidr, address: IpAddress): boolean {
  return range.address.family === address.family && prefixOf(address, range.bits) === range.network;
}

function containsRange(range: CelCidr, other: CelCidr): boolean {
  return other.bits >= range.bits && contains(range, other.address);
}
