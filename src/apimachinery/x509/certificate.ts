import { hexOf } from "../../base/base64.ts";
import { DerReader, derTag, isBitString, isInteger } from "./der.ts";
import { type KeyIdentity, readPublicKey } from "./public-key.ts";

/**
 * What is wrong with the form of a certificate, in the words of Go's `crypto/x509`; undefined: nothing. The content of
 * extensions is not looked into, and no signature is checked.
 */
export function certificateFault(der: Uint8Array): string | undefined {
  const input = new DerReader(der);
  const whole = input.read(derTag.sequence);
  if (whole === undefined) return "x509: malformed certificate";
  return faultOf(whole) ?? (input.isEmpty ? undefined : "x509: trailing data");
}

/** As `certificateFault`, of several, one after the other; "" where there is none. */
export function certificatesFault(der: Uint8Array): string | undefined {
  const input = new DerReader(der);
  if (input.isEmpty) return "";
  while (!input.isEmpty) {
    const whole = input.read(derTag.sequence);
    const fault = whole === undefined ? "x509: malformed certificate" : faultOf(whole);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultOf(content: Uint8Array): string | undefined {
  const certificate = new DerReader(content);
  const signed = certificate.read(derTag.sequence);
  if (signed === undefined) return "x509: malformed tbs certificate";
  const { fault, algorithm } = signedFault(new DerReader(signed));
  if (fault !== undefined) return fault;
  const outer = certificate.read(derTag.sequence);
  if (outer === undefined) return "x509: malformed algorithm identifier";
  if (algorithm !== hexOf(outer)) return "x509: inner and outer signature algorithm identifiers don't match";
  return isBitString(certificate.read(derTag.bitString)) ? undefined : "x509: malformed signature";
}

function signedFault(signed: DerReader): {
  readonly fault?: string | undefined;
  readonly algorithm?: string;
} {
  const version = versionOf(signed);
  if (typeof version === "string") return { fault: version };
  const serial = signed.read(derTag.integer);
  if (!isInteger(serial)) return { fault: "x509: malformed serial number" };
  if ((serial[0] ?? 0) >= 0x80) return { fault: "x509: negative serial number" };
  const algorithm = signed.read(derTag.sequence);
  if (algorithm === undefined) return { fault: "x509: malformed signature algorithm identifier" };
  if (new DerReader(algorithm).read(derTag.objectId) === undefined) return { fault: "x509: malformed OID" };
  const fault = namesFault(signed) ?? keyFault(signed) ?? extensionsFault(signed, version);
  return { fault, algorithm: hexOf(algorithm) };
}

function versionOf(signed: DerReader): number | string {
  if (signed.tag !== derTag.explicit(0)) return 1;
  const content = new DerReader(signed.read(derTag.explicit(0)) ?? new Uint8Array()).read(derTag.integer);
  if (!isInteger(content) || (content[0] ?? 0) >= 0x80) return "x509: malformed version";
  const version = (content[0] ?? 0) + 1;
  return content.length > 1 || version > 3 ? "x509: invalid version" : version;
}

function namesFault(signed: DerReader): string | undefined {
  const issuer = nameFault(signed.read(derTag.sequence));
  if (issuer !== undefined) return issuer;
  const validity = signed.read(derTag.sequence);
  if (validity === undefined) return "x509: malformed validity";
  const times = new DerReader(validity);
  const fault = timeFault(times) ?? timeFault(times);
  if (fault !== undefined) return fault;
  return nameFault(signed.read(derTag.sequence));
}

/** Go says of subjects too that they are malformed issuers. */
function nameFault(content: Uint8Array | undefined): string | undefined {
  if (content === undefined) return "x509: malformed issuer";
  const fault = "x509: invalid RDNSequence";
  const sets = new DerReader(content);
  while (!sets.isEmpty) {
    const set = sets.read(derTag.set);
    if (set === undefined) return fault;
    const attributes = new DerReader(set);
    while (!attributes.isEmpty) {
      const attribute = attributes.read(derTag.sequence);
      if (attribute === undefined) return `${fault}: invalid attribute`;
      const parts = new DerReader(attribute);
      if (parts.read(derTag.objectId) === undefined) return `${fault}: invalid attribute type`;
      if (parts.tag === undefined || parts.read(parts.tag) === undefined)
        return `${fault}: invalid attribute value`;
    }
  }
  return undefined;
}

function timeFault(times: DerReader): string | undefined {
  const text = (content: Uint8Array | undefined) => new TextDecoder().decode(content ?? new Uint8Array());
  switch (times.tag) {
    case derTag.utcTime:
      return /^\d{10}(\d{2})?(Z|[+-]\d{4})$/.test(text(times.read(derTag.utcTime)))
        ? undefined
        : "x509: malformed UTCTime";
    case derTag.generalizedTime:
      return /^\d{14}Z$/.test(text(times.read(derTag.generalizedTime)))
        ? undefined
        : "x509: malformed GeneralizedTime";
    default:
      return "x509: unsupported time format";
  }
}

function keyFault(signed: DerReader): string | undefined {
  const content = signed.read(derTag.sequence);
  if (content === undefined) return "x509: malformed spki";
  const key = readPublicKey(content);
  return typeof key === "string" ? key : undefined;
}

/** The key of a certificate that has no fault. */
export function publicKeyOf(der: Uint8Array): KeyIdentity {
  const certificate = new DerReader(new DerReader(der).read(derTag.sequence) ?? new Uint8Array());
  const signed = new DerReader(certificate.read(derTag.sequence) ?? new Uint8Array());
  signed.skipOptional(derTag.explicit(0));
  signed.read(derTag.integer);
  // The algorithm, issuer, validity and subject.
  for (let count = 0; count < 4; count++) signed.read(derTag.sequence);
  const key = readPublicKey(signed.read(derTag.sequence) ?? new Uint8Array());
  return typeof key === "string" ? { type: "other" } : key;
}

function extensionsFault(signed: DerReader, version: number): string | undefined {
  if (version === 1) return undefined;
  if (!signed.skipOptional(derTag.implicit(1))) return "x509: malformed issuerUniqueID";
  if (!signed.skipOptional(derTag.implicit(2))) return "x509: malformed subjectUniqueID";
  if (version < 3 || signed.tag !== derTag.explicit(3)) return undefined;
  const outer = new DerReader(signed.read(derTag.explicit(3)) ?? new Uint8Array());
  const list = outer.read(derTag.sequence);
  if (list === undefined) return "x509: malformed extensions";
  const extensions = new DerReader(list);
  const seen = new Set<string>();
  while (!extensions.isEmpty) {
    const content = extensions.read(derTag.sequence);
    if (content === undefined) return "x509: malformed extension";
    const extension = new DerReader(content);
    const id = extension.read(derTag.objectId);
    if (id === undefined) return "x509: malformed extension OID field";
    if (!extension.skipOptional(derTag.boolean)) return "x509: malformed extension critical field";
    if (extension.read(derTag.octetString) === undefined) return "x509: malformed extension value field";
    if (seen.has(id.join())) return "x509: certificate contains duplicate extensions";
    seen.add(id.join());
  }
  return undefined;
}
