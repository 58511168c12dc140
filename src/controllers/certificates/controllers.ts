import {
  type AutoApproval,
  autoApprovals,
  type RequestedIdentity,
} from "../../api/certificates/signer-rules.ts";
import type { CertificateSigningRequest } from "../../api/certificates/types.generated.ts";
import { certificateSigningRequests, subjectAccessReviews } from "../../api/resources.generated.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { approve, cleanUp, hasDecision, requestPem, type SignRequest, sign } from "./decide.ts";

/** The cryptography, from whoever holds the cluster's keys. */
export interface CertificateOptions {
  /** Reads a PKCS#10 request in PEM; throws where it is malformed. */
  readonly readRequest: (requestPem: string) => RequestedIdentity;
  readonly sign: SignRequest;
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
      const identity = read(certificates, request);
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
  readonly identity: RequestedIdentity | Error;
}

/** Signs what was approved. */
export function certificateSigner({ informers, certificates }: Sources): Controller<SigningSnapshot> {
  const informer = informers.informer(certificateSigningRequests);
  return {
    name: "certificatesigningrequest-signing-controller",
    watches: [watch(informer, byName)],
    observe(name) {
      const request = informer.lister.get(name);
      return request && { request, identity: read(certificates, request) };
    },
    reconcile: ({ request, identity }, context) => sign(request, identity, certificates.sign, context),
  };
}

function read(
  { readRequest }: CertificateOptions,
  request: CertificateSigningRequest,
): RequestedIdentity | Error {
  try {
    return readRequest(requestPem(request));
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
