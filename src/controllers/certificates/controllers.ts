import {
  type AutoApproval,
  autoApprovals,
  decideSigning,
  type RequestedIdentity,
} from "../../api/certificates/signer-rules.ts";
import type { CertificateSigningRequest } from "../../api/certificates/types.generated.ts";
import { certificateSigningRequests, subjectAccessReviews } from "../../api/resources.generated.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { approve, cleanUp, hasDecision, publish, requestPem, type SigningOutcome } from "./decide.ts";

/** The cryptography, from whoever holds the cluster's keys. */
export interface CertificateOptions {
  /** Reads a PKCS#10 request in PEM; rejects where it is malformed. */
  readonly readRequest: (requestPem: string) => Promise<RequestedIdentity>;
  /** Makes a certificate (PEM) from a request (PEM): the usages and the time it is good for. */
  readonly sign: (
    requestPem: string,
    options: { readonly usages: readonly string[]; readonly validityMs: number },
  ) => Promise<string>;
}

interface Sources {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly certificates: CertificateOptions;
}

const byName = ({ metadata: { name = "" } }: CertificateSigningRequest) => [name];

interface ApprovalSnapshot {
  readonly request: CertificateSigningRequest;
  readonly approval: AutoApproval | undefined;
}

/** Approves the client certificates of kubelets that may have them. */
export function certificateApprover({
  client,
  informers,
  certificates,
}: Sources): Controller<ApprovalSnapshot> {
  const informer = informers.informer(certificateSigningRequests);
  return {
    name: "certificatesigningrequest-approving-controller",
    watches: [watch(informer, byName)],
    async observe(name) {
      const request = informer.lister.get(name);
      if (request === undefined || hasDecision(request)) return undefined;
      const identity = await read(certificates, request);
      if (identity instanceof Error) return undefined;
      for (const approval of autoApprovals(request, identity)) {
        if (await isAllowed(client, request, approval)) return { request, approval };
      }
      return undefined;
    },
    reconcile: ({ request, approval }, context) => approve(request, approval, context),
  };
}

/** Whether the requestor may have this kind of certificate. */
async function isAllowed(
  client: Client,
  { spec }: CertificateSigningRequest,
  { subresource }: AutoApproval,
): Promise<boolean> {
  const { username, uid, groups, extra } = spec;
  const review = await client.create(subjectAccessReviews, {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    metadata: {},
    spec: {
      ...(username === undefined ? {} : { user: username }),
      ...(uid === undefined ? {} : { uid }),
      ...(groups === undefined ? {} : { groups }),
      ...(extra === undefined ? {} : { extra }),
      resourceAttributes: {
        group: "certificates.k8s.io",
        resource: "certificatesigningrequests",
        verb: "create",
        subresource,
      },
    },
  });
  return review.status?.allowed === true;
}

interface SigningSnapshot {
  readonly request: CertificateSigningRequest;
  readonly outcome: SigningOutcome;
}

/** A year: upstream's cluster-signing-duration. */
const maxValidityMs = 365 * 24 * 3_600_000;

/** Signs what was approved. */
export function certificateSigner({ informers, certificates }: Sources): Controller<SigningSnapshot> {
  const informer = informers.informer(certificateSigningRequests);
  return {
    name: "certificatesigningrequest-signing-controller",
    watches: [watch(informer, byName)],
    async observe(name) {
      const request = informer.lister.get(name);
      // Reading a request costs a signature's check: only what waits to be signed is read.
      if (request === undefined || !awaitsCertificate(request)) return undefined;
      return { request, outcome: await outcomeOf(request, certificates) };
    },
    reconcile: ({ request, outcome }, context) => publish(request, outcome, context),
  };
}

function awaitsCertificate({ status }: CertificateSigningRequest): boolean {
  const isApproved = (status?.conditions ?? []).some(({ type }) => type === "Approved");
  return isApproved && (status?.certificate ?? "") === "";
}

/** The keys are elsewhere, and signing takes a while: it is done with the observation, so that the decision stays pure. */
async function outcomeOf(
  request: CertificateSigningRequest,
  certificates: CertificateOptions,
): Promise<SigningOutcome> {
  const decision = decideSigning(request, await read(certificates, request), { maxValidityMs });
  if (decision.type !== "sign") return decision;
  return { type: "signed", certificate: await certificates.sign(requestPem(request), decision) };
}

async function read(
  { readRequest }: CertificateOptions,
  request: CertificateSigningRequest,
): Promise<RequestedIdentity | Error> {
  try {
    return await readRequest(requestPem(request));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Deletes old requests. */
export function certificateCleaner({
  informers,
}: Pick<Sources, "informers">): Controller<CertificateSigningRequest> {
  const informer = informers.informer(certificateSigningRequests);
  return {
    name: "certificatesigningrequest-cleaner-controller",
    workers: 1,
    watches: [watch(informer, byName)],
    observe: (name) => informer.lister.get(name),
    reconcile: cleanUp,
  };
}
