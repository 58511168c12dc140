import { DerReader, derTag } from "../../apimachinery/x509/der.ts";
import { decodePem } from "../../apimachinery/x509/pem.ts";
import { readPublicKey } from "../../apimachinery/x509/public-key.ts";
import { notAfterMs } from "./authority.ts";
import { type Credential, objectIds, signCertificate } from "./x509.ts";
import { loadX509, type X509Library } from "./x509-library.ts";

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

/** Reads a PEM "CERTIFICATE REQUEST". Rejects with an Error that says what is wrong with it, in the words of Go's `crypto/x509`. */
export async function parseSigningRequest(pem: string): Promise<SigningRequest> {
  const x509 = await loadX509();
  const request = decode(x509, pem);
  await checkSignature(request);
  const extension = request.getExtension(objectIds.subjectAltName);
  const altNames =
    extension === null ? [] : new x509.SubjectAlternativeNameExtension(extension.rawData).names.items;
  const texts = (type: string) => altNames.filter((name) => name.type === type).map(({ value }) => value);
  const { subjectName } = request;
  return {
    commonName: subjectName.getField("CN").at(-1) ?? "",
    organizations: subjectName.getField("O"),
    dnsNames: texts("dns"),
    emailAddresses: texts("email"),
    uris: texts("url"),
    ipAddresses: texts("ip"),
    subjectDer: new Uint8Array(subjectName.toArrayBuffer()),
    publicKeyDer: new Uint8Array(request.publicKey.rawData),
    ...(extension === null ? {} : { subjectAltNameDer: new Uint8Array(extension.value) }),
  };
}

type Request = InstanceType<X509Library["Pkcs10CertificateRequest"]>;

function decode(x509: X509Library, pem: string): Request {
  const label = x509.PemConverter.CertificateRequestTag;
  const [block] = decodePem(pem).blocks;
  if (block?.type !== label) throw new Error(`PEM block type must be ${label}`);
  checkWhole(block.bytes);
  const request = readRequest(x509, block.bytes);
  // The library takes keys that are none.
  const key = new DerReader(new Uint8Array(request.publicKey.rawData)).read(derTag.sequence);
  const read = readPublicKey(key ?? new Uint8Array());
  if (typeof read === "string") throw new Error(read);
  return request;
}

function readRequest(x509: X509Library, der: Uint8Array): Request {
  try {
    return new x509.Pkcs10CertificateRequest(der.slice());
  } catch (error) {
    throw new Error("asn1: structure error: malformed certificate request", { cause: error });
  }
}

/** The library reads what is cut off, and what has something behind it. */
function checkWhole(der: Uint8Array): void {
  if (der.length === 0) throw new Error("asn1: syntax error: sequence truncated");
  const input = new DerReader(der);
  const content = input.read(derTag.sequence);
  if (content?.length === 0) throw new Error("asn1: syntax error: sequence truncated");
  if (content === undefined && der[0] === derTag.sequence)
    throw new Error("asn1: syntax error: data truncated");
  if (!input.isEmpty && content !== undefined) throw new Error("asn1: syntax error: trailing data");
}

/** A request proves that whoever made it holds the key. */
async function checkSignature(request: Request): Promise<void> {
  const { name = "" } = request.signatureAlgorithm as { readonly name?: string }; // its base type is the DOM's, which is not loaded
  let isGood = false;
  try {
    isGood = await request.verify();
  } catch (error) {
    // What is no signature of a known algorithm is not a good one.
    if (!/^(ECDSA|RSA|Ed25519)/.test(name))
      throw new Error("x509: cannot verify signature: algorithm unimplemented", { cause: error });
  }
  if (isGood) return;
  throw new Error(
    name.startsWith("RSA") ? "crypto/rsa: verification error" : `x509: ${name} verification failure`,
  );
}

/** A certificate (PEM) for a request (PEM) that was approved: its name and key, and the usages that were asked for. */
export async function signRequest(
  authority: Credential,
  requestPem: string,
  options: { readonly nowMs: number; readonly validityMs: number; readonly usages: readonly string[] },
): Promise<string> {
  const request = await parseSigningRequest(requestPem);
  return signCertificate(
    {
      subject: request.subjectDer,
      notBeforeMs: options.nowMs - 5 * 60_000,
      notAfterMs: notAfterMs(authority, options),
      usages: options.usages,
      ...(request.subjectAltNameDer === undefined ? {} : { subjectAltNames: request.subjectAltNameDer }),
    },
    request.publicKeyDer,
    authority,
  );
}
