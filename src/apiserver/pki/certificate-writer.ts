import { createHash, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { DerReader, derTag } from "../../apimachinery/x509/der.ts";
import {
  der,
  derBitString,
  derInteger,
  derNamedBits,
  derObjectId,
  derTime,
  derUtf8String,
} from "../../apimachinery/x509/der-writer.ts";

/** Certificates of the third version, as RFC 5280 has them. */

const objectIds = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  rsaWithSha256: "1.2.840.113549.1.1.11",
} as const;

export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

/** What is signed, but for who signs it. */
export interface CertificateContent {
  /** A name, or one in DER that is kept as it is. */
  readonly subject: Subject | Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** A SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  readonly isAuthority: boolean;
  /** Numbers of bits. */
  readonly keyUsages: readonly number[];
  /** Object ids. */
  readonly extendedKeyUsages: readonly string[];
  /** DNS names and IP addresses, mixed; or the content of the extension in DER. */
  readonly subjectAltNames: readonly string[] | Uint8Array;
}

export interface Issuer {
  /** Its name in DER. */
  readonly name: Uint8Array;
  readonly keyId: Uint8Array;
  /** EC or RSA. */
  readonly key: KeyObject;
}

/** The certificate, PEM. */
export function writeCertificate(content: CertificateContent, issuer: Issuer): string {
  const algorithm = algorithmOf(issuer.key);
  const signed = der(
    derTag.sequence,
    der(derTag.explicit(0), derInteger(Uint8Array.of(2))),
    derInteger(randomBytes(serialBytes)),
    algorithm,
    issuer.name,
    der(derTag.sequence, derTime(content.notBeforeMs), derTime(content.notAfterMs)),
    nameOf(content.subject),
    content.publicKey,
    der(derTag.explicit(3), der(derTag.sequence, ...extensionsOf(content, issuer))),
  );
  const signature = derBitString(sign("sha256", signed, issuer.key));
  return pemOf(der(derTag.sequence, signed, algorithm, signature));
}

const serialBytes = 16;

function algorithmOf({ asymmetricKeyType: type }: KeyObject): Uint8Array {
  if (type === "ec") return der(derTag.sequence, derObjectId(objectIds.ecdsaWithSha256));
  if (type === "rsa") return der(derTag.sequence, derObjectId(objectIds.rsaWithSha256), der(derTag.null));
  throw new Error(`a certificate authority's key must be EC or RSA, not ${type}`);
}

/** A name in DER: each attribute a part of its own. */
export function nameOf(subject: Subject | Uint8Array): Uint8Array {
  if (subject instanceof Uint8Array) return subject;
  const part = (id: string, value: string) =>
    der(derTag.set, der(derTag.sequence, derObjectId(id), derUtf8String(value)));
  const organizations = subject.organizations ?? [];
  return der(
    derTag.sequence,
    ...organizations.map((name) => part(objectIds.organization, name)),
    part(objectIds.commonName, subject.commonName),
  );
}

function extensionsOf(content: CertificateContent, issuer: Issuer): Uint8Array[] {
  const { keyUsages, extendedKeyUsages, isAuthority, subjectAltNames: names } = content;
  const purposes = extendedKeyUsages.map(derObjectId);
  const yes = der(derTag.boolean, Uint8Array.of(0xff));
  return [
    ...(keyUsages.length === 0 ? [] : [critical(objectIds.keyUsage, derNamedBits(keyUsages))]),
    ...(purposes.length === 0 ? [] : [plain(objectIds.extendedKeyUsage, der(derTag.sequence, ...purposes))]),
    critical(objectIds.basicConstraints, der(derTag.sequence, ...(isAuthority ? [yes] : []))),
    ...(isAuthority
      ? [plain(objectIds.subjectKeyId, der(derTag.octetString, keyIdOf(content.publicKey)))]
      : []),
    plain(objectIds.authorityKeyId, der(derTag.sequence, der(derTag.implicit(0), issuer.keyId))),
    ...(names.length === 0 ? [] : [plain(objectIds.subjectAltName, altNamesOf(names))]),
  ];
}

function plain(id: string, value: Uint8Array): Uint8Array {
  return der(derTag.sequence, derObjectId(id), der(derTag.octetString, value));
}

function critical(id: string, value: Uint8Array): Uint8Array {
  const yes = der(derTag.boolean, Uint8Array.of(0xff));
  return der(derTag.sequence, derObjectId(id), yes, der(derTag.octetString, value));
}

function altNamesOf(names: readonly string[] | Uint8Array): Uint8Array {
  if (names instanceof Uint8Array) return names;
  return der(
    derTag.sequence,
    ...names.map((name) =>
      isIP(name) === 0
        ? der(derTag.implicit(2), new TextEncoder().encode(name))
        : der(derTag.implicit(7), addressBytes(name)),
    ),
  );
}

/** Four bytes, or sixteen. */
function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split(".").map(Number));
  // As a URL it is in its one form: no address of four bytes at its end, and "::" at most once.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const groups = (part = "") =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = groups(tail);
  const between = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Uint8Array.from([...before, ...between, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

/** RFC 5280's first method: SHA-1 over the bits of the key. */
export function keyIdOf(publicKey: Uint8Array): Uint8Array {
  const info = new DerReader(new DerReader(publicKey).read(derTag.sequence) ?? new Uint8Array());
  info.read(derTag.sequence);
  const bits = info.read(derTag.bitString);
  if (bits === undefined) throw new Error("not a public key");
  return createHash("sha1").update(bits.subarray(1)).digest();
}

/** Who signs with an authority's certificate (PEM) and key. */
export function issuerOf(certificate: string, key: KeyObject): Issuer {
  const { raw } = new X509Certificate(certificate);
  const whole = new DerReader(raw).read(derTag.sequence);
  const signed = new DerReader(
    new DerReader(whole ?? new Uint8Array()).read(derTag.sequence) ?? new Uint8Array(),
  );
  signed.skipOptional(derTag.explicit(0));
  signed.read(derTag.integer);
  for (const _before of ["algorithm", "issuer", "validity"]) signed.read(derTag.sequence);
  const name = signed.readWhole(derTag.sequence);
  const publicKey = signed.readWhole(derTag.sequence);
  if (name === undefined || publicKey === undefined) throw new Error("not a certificate");
  for (const unique of [1, 2]) signed.skipOptional(derTag.implicit(unique));
  return { name, keyId: ownKeyId(signed.read(derTag.explicit(3))) ?? keyIdOf(publicKey), key };
}

/** What its own extension says. */
function ownKeyId(wrapped: Uint8Array = new Uint8Array()): Uint8Array | undefined {
  const extensions = new DerReader(new DerReader(wrapped).read(derTag.sequence) ?? new Uint8Array());
  const wanted = Buffer.from(derObjectId(objectIds.subjectKeyId));
  while (!extensions.isEmpty) {
    const extension = new DerReader(extensions.read(derTag.sequence) ?? new Uint8Array());
    const id = extension.readWhole(derTag.objectId);
    if (id === undefined) return undefined;
    if (!wanted.equals(id)) continue;
    extension.skipOptional(derTag.boolean);
    return new DerReader(extension.read(derTag.octetString) ?? new Uint8Array()).read(derTag.octetString);
  }
  return undefined;
}

const lineLength = 64;

function pemOf(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString("base64")
      .match(new RegExp(`.{1,${lineLength}}`, "g")) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
