/** Addresses and ranges that are taken as they are, but not written as they should be (for Warning headers). */
import { type Cidr, formatIp, networkOf, parseCidr, parseIp } from "./validation-ip.ts";

const leadingZeros = /(^|[./])0+(?=[0-9])/g;

/** As the older fields of the API read: zeros in front of a number mean nothing. */
function withoutLeadingZeros(text: string): string {
  return text.replace(leadingZeros, "$1");
}

/** IPv4 inside IPv6 is shown as the IPv4 address it stands for. */
function shownIp(family: 4 | 6, value: bigint): string {
  const isMapped = family === 6 && value >> 32n === 0xffffn;
  return isMapped ? formatIp({ family: 4, value: value & 0xffffffffn }) : formatIp({ family, value });
}

function isMapped({ family, value }: { readonly family: 4 | 6; readonly value: bigint }): boolean {
  return family === 6 && value >> 32n === 0xffffn;
}

export function ipWarnings(path: string, text: string): readonly string[] {
  const ip = parseIp(text);
  const lenient = ip ?? parseIp(withoutLeadingZeros(text));
  if (lenient === undefined) return [];
  const shown = shownIp(lenient.family, lenient.value);
  if (ip === undefined || isMapped(ip))
    return [`${path}: non-standard IP address "${text}" is invalid: use "${shown}"`];
  if (ip.family === 4 || formatIp(ip) === text) return [];
  return [`${path}: IPv6 address "${text}" should be in RFC 5952 canonical format ("${formatIp(ip)}")`];
}

export function cidrWarnings(path: string, text: string): readonly string[] {
  const cidr = parseCidr(text);
  const lenient = cidr ?? parseCidr(withoutLeadingZeros(text));
  if (lenient === undefined) return [];
  const network = shownRange({ ...lenient, value: networkOf(lenient) });
  const warnings: string[] = [];
  if (networkOf(lenient) !== lenient.value) {
    const bits = lenient.family === 4 ? 32 : 128;
    const single = shownRange({ ...lenient, prefixLength: bits });
    warnings.push(
      `${path}: CIDR value "${text}" is ambiguous in this context (should be "${network}" or "${single}"?)`,
    );
  }
  if (cidr === undefined || isMapped(cidr))
    warnings.push(`${path}: non-standard CIDR value "${text}" is invalid: use "${network}"`);
  if (warnings.length > 0 || lenient.family === 4 || network === text) return warnings;
  return [`${path}: IPv6 CIDR value "${text}" should be in RFC 5952 canonical format ("${network}")`];
}

function shownRange({ family, value, prefixLength }: Cidr): string {
  return `${shownIp(family, value)}/${prefixLength}`;
}
