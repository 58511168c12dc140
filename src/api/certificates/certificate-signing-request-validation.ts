import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { CertificateSigningRequest } from "./types.generated.ts";

type Errors = readonly FieldError[];

const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];

const minDurationSeconds = 600;
const maxSignerBytes = 571;

export function validateSigningRequest({ spec }: CertificateSigningRequest): Errors {
  const { request = "", usages: wanted = [], signerName = "", expirationSeconds } = spec ?? {};
  const errors: FieldError[] = [];
  if (!isCertificateRequest(request))
    errors.push(field.invalid("spec.request", request, "PEM block type must be CERTIFICATE REQUEST"));
  if (wanted.length === 0) errors.push(field.required("spec.usages"));
  errors.push(
    ...field.each("spec.usages", wanted, (usage, at) => field.oneOf(at, usage, usages)),
    ...field.unique(
      wanted,
      (usage) => usage,
      (index, usage) => field.duplicate(field.at("spec.usages", index), usage),
    ),
    ...signerNameErrors("spec.signerName", signerName),
  );
  if (signerName === "kubernetes.io/legacy-unknown")
    errors.push(
      field.invalid(
        "spec.signerName",
        signerName,
        "the legacy signerName is not allowed via this API version",
      ),
    );
  if (expirationSeconds !== undefined && expirationSeconds < minDurationSeconds)
    errors.push(
      field.invalid(
        "spec.expirationSeconds",
        expirationSeconds,
        `may not specify a duration less than ${minDurationSeconds} seconds (10 minutes)`,
      ),
    );
  return errors;
}

function isCertificateRequest(base64: string): boolean {
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(base64));
    return text.includes("-----BEGIN CERTIFICATE REQUEST-----");
  } catch {
    return false;
  }
}

/** `example.com/my-signer`: a domain and a path. */
function signerNameErrors(path: string, name: string): Errors {
  if (name === "") return [field.required(path)];
  const [domain = "", ...rest] = name.split("/");
  if (rest.length !== 1)
    return [
      field.invalid(
        path,
        name,
        'must be a fully qualified domain and path of the form "example.com/signer-name"',
      ),
    ];
  const errors: FieldError[] = byteLength(name) > maxSignerBytes ? [field.tooLong(path, maxSignerBytes)] : [];
  if (domain.split(".").length < 2)
    errors.push(
      field.invalid(path, domain, "should be a domain with at least two segments separated by dots"),
    );
  return [
    ...errors,
    ...field.invalidEach(path, domain, dns1123Subdomain(domain)),
    ...field.invalidEach(path, rest[0], dns1123Subdomain(rest[0] ?? "")),
  ];
}

/** A decision is made once, and not taken back. */
export function validateSigningRequestStatus(
  { status }: CertificateSigningRequest,
  old: CertificateSigningRequest,
): Errors {
  const conditions = status?.conditions ?? [];
  const has = (type: string, list = conditions) => list.some((condition) => condition.type === type);
  const errors: FieldError[] = [
    ...field.each("status.conditions", conditions, ({ type, status: value }, at) => [
      ...(type ? [] : [field.required(field.child(at, "type"))]),
      ...field.oneOf(field.child(at, "status"), value, ["True"], { required: true }),
    ]),
  ];
  if (has("Approved") && has("Denied"))
    errors.push(
      field.invalid("status.conditions", "Approved", "Approved and Denied conditions are mutually exclusive"),
    );
  for (const type of ["Approved", "Denied", "Failed"])
    if (has(type, old.status?.conditions) && !has(type))
      errors.push(
        field.forbidden(
          "status.conditions",
          `updates may not remove a condition of type ${field.quote(type)}`,
        ),
      );
  if (old.status?.certificate && status?.certificate !== old.status.certificate)
    errors.push(field.forbidden("status.certificate", "updates may not change or remove the certificate"));
  return errors;
}
