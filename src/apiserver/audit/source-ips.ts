import { formatIp, parseIp } from "../../apimachinery/validation-ip.ts";

/**
 * Where a request came from, the client first: X-Forwarded-For, X-Real-Ip, then the connection's own end, which cannot be forged
 * (upstream's `SourceIPs`).
 */
export function sourceIps(
  headers: Readonly<Record<string, string | undefined>>,
  remoteAddress: string | undefined,
): string[] {
  const addresses = (headers["x-forwarded-for"] ?? "").split(",").flatMap((part) => canonical(part) ?? []);
  const real = canonical(headers["x-real-ip"] ?? "");
  if (real !== undefined && !addresses.includes(real)) addresses.push(real);
  const remote = canonical(remoteAddress ?? "");
  if (remote !== undefined && addresses.at(-1) !== remote) addresses.push(remote);
  return addresses;
}

/** Undefined for what is no address. */
function canonical(text: string): string | undefined {
  // IPv4 in IPv6's clothes is IPv4.
  const address = parseIp(text.trim().replace(/^::ffff:(?=\d+\.)/i, ""));
  return address && formatIp(address);
}
