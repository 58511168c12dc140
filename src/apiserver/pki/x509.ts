import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { isIP } from "node:net";
import {
  bitString,
  booleanTrue,
  contextTag,
  type DerValue,
  encode,
  integer,
  nullValue,
  octetString,
  oid,
  pemDecode,
  pemEncode,
  readAll,
  readOid,
  readOne,
  sequence,
  set,
  tags,
  time,
  utf8String,
} from "./der.ts";

/** X.509 certificates: what of RFC 5280 a cluster's own certificates use. */

export const objectIds = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  sha256WithRsa: "1.2.840.113549.1.1.11",
  extensionRequest: "1.2.840.113549.1.9.14",
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
  readonly subject: Subject;
  /** The subject's name in DER, in place of `subject`: a signing request's name is kept byte for byte. */
  readonly subjectDer?: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly isAuthority?: boolean;
  /** Names of `keyUsageBits` and `extendedKeyUsageIds`. */
  readonly usages: readonly string[];
  /** DNS names and IP addresses, mixed. */
  readonly subjectAltNames?: readonly string[];
  /** A subject alternative name extension's content in DER, in place of `subjectAltNames`. */
  readonly subjectAltNameDer?: Uint8Array;
}

/** Who signs. */
export interface Issuer {
  readonly nameDer: Uint8Array;
  readonly keyId: Uint8Array;
  readonly key: KeyObject;
}

/** An ECDSA P-256 key pair: a hundred times quicker to make than RSA. */
export function generateKey(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The DER of a certificate over `publicKeyDer` (a SubjectPublicKeyInfo), signed by `issuer`. */
export function signCertificate(
  template: CertificateTemplate,
  publicKeyDer: Uint8Array,
  issuer: Issuer,
): Buffer {
  const algorithm = signatureAlgorithm(issuer.key);
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f;
  const toBeSigned = sequence(
    encode(contextTag(0, { constructed: true }), integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    issuer.nameDer,
    sequence(time(template.notBeforeMs), time(template.notAfterMs)),
    template.subjectDer ?? encodeName(template.subject),
    publicKeyDer,
    encode(contextTag(3, { constructed: true }), sequence(...extensions(template, publicKeyDer, issuer))),
  );
  return sequence(toBeSigned, algorithm, bitString(sign("sha256", toBeSigned, issuer.key)));
}

function signatureAlgorithm(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === "ec") return sequence(oid(objectIds.ecdsaWithSha256));
  if (key.asymmetricKeyType === "rsa") return sequence(oid(objectIds.sha256WithRsa), nullValue());
  throw new Error(`a certificate authority's key must be EC or RSA, not ${key.asymmetricKeyType}`);
}

export function encodeName(subject: Subject): Buffer {
  const attribute = (id: string, value: string) => set(sequence(oid(id), utf8String(value)));
  return sequence(
    ...(subject.organizations ?? []).map((name) => attribute(objectIds.organization, name)),
    attribute(objectIds.commonName, subject.commonName),
  );
}

function extensions(template: CertificateTemplate, publicKeyDer: Uint8Array, issuer: Issuer): Buffer[] {
  const list: Buffer[] = [];
  const add = (id: string, value: Uint8Array, critical = false) =>
    list.push(sequence(oid(id), ...(critical ? [booleanTrue()] : []), octetString(value)));

  const bits = template.usages.flatMap((usage) => keyUsageBits[usage] ?? []);
  if (bits.length > 0) add(objectIds.keyUsage, encodeKeyUsage(bits), true);
  const purposes = template.usages.flatMap((usage) => extendedKeyUsageIds[usage] ?? []);
  if (purposes.length > 0) add(objectIds.extendedKeyUsage, sequence(...purposes.map(oid)));
  add(objectIds.basicConstraints, template.isAuthority === true ? sequence(booleanTrue()) : sequence(), true);
  if (template.isAuthority === true) add(objectIds.subjectKeyId, octetString(keyIdOf(publicKeyDer)));
  add(objectIds.authorityKeyId, sequence(encode(contextTag(0, { constructed: false }), issuer.keyId)));
  const names = template.subjectAltNames ?? [];
  if (template.subjectAltNameDer !== undefined) add(objectIds.subjectAltName, template.subjectAltNameDer);
  else if (names.length > 0) add(objectIds.subjectAltName, sequence(...names.map(encodeAltName)));
  return list;
}

function encodeKeyUsage(bits: readonly number[]): Buffer {
  const highest = Math.max(...bits);
  const bytes = Buffer.alloc(Math.floor(highest / 8) + 1);
  for (const bit of bits) {
    const index = Math.floor(bit / 8);
    bytes[index] = (bytes[index] ?? 0) | (0x80 >> (bit % 8));
  }
  return bitString(bytes, { unusedBits: 7 - (highest % 8) });
}

function encodeAltName(name: string): Buffer {
  if (isIP(name) === 0) return encode(contextTag(2, { constructed: false }), Buffer.from(name, "latin1"));
  return encode(contextTag(7, { constructed: false }), addressBytes(name));
}

/** Four or sixteen bytes. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").flatMap(groupBytes));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 16 - left.length - right.length }, () => 0);
  return Buffer.from([...left, ...zeros, ...right]);
}

function groupBytes(group: string): number[] {
  if (group.includes(".")) return group.split(".").map(Number);
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
}

/** RFC 5280's first method: SHA-1 over the key's bits. */
export function keyIdOf(publicKeyDer: Uint8Array): Buffer {
  const key = readAll(readOne(publicKeyDer).value)[1];
  if (key === undefined) throw new Error("not a SubjectPublicKeyInfo");
  return createHash("sha1").update(key.value.subarray(1)).digest();
}

/** An issuer from an authority's certificate and key, as PEM; EC or RSA. */
export function issuerFrom(authority: Credential): Issuer {
  const der = pemDecode("CERTIFICATE", authority.certificate);
  if (der === undefined) throw new Error("no certificate in the PEM of the certificate authority");
  const fields = readAll(firstOf(readOne(der)).value);
  // version, serial, algorithm, issuer, validity, subject, key …
  const subject = fields[5];
  const publicKey = fields[6];
  if (subject === undefined || publicKey === undefined) throw new Error("not an X.509 v3 certificate");
  const list = fields.find((field) => field.tag === contextTag(3, { constructed: true }));
  const keyId =
    list === undefined ? undefined : readExtensions(readOne(list.value)).get(objectIds.subjectKeyId);
  return {
    nameDer: subject.raw,
    keyId: keyId === undefined ? keyIdOf(publicKey.raw) : readOne(keyId).value,
    key: createPrivateKey(authority.key),
  };
}

function firstOf(value: DerValue): DerValue {
  const first = readAll(value.value)[0];
  if (first === undefined) throw new Error("DER: an empty sequence");
  return first;
}

/** A sequence of extensions as a map from object identifier to the extension's content. */
export function readExtensions(list: DerValue): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const extension of readAll(list.value)) {
    const parts = readAll(extension.value);
    const id = parts[0];
    const content = parts.at(-1);
    if (id !== undefined && content?.tag === tags.octetString) found.set(readOid(id), content.value);
  }
  return found;
}

export function certificatePem(der: Uint8Array): string {
  return pemEncode("CERTIFICATE", der);
}

/** The SHA-256 of a certificate in hexadecimal. */
export function fingerprintOf(certificate: Uint8Array): string {
  return createHash("sha256").update(certificate).digest("hex");
}
