import type { AutoApproval, SigningDecision } from "../../api/certificates/signer-rules.ts";
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from "../../api/certificates/types.generated.ts";
import { certificateSigningRequests } from "../../api/resources.generated.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { type Intent, remove, requeueAfter, update, updateStatus } from "../framework/intent.ts";

export function hasDecision({ status }: CertificateSigningRequest): boolean {
  return (status?.conditions ?? []).some(({ type }) => type === "Approved" || type === "Denied");
}

/** Approves a request whose requestor has the right to the certificate. */
export function approve(
  request: CertificateSigningRequest,
  approval: AutoApproval | undefined,
  { nowMs }: ReconcileContext,
): Intent[] {
  if (approval === undefined || hasDecision(request)) return [];
  const approved = condition("Approved", "AutoApproved", approval.message, nowMs);
  const conditions = [...(request.status?.conditions ?? []), approved];
  const object = { ...request, status: { ...request.status, conditions } };
  return [update(certificateSigningRequests, request, object, { subresource: "approval" })];
}

/** What comes of a request: a certificate (PEM), or the reason why there will never be one. */
export type SigningOutcome =
  | { readonly type: "signed"; readonly certificate: string }
  | Exclude<SigningDecision, { readonly type: "sign" }>;

/** Hands out the certificate of an approved request, or says why it will never be signed. */
export function publish(
  request: CertificateSigningRequest,
  outcome: SigningOutcome,
  { nowMs }: ReconcileContext,
): Intent[] {
  switch (outcome.type) {
    case "wait":
      return [];
    case "fail": {
      const failed = condition("Failed", outcome.reason, outcome.message, nowMs);
      const conditions = [...(request.status?.conditions ?? []), failed];
      return [updateStatus(certificateSigningRequests, request, { ...request.status, conditions })];
    }
    case "signed": {
      const certificate = btoa(outcome.certificate);
      return [updateStatus(certificateSigningRequests, request, { ...request.status, certificate })];
    }
  }
}

/** The PEM inside: the field is base64. */
export function requestPem({ spec }: CertificateSigningRequest): string {
  return atob(spec.request);
}

const hourMs = 3_600_000;

/** How long a request is kept after it was decided, failed, or left undecided. */
const keptMs: Readonly<Record<string, number>> = { Approved: hourMs, Denied: hourMs, Failed: hourMs };
const pendingKeptMs = 24 * hourMs;

/** Deletes requests that nobody waits for any more. */
export function cleanUp(request: CertificateSigningRequest, { nowMs }: ReconcileContext): Intent[] {
  const dues = (request.status?.conditions ?? []).flatMap(({ type, lastUpdateTime, lastTransitionTime }) => {
    const kept = keptMs[type];
    const since = lastUpdateTime ?? lastTransitionTime;
    return kept === undefined || since === undefined ? [] : [Date.parse(since) + kept];
  });
  const created = request.metadata.creationTimestamp;
  const pendingDue = created ? Date.parse(created) + pendingKeptMs : Number.POSITIVE_INFINITY;
  const dueMs = dues.length > 0 ? Math.min(...dues) : pendingDue;
  if (dueMs > nowMs) return Number.isFinite(dueMs) ? [requeueAfter(dueMs - nowMs)] : [];
  return [remove(certificateSigningRequests, request)];
}

function condition(
  type: string,
  reason: string,
  message: string,
  nowMs: number,
): CertificateSigningRequestCondition {
  const at = rfc3339(nowMs);
  return { type, status: "True", reason, message, lastUpdateTime: at, lastTransitionTime: at };
}
