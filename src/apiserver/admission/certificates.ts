import type { CertificateSigningRequest } from "../../api/certificates/types.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from "../stages.ts";
import { apiUserInfo } from "../virtual/user-info.ts";
import { refuse } from "./dependencies.ts";

/** Who may approve and sign certificate signing requests: the verb is asked for on the signer, not on the request. */

const group = "certificates.k8s.io";
const resource = "certificatesigningrequests";

/** Parses the PEM of a request: what `pki/signing-request.ts` does. */
export type ReadSubject = (pem: string) => Promise<{
  readonly commonName: string;
  readonly organizations: readonly string[];
}>;

export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    handles: (operation) => operation === "UPDATE",
    async validate(attributes) {
      if (!isForRequest(attributes, "approval")) return;
      const signer = requestOf(attributes.oldObject)?.spec.signerName ?? "";
      if (!(await maySigner(authorizer, attributes, "approve", signer)))
        throw refuse(
          attributes,
          `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`,
        );
    },
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateSigning",
    handles: (operation) => operation === "UPDATE",
    async validate(attributes) {
      if (!isForRequest(attributes, "status")) return;
      const old = requestOf(attributes.oldObject);
      const next = requestOf(attributes.object);
      // Only the certificate and the signer's conditions are the signer's own.
      const sameCertificate = old?.status?.certificate === next?.status?.certificate;
      const same =
        sameCertificate &&
        JSON.stringify(old?.status?.conditions) === JSON.stringify(next?.status?.conditions);
      if (same) return;
      const signer = old?.spec.signerName ?? "";
      if (!(await maySigner(authorizer, attributes, "sign", signer)))
        throw refuse(
          attributes,
          `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`,
        );
    },
  };
}

/**
 * Writes who asks into a new signing request: approvers and signers rely on it, so a client cannot say it. Upstream does this
 * in the kind's storage, which knows the request's user; here admission does.
 */
export function certificateRequestor(): AdmissionPlugin {
  return {
    name: "CertificateRequestor",
    handles: (operation) => operation === "CREATE",
    admit(attributes) {
      const request = isForRequest(attributes, "") ? requestOf(attributes.object) : undefined;
      if (request === undefined) return attributes.object;
      const { username, uid, groups, extra, ...spec } = request.spec;
      const requestor = apiUserInfo(attributes.user);
      return { ...request, spec: { ...spec, ...requestor } };
    },
  };
}

const clientSigner = "kubernetes.io/kube-apiserver-client";

/** Nobody becomes system:masters through a signing request. */
export function certificateSubjectRestriction(readSubject: ReadSubject): AdmissionPlugin {
  return {
    name: "CertificateSubjectRestriction",
    handles: (operation) => operation === "CREATE",
    async validate(attributes) {
      if (!isForRequest(attributes, "")) return;
      const request = requestOf(attributes.object);
      if (request?.spec.signerName !== clientSigner) return;
      let organizations: readonly string[];
      try {
        ({ organizations } = await readSubject(atob(request.spec.request)));
      } catch (error) {
        throw refuse(
          attributes,
          `failed to parse CSR: ${error instanceof Error ? error.message : "unreadable"}`,
        );
      }
      if (organizations.includes("system:masters"))
        throw refuse(attributes, `use of ${clientSigner} signer with system:masters group is not allowed`);
    },
  };
}

function isForRequest(attributes: AdmissionAttributes, subresource: string): boolean {
  return (
    attributes.resource.group === group &&
    attributes.resource.resource === resource &&
    attributes.subresource === subresource
  );
}

function requestOf(object: AnyObject | undefined): CertificateSigningRequest | undefined {
  // The resource says that it is a signing request.
  return object as (AnyObject & CertificateSigningRequest) | undefined;
}

/** On the signer's name, or on all signers of its domain. */
async function maySigner(
  authorizer: Authorizer,
  { user }: AdmissionAttributes,
  verb: string,
  signer: string,
): Promise<boolean> {
  const domain = signer.split("/")[0] ?? "";
  for (const name of [signer, `${domain}/*`]) {
    const decision = await authorizer.authorize({
      user,
      verb,
      isResourceRequest: true,
      apiGroup: group,
      apiVersion: "*",
      resource: "signers",
      subresource: "",
      namespace: "",
      name,
      path: "",
    });
    if (decision.allowed) return true;
  }
  return false;
}
