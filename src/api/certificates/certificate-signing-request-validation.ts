import type { FieldError } from "../../apimachinery/api-error.ts";
import { unifiedDiff } from "../../apimachinery/unified-diff.ts";
import * as field from "../../apimachinery/validation.ts";
import { certificatesFault } from "../../apimachinery/x509/certificate.ts";
import { decodeBase64Pem } from "../../apimachinery/x509/pem.ts";
import { inGoForm } from "../go-form.ts";
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

/** Of a new request; whether it is well formed within and signed by its key is judged by the API server, which has the means to. */
export function validateSigningRequest({ spec }: CertificateSigningRequest): Errors {
  const { request = "", usages: wanted = [], signerName = "", expirationSeconds } = spec ?? {};
  const errors: FieldError[] = [];
  if (decodeBase64Pem(request).blocks[0]?.type !== "CERTIFICATE REQUEST")
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

/** What is wrong with an issued certificate and those that vouch for it. */
function certificateFault(base64: string): string | undefined {
  const { blocks } = decodeBase64Pem(base64);
  if (blocks.length === 0) return "must contain at least one CERTIFICATE PEM block";
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${field.quote(type)}`;
    if (hasHeaders) return "no PEM block headers are permitted";
    const fault = certificatesFault(bytes);
    if (fault !== undefined) return fault || "found CERTIFICATE PEM block containing 0 certificates";
  }
  return undefined;
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
          `updates may not modify a condition of type ${field.quote(type)}\n${unifiedDiff(conditionsInGoForm(before), conditionsInGoForm(after))}`,
        ),
      );
  }
  const [after = "", before = ""] = [request.status?.certificate, old.status?.certificate];
  if (after === before) return errors;
  if (before !== "")
    errors.push(field.forbidden("status.certificate", "updates may not modify existing certificate content"));
  const fault = after === "" ? undefined : certificateFault(after);
  // What was wrong before may be replaced by what is no better.
  if (fault !== undefined && (before === "" || certificateFault(before) === undefined))
    errors.push(field.invalid("status.certificate", "<certificate data>", fault));
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

function conditionsInGoForm(conditions: readonly unknown[]): unknown {
  return inGoForm("CertificateSigningRequestCondition", conditions);
}

function conditionsOf({ status }: CertificateSigningRequest, type: string) {
  return (status?.conditions ?? []).filter((condition) => condition.type === type);
}

function conditionErrors(request: CertificateSigningRequest, old: CertificateSigningRequest): Errors {
  const path = "status.conditions";
  const conditions = request.status?.conditions ?? [];
  const before = old.status?.conditions ?? [];
  const types = before.map(({ type }) => type);
  // What was wrong before may stay.
  const mayBeEmpty = types.includes("");
  const mayRepeat = new Set(types).size < types.length;
  const mayContradict = decisions.every((type) => types.includes(type));
  const lasting = [...decisions, "Failed"];
  const seen = new Set<string>();
  const errors: FieldError[] = [
    ...field.each(path, conditions, ({ type, status }, at) => {
      const contrary = decisions.some((other) => other !== type && seen.has(other));
      const isRepeated = seen.has(type);
      seen.add(type);
      const typePath = field.child(at, "type");
      return [
        ...(type || mayBeEmpty ? [] : [field.required(typePath)]),
        ...field.oneOf(
          field.child(at, "status"),
          status,
          lasting.includes(type) ? ["True"] : ["False", "True", "Unknown"],
          { required: true },
        ),
        ...(contrary && decisions.includes(type) && !mayContradict
          ? [field.invalid(typePath, type, "Approved and Denied conditions are mutually exclusive")]
          : []),
        ...(isRepeated && !mayRepeat ? [field.duplicate(typePath, type)] : []),
      ];
    }),
  ];
  for (const type of lasting)
    if (conditionsOf(request, type).length < conditionsOf(old, type).length)
      errors.push(field.forbidden(path, `updates may not remove a condition of type ${field.quote(type)}`));
  return errors;
}
