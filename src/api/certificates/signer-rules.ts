import type { CertificateSigningRequest } from "./types.generated.ts";

/** What the built-in signers of kubernetes.io accept and who gets a node's certificate without asking: pure decisions. */

export const signers = {
  client: "kubernetes.io/kube-apiserver-client",
  kubeletClient: "kubernetes.io/kube-apiserver-client-kubelet",
  kubeletServing: "kubernetes.io/kubelet-serving",
  legacyUnknown: "kubernetes.io/legacy-unknown",
} as const;

/** What the PKCS#10 request inside says of itself. */
export interface RequestedIdentity {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
}

const clientUsages = [
  ["digital signature", "client auth"],
  ["digital signature", "key encipherment", "client auth"],
];
const servingUsages = [
  ["digital signature", "server auth"],
  ["digital signature", "key encipherment", "server auth"],
];

/** Why a signer would not sign this request; undefined: it would. */
export function signerError(
  signerName: string,
  identity: RequestedIdentity,
  usages: readonly string[],
): string | undefined {
  switch (signerName) {
    case signers.client:
      return clientError(usages);
    case signers.kubeletClient:
      return kubeletClientError(identity, usages);
    case signers.kubeletServing:
      return kubeletServingError(identity, usages);
    case signers.legacyUnknown:
      return undefined;
    default:
      return `unknown signer ${signerName}`;
  }
}

function clientError(usages: readonly string[]): string | undefined {
  const allowed = ["digital signature", "key encipherment", "client auth"];
  const fits = usages.includes("client auth") && usages.every((usage) => allowed.includes(usage));
  return fits ? undefined : `usages did not match [${allowed.join(" ")}]`;
}

function kubeletClientError(identity: RequestedIdentity, usages: readonly string[]): string | undefined {
  if (identity.dnsNames.length > 0) return "DNS subjectAltNames are not allowed";
  if (identity.ipAddresses.length > 0) return "IP subjectAltNames are not allowed";
  return nodeIdentityError(identity) ?? usagesError(usages, clientUsages);
}

function kubeletServingError(identity: RequestedIdentity, usages: readonly string[]): string | undefined {
  if (identity.dnsNames.length + identity.ipAddresses.length === 0)
    return "DNS or IP subjectAltName is required";
  return nodeIdentityError(identity) ?? usagesError(usages, servingUsages);
}

function nodeIdentityError(identity: RequestedIdentity): string | undefined {
  const { organizations, commonName, emailAddresses, uris } = identity;
  if (organizations.length !== 1 || organizations[0] !== "system:nodes")
    return "subject organization is not system:nodes";
  if (!commonName.startsWith("system:node:")) return "subject common name does not begin with system:node:";
  if (emailAddresses.length > 0) return "Email subjectAltNames are not allowed";
  return uris.length > 0 ? "URI subjectAltNames are not allowed" : undefined;
}

function usagesError(usages: readonly string[], allowed: readonly (readonly string[])[]): string | undefined {
  const given = new Set(usages);
  const fits = allowed.some((set) => set.length === given.size && set.every((usage) => given.has(usage)));
  return fits ? undefined : `usages did not match [${(allowed.at(-1) ?? []).join(" ")}]`;
}

/** A right on certificatesigningrequests that lets a request be approved without a person, and what is then said. */
export interface AutoApproval {
  /** To be asked in a SubjectAccessReview for the requestor: verb create on this subresource. */
  readonly subresource: "selfnodeclient" | "nodeclient";
  readonly message: string;
}

/** Rights that would approve this request, in the order they are asked for; none: it waits for a person. */
export function autoApprovals(
  request: CertificateSigningRequest,
  identity: RequestedIdentity,
): readonly AutoApproval[] {
  const { signerName, usages = [], username } = request.spec;
  if (signerName !== signers.kubeletClient) return [];
  if (kubeletClientError(identity, usages) !== undefined) return [];
  const nodeClient: AutoApproval = {
    subresource: "nodeclient",
    message: "Auto approving kubelet client certificate after SubjectAccessReview.",
  };
  const selfNodeClient: AutoApproval = {
    subresource: "selfnodeclient",
    message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
  };
  return username === identity.commonName ? [selfNodeClient, nodeClient] : [nodeClient];
}

export type SigningDecision =
  | { readonly type: "wait" }
  | { readonly type: "fail"; readonly reason: string; readonly message: string }
  | { readonly type: "sign"; readonly usages: readonly string[]; readonly validityMs: number };

const minValidityMs = 600_000;

/** What a signer does with a request now. `identity` is an Error where the request inside cannot be read. */
export function decideSigning(
  request: CertificateSigningRequest,
  identity: RequestedIdentity | Error,
  options: { readonly maxValidityMs: number },
): SigningDecision {
  const conditions = request.status?.conditions ?? [];
  const has = (type: string) => conditions.some((condition) => condition.type === type);
  if (!has("Approved") || has("Denied") || has("Failed")) return { type: "wait" };
  if (request.status?.certificate !== undefined && request.status.certificate !== "") return { type: "wait" };
  const { signerName, usages = [], expirationSeconds } = request.spec;
  if (!(Object.values(signers) as string[]).includes(signerName)) return { type: "wait" };
  const error = identity instanceof Error ? identity.message : signerError(signerName, identity, usages);
  if (error !== undefined) return { type: "fail", reason: "SignerValidationFailure", message: error };
  const wanted = expirationSeconds === undefined ? options.maxValidityMs : expirationSeconds * 1000;
  return {
    type: "sign",
    usages,
    validityMs: Math.min(options.maxValidityMs, Math.max(minValidityMs, wanted)),
  };
}
