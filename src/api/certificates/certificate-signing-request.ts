import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource, subresource } from "../define.ts";
import { humanDuration } from "../human-duration.ts";
import { certificateSigningRequests } from "../resources.generated.ts";
import { certificateSigningRequestStrategy } from "./certificate-signing-request-strategy.ts";
import type { CertificateSigningRequest } from "./types.generated.ts";

function state({ status }: CertificateSigningRequest): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type) ?? false;
  const verdict = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending";
  const issued = (status?.certificate ?? "") === "" ? "" : ",Issued";
  return `${verdict}${has("Failed") ? ",Failed" : ""}${issued}`;
}

export const certificateSigningRequestDefinition = defineResource(certificateSigningRequests, {
  shortNames: ["csr"],
  // Any name will do.
  checkName: () => [],
  hasStatus: true,
  columns: [
    nameColumn,
    ageColumn,
    stringColumn("SignerName", "Who shall sign.", ({ spec }) => spec?.signerName || "<none>"),
    stringColumn("Requestor", "Who asks.", ({ spec }) => spec?.username ?? ""),
    stringColumn("RequestedDuration", "How long it shall be valid.", ({ spec }) =>
      spec?.expirationSeconds === undefined ? "<none>" : humanDuration(spec.expirationSeconds * 1000),
    ),
    stringColumn("Condition", "What was decided.", state),
  ],
  strategy: certificateSigningRequestStrategy,
  selectableFields: { "spec.signerName": ({ spec }) => spec?.signerName ?? "" },
  subresources: [
    subresource("approval", "CertificateSigningRequest", ["get", "patch", "update"], {
      group: "certificates.k8s.io",
      version: "v1",
    }),
  ],
});
