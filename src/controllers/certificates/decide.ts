import {
  type AutoApproval,
  decideSigning,
  type RequestedIdentity,
} from "../../api/certificates/signer-rules.ts";
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from "../../api/certificates/types.generated.ts";
import { certificateSigningRequests } from "../../api/resources.generated.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { type Intent, remove, requeueAfter, update, updateStatus } from "../framework/intent.ts";

/** A year: upstream's cluster-signing-duration. */
const maxValidityMs = 365 * 24 * 3_600_000;

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

/** How a certificate is made from a request: the usages and the time it is good for. Answers PEM. */
export type SignRequest = (
  requestPem: string,
  options: { readonly usages: readonly string[]; readonly validityMs: number },
) => string;

/** Signs an approved request, or says why it will never be signed. */
export function sign(
  request: CertificateSigningRequest,
  identity: RequestedIdentity | Error,
  signRequest: SignRequest,
  { nowMs }: ReconcileContext,
): Intent[] {
  const decision = decideSigning(request, identity, { maxValidityMs });
  switch (decision.type) {
    case "wait":
      return [];
    case "fail": {
      const failed = condition("Failed", decision.reason, decision.message, nowMs);
      const conditions = [...(request.status?.conditions ?? []), failed];
      return [updateStatus(certificateSigningRequests, request, { ...request.status, conditions })];
    }
    case "sign": {
      const certificate = btoa(signRequest(requestPem(request), decision));
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
