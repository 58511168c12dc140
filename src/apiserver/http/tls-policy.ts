import type { SecureVersion } from "node:tls";

/** What a server takes in a handshake, in Go's names; throws an Error in Go's words. */
export interface TlsFlags {
  /** `--tls-min-version`: VersionTLS12 unless said. */
  readonly minVersion: string;
  /** `--tls-cipher-suites`, of TLS up to 1.2: those of 1.3 are all taken whatever is said. Empty: the usual ones. */
  readonly cipherSuites: readonly string[];
  /** `--tls-curve-preferences`, by Go's numbers. Empty: the usual ones. */
  readonly curves: readonly number[];
}

/** The same for Node. */
export interface TlsPolicy {
  readonly minVersion: SecureVersion;
  readonly ciphers?: string;
  readonly ecdhCurve?: string;
}

const versions: ReadonlyMap<string, SecureVersion> = new Map([
  ["VersionTLS10", "TLSv1"],
  ["VersionTLS11", "TLSv1.1"],
  ["VersionTLS12", "TLSv1.2"],
  ["VersionTLS13", "TLSv1.3"],
]);

const latestSuites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** Go's names and OpenSSL's, in the order in which Go chooses: an administrator's order does not count. */
const olderSuites: readonly (readonly [string, string])[] = [
  ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"],
  ["TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"],
  ["TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"],
  ["TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"],
  ["TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"],
  ["TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"],
];

/** By Go's numbers, in the order in which Go chooses. */
const curveNames: ReadonlyMap<number, string> = new Map([
  [4588, "X25519MLKEM768"],
  [4587, "SecP256r1MLKEM768"],
  [4589, "SecP384r1MLKEM1024"],
  [29, "X25519"],
  [23, "P-256"],
  [24, "P-384"],
  [25, "P-521"],
]);

/** Of a server that speaks HTTP/2, or only HTTP/1.1. RC4 and 3DES, which Go still has, are not there in OpenSSL. */
export function tlsPolicy(flags: TlsFlags, { http2 }: { readonly http2: boolean }): TlsPolicy {
  const ciphers = ciphersOf(flags.cipherSuites);
  const ecdhCurve = curvesOf(flags.curves);
  const minVersion = versions.get(flags.minVersion);
  if (minVersion === undefined) throw new Error(`unknown tls version ${JSON.stringify(flags.minVersion)}`);
  if (ciphers !== undefined && http2 && minVersion !== "TLSv1.3" && !http2Needs.test(ciphers))
    throw new Error(
      "error configuring http2: http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher (need at least one of TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)",
    );
  // What TLS 1.0 and 1.1 sign with is below OpenSSL's own limit.
  const isOld = minVersion === "TLSv1" || minVersion === "TLSv1.1";
  const all = isOld ? `${ciphers ?? "DEFAULT"}:@SECLEVEL=0` : ciphers;
  return {
    minVersion,
    ...(all !== undefined && { ciphers: all }),
    ...(ecdhCurve !== undefined && { ecdhCurve }),
  };
}

const http2Needs = /ECDHE-(?:ECDSA|RSA)-AES128-GCM-SHA256/;

function ciphersOf(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const known = new Set([...latestSuites, ...olderSuites.map(([name]) => name)]);
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) throw new Error(`Cipher suite ${unknown} not supported or doesn't exist`);
  const older = olderSuites.flatMap(([name, suite]) => (names.includes(name) ? [suite] : []));
  return [...latestSuites, ...new Set(older)].join(":");
}

function curvesOf(ids: readonly number[]): string | undefined {
  if (ids.length === 0) return undefined;
  for (const [index, id] of ids.entries()) {
    if (id < 1 || id > 65_535) throw new Error(`curve preference ${id} is out of range (must be 1-65535)`);
    if (ids.indexOf(id) < index) throw new Error(`duplicate curve preference ${id}`);
    if (!curveNames.has(id))
      throw new Error(`curve preference ${id} is not supported by the current Go version`);
  }
  return [...curveNames].flatMap(([id, name]) => (ids.includes(id) ? [name] : [])).join(":");
}
