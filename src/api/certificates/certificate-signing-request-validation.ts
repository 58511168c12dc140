import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { signerNameErrors } from "./signer-name.ts";
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
    ...(signerName === "kubernetes.io/legacy-unknown"
      ? [
          field.invalid(
            "spec.signerName",
            signerName,
            "the legacy signerName is not allowed via this API version",
          ),
        ]
      : signerNameErrors("spec.signerName", signerName)),
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
  return decoded(base64).includes("-----BEGIN CERTIFICATE REQUEST-----");
}

/** The text that base64 stands for; "" where it stands for none. */
function decoded(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(base64));
  } catch {
    return "";
  }
}

const decisions = ["Approved", "Denied"];

/** A report: by the signer, who makes the certificate and decides nothing. */
export function validateSigningRequestStatus(
  request: CertificateSigningRequest,
  old: CertificateSigningRequest,
): Errors {
  const errors: FieldError[] = [...conditionErrors(request, old)];
  for (const type of decisions) {
    const [after, before] = [conditionsOf(request, type), conditionsOf(old, type)];
    if (after.length > before.length)
      errors.push(
        field.forbidden("status.conditions", `updates may not add a condition of type ${field.quote(type)}`),
      );
    else if (after.length === before.length && !field.semanticEqual(after, before))
      errors.push(
        field.forbidden(
          "status.conditions",
          `updates may not modify a condition of type ${field.quote(type)}\n${field.describeDifference(before, after)}`,
        ),
      );
  }
  const [after = "", before = ""] = [request.status?.certificate, old.status?.certificate];
  if (after === before) return errors;
  if (before !== "")
    errors.push(field.forbidden("status.certificate", "updates may not modify existing certificate content"));
  if (after !== "" && !decoded(after).includes("-----BEGIN CERTIFICATE-----"))
    errors.push(
      field.invalid(
        "status.certificate",
        "<certificate data>",
        "must contain at least one CERTIFICATE PEM block",
      ),
    );
  return errors;
}

/** A decision: it is made once, and not taken back. */
export function validateSigningRequestApproval(
  request: CertificateSigningRequest,
  old: CertificateSigningRequest,
): Errors {
  const errors = conditionErrors(request, old);
  return (request.status?.certificate ?? "") === (old.status?.certificate ?? "")
    ? errors
    : [...errors, field.forbidden("status.certificate", "updates may not set certificate content")];
}

function conditionsOf({ status }: CertificateSigningRequest, type: string) {
  return (status?.conditions ?? []).filter((condition) => condition.type === type);
}

function conditionErrors(request: CertificateSigningRequest, old: CertificateSigningRequest): Errors {
  const path = "status.conditions";
  const conditions = request.status?.conditions ?? [];
  const lasting = [...decisions, "Failed"];
  const errors: FieldError[] = [
    ...field.each(path, conditions, ({ type, status }, at) => [
      ...(type ? [] : [field.required(field.child(at, "type"))]),
      ...field.oneOf(
        field.child(at, "status"),
        status,
        lasting.includes(type) ? ["True"] : ["False", "True", "Unknown"],
        { required: true },
      ),
    ]),
    ...field.unique(
      conditions,
      ({ type }) => type,
      (index, { type }) => field.duplicate(field.child(field.at(path, index), "type"), type),
    ),
  ];
  const decided = conditions.filter(({ type }) => decisions.includes(type));
  const contrary = decided.find(({ type }) => type !== decided[0]?.type);
  if (contrary !== undefined)
    errors.push(field.invalid(path, contrary.type, "Approved and Denied conditions are mutually exclusive"));
  for (const type of lasting)
    if (conditionsOf(request, type).length < conditionsOf(old, type).length)
      errors.push(field.forbidden(path, `updates may not remove a condition of type ${field.quote(type)}`));
  return errors;
}
