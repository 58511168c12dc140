import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  CertificateSigningRequest,
  CertificateSigningRequestStatus,
} from "../../api/certificates/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { ago, now, writtenStatus } from "../test-support/objects.ts";
import { approve, cleanUp, publish } from "./decide.ts";

function request(status: CertificateSigningRequestStatus = {}, age = 10): CertificateSigningRequest {
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "csr", uid: "u", creationTimestamp: ago(age) },
    spec: {
      request: btoa("a request"),
      signerName: "kubernetes.io/kube-apiserver-client-kubelet",
      usages: ["digital signature", "client auth"],
      username: "system:node:n1",
    },
    status,
  };
}

const decided = (type: string, secondsAgo: number) => ({
  conditions: [{ type, status: "True", lastUpdateTime: ago(secondsAgo) }],
});
const approval = { subresource: "selfnodeclient", message: "Auto approving." } as const;

test("Certificate approval is written through its own subresource, once", () => {
  const [intent] = approve(request(), approval, now);
  assert.ok(intent?.action === "update");
  assert.equal(intent.subresource, "approval");
  const { conditions = [] } = (intent.object as CertificateSigningRequest).status ?? {};
  assert.deepEqual(
    conditions.map(({ type, reason, message }) => [type, reason, message]),
    [["Approved", "AutoApproved", "Auto approving."]],
  );
  assert.deepEqual(approve(request(decided("Denied", 1)), approval, now), []);
  assert.deepEqual(approve(request(), undefined, now), []);
});

test("Certificate signing hands out what was signed, and waits quietly", () => {
  const signed = publish(
    request(decided("Approved", 1)),
    { type: "signed", certificate: "a certificate" },
    now,
  );
  assert.equal(
    atob(writtenStatus<CertificateSigningRequestStatus>(signed)?.certificate ?? ""),
    "a certificate",
  );
  assert.deepEqual(publish(request(), { type: "wait" }, now), []);
});

test("Certificate signing says why it never will", () => {
  const refused = publish(
    request(decided("Approved", 1)),
    { type: "fail", reason: "SignerValidationFailure", message: "malformed" },
    now,
  );
  const { conditions = [] } = writtenStatus<CertificateSigningRequestStatus>(refused) ?? {};
  assert.deepEqual(
    conditions.map(({ type, message }) => `${type} ${message ?? ""}`.trim()),
    ["Approved", "Failed malformed"],
  );
});

for (const { name, of, want } of [
  { name: "keeps a pending request for a day", of: request({}, 3600), want: ["requeue after 82800000 ms"] },
  {
    name: "deletes a pending request after a day",
    of: request({}, 24 * 3600),
    want: ["delete certificatesigningrequests csr"],
  },
  {
    name: "keeps an approved one for an hour",
    of: request(decided("Approved", 3000)),
    want: ["requeue after 600000 ms"],
  },
  {
    name: "deletes a denied one after an hour",
    of: request(decided("Denied", 3600)),
    want: ["delete certificatesigningrequests csr"],
  },
]) {
  test(`Certificate cleaner ${name}`, () => assert.deepEqual(cleanUp(of, now).map(describeIntent), want));
}
