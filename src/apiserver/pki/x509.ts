import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { issuerOf, keyIdOf, nameOf, type Subject, writeCertificate } from "./certificate-writer.ts";

/** X.509 certificates as a cluster uses them. */

export type { Subject } from "./certificate-writer.ts";

export const objectIds = {
  subjectAltName: "2.5.29.17",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Key usage bits by the names of certificates.k8s.io; the value is the bit's number in RFC 5280. */
const keyUsageBits: Readonly<Record<string, number>> = {
  signing: 0,
  "digital signature": 0,
  "content commitment": 1,
  "key encipherment": 2,
  "data encipherment": 3,
  "key agreement": 4,
  "cert sign": 5,
  "crl sign": 6,
  "encipher only": 7,
  "decipher only": 8,
};

const extendedKeyUsageIds: Readonly<Record<string, string>> = {
  any: "2.5.29.37.0",
  "server auth": objectIds.serverAuth,
  "client auth": objectIds.clientAuth,
  "code signing": "1.3.6.1.5.5.7.3.3",
  "email protection": "1.3.6.1.5.5.7.3.4",
  "s/mime": "1.3.6.1.5.5.7.3.4",
  "ipsec end system": "1.3.6.1.5.5.7.3.5",
  "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
  "ipsec user": "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  "ocsp signing": "1.3.6.1.5.5.7.3.9",
  "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
  "netscape sgc": "2.16.840.1.113730.4.1",
};

/** A certificate and its private key, both PEM. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateTemplate {
  /** A name, or one in DER that is kept as it is: a signing request's. */
  readonly subject: Subject | Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Names of `keyUsageBits` and `extendedKeyUsageIds`. */
  readonly usages: readonly string[];
  /** DNS names and IP addresses, mixed; or the content of the extension in DER. */
  readonly subjectAltNames?: readonly string[] | Uint8Array;
}

/** An ECDSA P-256 key pair: a hundred times quicker to make than RSA. */
export function generateKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The DER (a SubjectPublicKeyInfo) of a private key's other half. */
export function publicKeyDer(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}

/** The PEM of a private key's other half. */
export function publicKeyPem(privateKey: string): string {
  return createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
}

/** The PEM of a certificate over `publicKey` (a SubjectPublicKeyInfo in DER), signed by an authority: EC or RSA. */
export function signCertificate(
  { subjectAltNames = [], usages, ...template }: CertificateTemplate,
  publicKey: Uint8Array,
  authority: Credential,
): string {
  return writeCertificate(
    { ...template, ...numbersOf(usages), publicKey, isAuthority: false, subjectAltNames },
    issuerOf(authority.certificate, createPrivateKey(authority.key)),
  );
}

/** The PEM of an authority's own certificate. */
export function selfSignCertificate(
  { usages, ...template }: Omit<CertificateTemplate, "subjectAltNames">,
  key: KeyObject,
): string {
  const publicKey = publicKeyDer(key);
  return writeCertificate(
    { ...template, ...numbersOf(usages), publicKey, isAuthority: true, subjectAltNames: [] },
    { name: nameOf(template.subject), keyId: keyIdOf(publicKey), key },
  );
}

function numbersOf(usages: readonly string[]) {
  return {
    keyUsages: usages.flatMap((usage) => keyUsageBits[usage] ?? []),
    extendedKeyUsages: [...new Set(usages.flatMap((usage) => extendedKeyUsageIds[usage] ?? []))],
  };
}

/** The SHA-256 of a certificate in hexadecimal. */
export function fingerprintOf(certificate: Uint8Array): string {
  return createHash("sha256").update(certificate).digest("hex");
}

/** Whether a text holds at least one certificate, in PEM. */
export function isCertificateBundle(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
    return blocks.length > 0;
  } catch {
    return false;
  }
}
