import { certificateFault, publicKeyOf } from "../../apimachinery/x509/certificate.ts";
import { decodeBase64Pem } from "../../apimachinery/x509/pem.ts";
import { readPrivateKey } from "../../apimachinery/x509/private-key.ts";
import type { KeyIdentity } from "../../apimachinery/x509/public-key.ts";

/**
 * Why a certificate and a key (PEM in base64) cannot be a pair, in the words of Go's TLS library. Whether they match is asked where the
 * key carries its public half: all but those of Ed25519 do.
 */
export function keyPairFault(certificate = "", key = ""): string | undefined {
  const certificates = decodeBase64Pem(certificate).blocks;
  const leaf = certificates.find(({ type }) => type === "CERTIFICATE");
  const skipped = certificates.map(({ type }) => type);
  if (leaf === undefined) {
    if (skipped.length === 0) return "tls: failed to find any PEM data in certificate input";
    if (skipped.length === 1 && skipped[0]?.endsWith("PRIVATE KEY") === true)
      return "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched";
    return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${skipped.join(" ")}]`;
  }
  const { blocks } = decodeBase64Pem(key);
  const secret = blocks.find(({ type }) => isPrivateKey(type));
  if (secret === undefined) return keyFault(blocks.map(({ type }) => type));
  return certificateFault(leaf.bytes) ?? mismatch(publicKeyOf(leaf.bytes), readPrivateKey(secret.bytes));
}

function mismatch(ofCertificate: KeyIdentity, ofKey: KeyIdentity | undefined): string | undefined {
  if (ofKey === undefined) return "tls: failed to parse private key";
  if (ofKey.type === "other") return "tls: found unknown private key type in PKCS#8 wrapping";
  if (ofCertificate.type === "other") return "tls: unknown public key algorithm";
  if (ofCertificate.type !== ofKey.type) return "tls: private key type does not match public key type";
  return ofKey.id === undefined || ofKey.id === ofCertificate.id
    ? undefined
    : "tls: private key does not match public key";
}

function isPrivateKey(type: string): boolean {
  return type === "PRIVATE KEY" || type.endsWith(" PRIVATE KEY");
}

function keyFault(types: readonly string[]): string {
  if (types.length === 0) return "tls: failed to find any PEM data in key input";
  return types.length === 1 && types[0] === "CERTIFICATE"
    ? "tls: found a certificate rather than a key in the PEM for the private key"
    : `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${types.join(" ")}]`;
}
