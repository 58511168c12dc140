import assert from "node:assert/strict";
import { test } from "node:test";
import {
  autoApprovals,
  decideSigning,
  type RequestedIdentity,
  signerError,
  signers,
} from "./signer-rules.ts";
import type { CertificateSigningRequest } from "./types.generated.ts";

const node: RequestedIdentity = {
  commonName: "system:node:a",
  organizations: ["system:nodes"],
  dnsNames: [],
  emailAddresses: [],
  ipAddresses: [],
  uris: [],
};
const client = ["digital signature", "client auth"];
const serving = ["key encipherment", "digital signature", "server auth"];

for (const { name, signer, identity, usages, want } of [
  {
    name: "signs any name for API clients",
    signer: signers.client,
    identity: { ...node, commonName: "jane" },
    usages: client,
    want: undefined,
  },
  {
    name: "signs no serving certificate for API clients",
    signer: signers.client,
    identity: node,
    usages: serving,
    want: /usages did not match/,
  },
  {
    name: "signs a kubelet's client certificate",
    signer: signers.kubeletClient,
    identity: node,
    usages: client,
    want: undefined,
  },
  {
    name: "signs no kubelet client of another group",
    signer: signers.kubeletClient,
    identity: { ...node, organizations: ["system:masters"] },
    usages: client,
    want: /subject organization is not system:nodes/,
  },
  {
    name: "signs no kubelet client of two groups",
    signer: signers.kubeletClient,
    identity: { ...node, organizations: ["system:nodes", "system:masters"] },
    usages: client,
    want: /organization/,
  },
  {
    name: "signs no kubelet client of another name",
    signer: signers.kubeletClient,
    identity: { ...node, commonName: "jane" },
    usages: client,
    want: /common name/,
  },
  {
    name: "signs no kubelet client with addresses",
    signer: signers.kubeletClient,
    identity: { ...node, ipAddresses: ["10.0.0.1"] },
    usages: client,
    want: /IP subjectAltNames/,
  },
  {
    name: "signs a kubelet's serving certificate",
    signer: signers.kubeletServing,
    identity: { ...node, ipAddresses: ["10.0.0.1"] },
    usages: serving,
    want: undefined,
  },
  {
    name: "signs no serving certificate without a name",
    signer: signers.kubeletServing,
    identity: node,
    usages: serving,
    want: /DNS or IP subjectAltName is required/,
  },
  {
    name: "signs no serving certificate with a URI",
    signer: signers.kubeletServing,
    identity: { ...node, dnsNames: ["a"], uris: ["spiffe:x"] },
    usages: serving,
    want: /URI/,
  },
]) {
  test(`signer ${name}`, () => {
    const error = signerError(signer, identity, usages);
    if (want === undefined) assert.equal(error, undefined);
    else assert.match(error ?? "", want);
  });
}

const request = (spec: object, conditions: readonly string[] = ["Approved"]): CertificateSigningRequest => ({
  apiVersion: "certificates.k8s.io/v1",
  kind: "CertificateSigningRequest",
  metadata: { name: "x" },
  spec: {
    request: "",
    signerName: signers.kubeletClient,
    usages: client,
    username: "system:node:a",
    ...spec,
  },
  status: { conditions: conditions.map((type) => ({ type, status: "True" })) },
});

for (const { name, given, identity = node, want } of [
  { name: "waits for approval", given: request({}, []), want: { type: "wait" } },
  { name: "leaves a denied request", given: request({}, ["Approved", "Denied"]), want: { type: "wait" } },
  {
    name: "leaves other signers' requests",
    given: request({ signerName: "example.com/x" }),
    want: { type: "wait" },
  },
  {
    name: "signs for as long as it may",
    given: request({}),
    want: { type: "sign", usages: client, validityMs: 3_600_000 },
  },
  {
    name: "signs for less when less is asked",
    given: request({ expirationSeconds: 1200 }),
    want: { type: "sign", usages: client, validityMs: 1_200_000 },
  },
  {
    name: "fails what the signer does not accept",
    given: request({ usages: serving }),
    want: {
      type: "fail",
      reason: "SignerValidationFailure",
      message: "usages did not match [digital signature key encipherment client auth]",
    },
  },
  {
    name: "fails what cannot be read",
    given: request({}),
    identity: new Error("malformed"),
    want: { type: "fail", reason: "SignerValidationFailure", message: "malformed" },
  },
]) {
  test(`signing ${name}`, () =>
    assert.deepEqual(decideSigning(given, identity, { maxValidityMs: 3_600_000 }), want));
}

for (const { name, given, want } of [
  {
    name: "a node's own certificate by its own right",
    given: request({}),
    want: ["selfnodeclient", "nodeclient"],
  },
  {
    name: "another node's by the right of whoever asks",
    given: request({ username: "bootstrap" }),
    want: ["nodeclient"],
  },
  { name: "no other signer's request", given: request({ signerName: signers.kubeletServing }), want: [] },
]) {
  test(`automatic approval: ${name}`, () =>
    assert.deepEqual(
      autoApprovals(given, node).map(({ subresource }) => subresource),
      want,
    ));
}
