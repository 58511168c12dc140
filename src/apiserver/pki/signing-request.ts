import { createPublicKey, verify } from "node:crypto";
import { notAfterMs } from "./authority.ts";
import { contextTag, type DerValue, pemDecode, readAll, readOid, readOne, tags } from "./der.ts";
import {
  type Credential,
  certificatePem,
  issuerFrom,
  objectIds,
  readExtensions,
  signCertificate,
} from "./x509.ts";

/** What a PKCS#10 request says of itself; its signature was checked. */
export interface SigningRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly subjectDer: Uint8Array;
  readonly publicKeyDer: Uint8Array;
  /** The content of the subject alternative name extension it asks for. */
  readonly subjectAltNameDer?: Uint8Array;
}

const altNameTags = {
  email: contextTag(1, { constructed: false }),
  dns: contextTag(2, { constructed: false }),
  uri: contextTag(6, { constructed: false }),
  address: contextTag(7, { constructed: false }),
};

/** Reads a PEM "CERTIFICATE REQUEST". Throws an Error that says what is wrong with it. */
export function parseSigningRequest(pem: string): SigningRequest {
  const der = pemDecode("CERTIFICATE REQUEST", pem);
  if (der === undefined) throw new Error("PEM block type must be CERTIFICATE REQUEST");
  const [info, algorithm, signature] = readAll(readOne(der).value);
  if (info === undefined || algorithm === undefined || signature === undefined)
    throw new Error("malformed certificate request");
  const [, subject, publicKey, attributes] = readAll(info.value);
  if (subject === undefined || publicKey === undefined) throw new Error("malformed certificate request");
  checkSignature(info, algorithm, signature, publicKey);

  const altNameDer = requestedExtension(attributes, objectIds.subjectAltName);
  const altNames = altNameDer === undefined ? [] : readAll(readOne(altNameDer).value);
  const texts = (tag: number) =>
    altNames.filter((name) => name.tag === tag).map((name) => name.value.toString("latin1"));
  return {
    commonName: nameParts(subject, objectIds.commonName).at(-1) ?? "",
    organizations: nameParts(subject, objectIds.organization),
    dnsNames: texts(altNameTags.dns),
    emailAddresses: texts(altNameTags.email),
    uris: texts(altNameTags.uri),
    ipAddresses: altNames
      .filter((name) => name.tag === altNameTags.address)
      .map((name) => addressText(name.value)),
    subjectDer: subject.raw,
    publicKeyDer: publicKey.raw,
    ...(altNameDer === undefined ? {} : { subjectAltNameDer: altNameDer }),
  };
}

/** A certificate for a request that was approved: its name and key, and the usages that were asked for. */
export function signRequest(
  authority: Credential,
  request: SigningRequest,
  options: { readonly nowMs: number; readonly validityMs: number; readonly usages: readonly string[] },
): string {
  const der = signCertificate(
    {
      subject: { commonName: request.commonName },
      subjectDer: request.subjectDer,
      notBeforeMs: options.nowMs - 5 * 60_000,
      notAfterMs: notAfterMs(authority, options),
      usages: options.usages,
      ...(request.subjectAltNameDer === undefined ? {} : { subjectAltNameDer: request.subjectAltNameDer }),
    },
    request.publicKeyDer,
    issuerFrom(authority),
  );
  return certificatePem(der);
}

const hashOfAlgorithm: Readonly<Record<string, string>> = {
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
};
const ed25519 = "1.3.101.112";

function checkSignature(info: DerValue, algorithm: DerValue, signature: DerValue, publicKey: DerValue): void {
  const id = readAll(algorithm.value)[0];
  const name = id === undefined ? "" : readOid(id);
  const hash = hashOfAlgorithm[name];
  if (hash === undefined && name !== ed25519) throw new Error(`unsupported signature algorithm ${name}`);
  const key = createPublicKey({ key: publicKey.raw, format: "der", type: "spki" });
  if (!verify(hash ?? null, info.raw, key, signature.value.subarray(1)))
    throw new Error("the certificate request's signature does not match its key");
}

function nameParts(name: DerValue, id: string): string[] {
  const found: string[] = [];
  for (const relative of readAll(name.value)) {
    for (const attribute of readAll(relative.value)) {
      const [type, value] = readAll(attribute.value);
      if (type !== undefined && value !== undefined && readOid(type) === id) found.push(text(value));
    }
  }
  return found;
}

function text(value: DerValue): string {
  const encoding = value.tag === tags.utf8String ? "utf8" : "latin1";
  return value.value.toString(encoding);
}

function requestedExtension(attributes: DerValue | undefined, id: string): Buffer | undefined {
  if (attributes === undefined) return undefined;
  for (const attribute of readAll(attributes.value)) {
    const [type, values] = readAll(attribute.value);
    if (type === undefined || values === undefined || readOid(type) !== objectIds.extensionRequest) continue;
    const list = readAll(values.value)[0];
    if (list !== undefined) return readExtensions(list).get(id);
  }
  return undefined;
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join(".");
  const groups: string[] = [];
  for (let index = 0; index + 1 < bytes.length; index += 2)
    groups.push(bytes.readUInt16BE(index).toString(16));
  return groups.join(":");
}
