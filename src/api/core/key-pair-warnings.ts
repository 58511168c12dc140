import { certificateFault } from "../../apimachinery/x509/certificate.ts";
import { decodeBase64Pem } from "../../apimachinery/x509/pem.ts";

/** Why a certificate and a key (PEM in base64) cannot be a pair, in the words of Go's TLS library. Whether they match is not asked. */
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
  return keyFault(decodeBase64Pem(key).blocks.map(({ type }) => type)) ?? certificateFault(leaf.bytes);
}

function keyFault(types: readonly string[]): string | undefined {
  if (types.some((type) => type === "PRIVATE KEY" || type.endsWith(" PRIVATE KEY"))) return undefined;
  if (types.length === 0) return "tls: failed to find any PEM data in key input";
  return types.length === 1 && types[0] === "CERTIFICATE"
    ? "tls: found a certificate rather than a key in the PEM for the private key"
    : `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${types.join(" ")}]`;
}
