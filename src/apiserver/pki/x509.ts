import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type webcrypto,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";
import { loadX509, type X509Library } from "./x509-library.ts";

/** X.509 certificates as a cluster uses them, encoded by @peculiar/x509. */

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

export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

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
export async function signCertificate(
  template: CertificateTemplate,
  publicKey: Uint8Array,
  authority: Credential,
): Promise<string> {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(authority.certificate);
  const authorityKeyId =
    issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId ?? (await keyIdOf(x509, issuer.publicKey));
  const certificate = await x509.X509CertificateGenerator.create({
    subject: nameOf(x509, template.subject),
    issuer: issuer.subjectName,
    notBefore: new Date(template.notBeforeMs),
    notAfter: new Date(template.notAfterMs),
    publicKey: bytesOf(publicKey),
    signingKey: signingKey(createPrivateKey(authority.key)),
    extensions: [
      ...usageExtensions(x509, template.usages),
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.AuthorityKeyIdentifierExtension(authorityKeyId),
      ...subjectAltNames(x509, template.subjectAltNames),
    ],
  });
  return pemOf(certificate);
}

/** The PEM of an authority's own certificate. */
export async function selfSignCertificate(
  template: Omit<CertificateTemplate, "subjectAltNames">,
  key: KeyObject,
): Promise<string> {
  const x509 = await loadX509();
  const publicKey = bytesOf(publicKeyDer(key));
  const keyId = await keyIdOf(x509, new x509.PublicKey(publicKey));
  const name = nameOf(x509, template.subject);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: name,
    issuer: name,
    notBefore: new Date(template.notBeforeMs),
    notAfter: new Date(template.notAfterMs),
    publicKey,
    signingKey: signingKey(key),
    extensions: [
      ...usageExtensions(x509, template.usages),
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.SubjectKeyIdentifierExtension(keyId),
      new x509.AuthorityKeyIdentifierExtension(keyId),
    ],
  });
  return pemOf(certificate);
}

function pemOf(certificate: { toString(format: "pem"): string }): string {
  return `${certificate.toString("pem").trimEnd()}\n`;
}

/** RFC 5280's first method: SHA-1 over the key's bits, in hexadecimal. */
async function keyIdOf(x509: X509Library, key: InstanceType<X509Library["PublicKey"]>): Promise<string> {
  return (await x509.SubjectKeyIdentifierExtension.create(key)).keyId;
}

function signingKey(key: KeyObject): webcrypto.CryptoKey {
  if (key.asymmetricKeyType === "rsa")
    return key.toCryptoKey({ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, ["sign"]);
  const namedCurve = curves[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (namedCurve === undefined)
    throw new Error(`a certificate authority's key must be EC or RSA, not ${key.asymmetricKeyType}`);
  return key.toCryptoKey({ name: "ECDSA", namedCurve }, false, ["sign"]);
}

const curves: Readonly<Record<string, string>> = {
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};

function nameOf(x509: X509Library, subject: Subject | Uint8Array): InstanceType<X509Library["Name"]> {
  if (subject instanceof Uint8Array) return new x509.Name(bytesOf(subject));
  const attribute = (type: string, value: string) => ({ [type]: [{ utf8String: value }] });
  return new x509.Name([
    ...(subject.organizations ?? []).map((name) => attribute("O", name)),
    attribute("CN", subject.commonName),
  ]);
}

function usageExtensions(x509: X509Library, usages: readonly string[]) {
  const bits = usages.flatMap((usage) => keyUsageBits[usage] ?? []);
  const purposes = new Set(usages.flatMap((usage) => extendedKeyUsageIds[usage] ?? []));
  return [
    ...(bits.length === 0
      ? []
      : [
          new x509.KeyUsagesExtension(
            bits.reduce((flags, bit) => flags | (1 << bit), 0),
            true,
          ),
        ]),
    ...(purposes.size === 0 ? [] : [new x509.ExtendedKeyUsageExtension([...purposes])]),
  ];
}

function subjectAltNames(x509: X509Library, names: readonly string[] | Uint8Array = []) {
  if (names.length === 0) return [];
  if (names instanceof Uint8Array)
    return [new x509.Extension(objectIds.subjectAltName, false, bytesOf(names))];
  return [
    new x509.SubjectAlternativeNameExtension(
      names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
    ),
  ];
}

/** The library takes bytes in a buffer of their own only. */
function bytesOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
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
