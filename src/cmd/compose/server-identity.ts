import { createHash } from "node:crypto";
import { hostname } from "node:os";
import type { ServerIdentity } from "../../apiserver/identity-lease.ts";

/** How the API server of this machine is told apart from others: upstream's name, the same for each start. */
export function serverIdentity(
  endpoint?: { readonly address: string; readonly port: number },
  host: string = hostname(),
): ServerIdentity {
  const parts = [host, "kube-apiserver"].flatMap((text) => {
    const bytes = Buffer.from(text);
    return [Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes];
  });
  const hash = createHash("sha256").update(Buffer.concat(parts)).digest().subarray(0, 16);
  const peer = endpoint === undefined ? {} : { peerAddress: addressOf(endpoint) };
  return { name: `apiserver-${base32(hash)}`, hostname: host, ...peer };
}

function addressOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Tells API servers, and issuers, apart in metrics. */
export function hashOf(name: string): string {
  return `sha256:${createHash("sha256").update(name).digest("hex")}`;
}

const digits = "abcdefghijklmnopqrstuvwxyz234567";

/** RFC 4648 in lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += digits[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + digits[(held << (5 - bits)) & 31];
}
