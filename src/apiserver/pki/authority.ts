import { type KeyObject, X509Certificate } from "node:crypto";
import {
  type Credential,
  generateKey,
  privateKeyPem,
  publicKeyDer,
  type Subject,
  selfSignCertificate,
  signCertificate,
} from "./x509.ts";

const dayMs = 86_400_000;
const authorityValidityMs = 10 * 365 * dayMs;
const leafValidityMs = 365 * dayMs;
/** Clocks of machines differ a little: a new certificate is valid from a little before now. */
const backdateMs = 5 * 60_000;

/** A self-signed certificate authority, valid for ten years. `key`: an existing private key is kept. */
export async function createAuthority(
  commonName: string,
  nowMs: number,
  key: KeyObject = generateKey(),
): Promise<Credential> {
  const certificate = await selfSignCertificate(
    {
      subject: { commonName },
      notBeforeMs: nowMs - backdateMs,
      notAfterMs: nowMs + authorityValidityMs,
      usages: ["digital signature", "key encipherment", "cert sign"],
    },
    key,
  );
  return { certificate, key: privateKeyPem(key) };
}

export interface IssueOptions {
  readonly nowMs: number;
  /** A year unless said; never beyond the authority's own end. */
  readonly validityMs?: number;
}

/** A new key and a client certificate: the API server reads the user from CN and the groups from O. */
export function issueClientCertificate(
  authority: Credential,
  subject: Subject,
  options: IssueOptions,
): Promise<Credential> {
  return issue(authority, subject, ["digital signature", "key encipherment", "client auth"], [], options);
}

/** A new key and a serving certificate for DNS names and IP addresses. */
export function issueServingCertificate(
  authority: Credential,
  subject: Subject,
  subjectAltNames: readonly string[],
  options: IssueOptions,
): Promise<Credential> {
  const usages = ["digital signature", "key encipherment", "server auth"];
  return issue(authority, subject, usages, subjectAltNames, options);
}

async function issue(
  authority: Credential,
  subject: Subject,
  usages: readonly string[],
  subjectAltNames: readonly string[],
  options: IssueOptions,
): Promise<Credential> {
  const key = generateKey();
  const certificate = await signCertificate(
    {
      subject,
      notBeforeMs: options.nowMs - backdateMs,
      notAfterMs: notAfterMs(authority, options),
      usages,
      subjectAltNames,
    },
    publicKeyDer(key),
    authority,
  );
  return { certificate, key: privateKeyPem(key) };
}

/** A certificate that outlives its issuer is refused by verifiers: the earlier end counts. */
export function notAfterMs(authority: Credential, options: IssueOptions): number {
  const authorityEndMs = Date.parse(new X509Certificate(authority.certificate).validTo);
  return Math.min(authorityEndMs, options.nowMs + (options.validityMs ?? leafValidityMs));
}
