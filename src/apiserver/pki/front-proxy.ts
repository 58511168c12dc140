import { X509Certificate } from "node:crypto";
import type { ClientCertificate } from "../stages.ts";

/** The names a front proxy's certificate may have. */
export const frontProxyNames = ["front-proxy-client"];

/** Who vouches for a front proxy, and under which names; no names: under any. */
export interface FrontProxyTrust {
  /** PEM, one certificate each. */
  readonly authorities: readonly string[];
  readonly allowedNames: readonly string[];
}

/** Whether a client certificate is a front proxy's: signed by its authority, valid now, and of an allowed name. */
export function frontProxyVerifier(
  { authorities, allowedNames }: FrontProxyTrust,
  options: { readonly now: () => number },
): (certificate: ClientCertificate) => boolean {
  const issuers = authorities.map((authority) => new X509Certificate(authority));
  // One record a connection: the signature is checked once for all its requests.
  const known = new WeakMap<ClientCertificate, boolean>();
  return (certificate) => {
    if (certificate.raw === undefined) return false;
    if (allowedNames.length > 0 && !allowedNames.includes(certificate.commonName)) return false;
    let trusted = known.get(certificate);
    if (trusted === undefined) {
      const leaf = new X509Certificate(certificate.raw);
      trusted = issuers.some((issuer) => isTrusted(leaf, issuer, options.now()));
      known.set(certificate, trusted);
    }
    return trusted;
  };
}

const clientAuthentication = "1.3.6.1.5.5.7.3.2";

function isTrusted(certificate: X509Certificate, issuer: X509Certificate, nowMs: number): boolean {
  return (
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey) &&
    Date.parse(certificate.validFrom) <= nowMs &&
    nowMs <= Date.parse(certificate.validTo) &&
    (certificate.keyUsage === undefined || certificate.keyUsage.includes(clientAuthentication))
  );
}
