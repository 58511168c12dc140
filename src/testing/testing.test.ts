import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createRequire } from "node:module";
import { test } from "node:test";
import type { Deployment } from "../api/apps/types.generated.ts";
import type { TokenReview } from "../api/authentication/types.generated.ts";
import type { CertificateSigningRequest } from "../api/certificates/types.generated.ts";
import {
  certificateSigningRequests,
  configMaps,
  deployments,
  namespaces,
  nodes,
  pods,
  serviceAccounts,
  tokenReviews,
} from "../api/resources.generated.ts";
import type { AnyObject } from "../apimachinery/meta.ts";
import { loadX509 } from "../apiserver/pki/x509-library.ts";
import type { VirtualClock } from "../base/virtual-clock.ts";
import { startCluster } from "./index.ts";

const web = (replicas: number): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "default" },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "a", image: "a:1" }] } },
  },
});

test("A cluster in a test: a Deployment's pods run on simulated nodes, and closing leaves no timer", async () => {
  const cluster = await startCluster({ nodes: 3 });
  await cluster.until(async () => (await cluster.client.list(nodes)).items.length === 3);
  await cluster.client.create(deployments, web(6));
  await cluster.until(
    async () =>
      (await cluster.client.get(deployments, { namespace: "default", name: "web" })).status?.readyReplicas ===
      6,
  );
  const { items } = await cluster.client.list(pods, { namespace: "default" });
  assert.equal(new Set(items.map(({ spec }) => spec.nodeName)).size, 3);
  await cluster.close();
  assert.equal((cluster.clock as VirtualClock).pendingTimers, 0);
});

test("A deleted namespace is emptied, with its pods ended by their kubelets", async () => {
  await using cluster = await startCluster({ nodes: 1 });
  await cluster.client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "gone" },
    spec: {},
  });
  const deployment = web(2);
  await cluster.client.create(deployments, {
    ...deployment,
    metadata: { ...deployment.metadata, namespace: "gone" },
  });
  await cluster.until(
    async () =>
      (await cluster.client.list(pods, { namespace: "gone" })).items.filter(
        ({ status }) => status?.phase === "Running",
      ).length === 2,
  );
  await cluster.client.delete(namespaces, { name: "gone" });
  await cluster.until(
    async () =>
      !(await cluster.client.list(namespaces)).items.some(({ metadata }) => metadata.name === "gone"),
  );
  assert.deepEqual((await cluster.client.list(pods, { namespace: "gone" })).items, []);
});

test("The real clock works too", async () => {
  await using cluster = await startCluster({ nodes: 1, clock: "real" });
  await cluster.client.create(deployments, web(1));
  await cluster.until(
    async () =>
      (await cluster.client.get(deployments, { namespace: "default", name: "web" })).status?.readyReplicas ===
      1,
    { timeout: "10s" },
  );
});

test("Virtual time is told as a duration", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const before = cluster.clock.now();
  await cluster.advance("1h30m");
  assert.equal(cluster.clock.now() - before, 5_400_000);
  await assert.rejects(cluster.advance("soon"), /not a duration/);
});

const isX509Loaded = () =>
  Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes("@peculiar/x509"));

test("A token is made and known again on the virtual clock, and no certificate is made for it", async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const { client } = cluster;
  const account = { namespace: "default", name: "default" };
  await cluster.until(
    async () => (await client.get(serviceAccounts, account)).metadata.name === account.name,
  );
  const nowMs = cluster.clock.now();
  const { status } = await client.createSubresource<AnyObject & { status?: { token?: string } }>(
    serviceAccounts,
    account,
    "token",
    { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec: {} } as AnyObject,
  );
  const review = async (token: string): Promise<TokenReview> =>
    client.create(tokenReviews, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      metadata: {},
      spec: { token },
    });
  const token = status?.token ?? "";
  assert.equal((await review(token)).status?.user?.username, "system:serviceaccount:default:default");
  assert.notEqual((await review(`${token}x`)).status?.authenticated, true);
  assert.equal(cluster.clock.now(), nowMs);
  assert.equal(isX509Loaded(), false);
  // An hour, and the minute by which clocks may differ.
  await cluster.advance("62m");
  assert.match((await review(token)).status?.error ?? "", /expired/);
});

test("An approved signing request is signed on the virtual clock, by the authority that pods are told of", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { client } = cluster;
  const created = await client.create(certificateSigningRequests, {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "jane" },
    spec: {
      request: btoa(await requestPem()),
      signerName: "kubernetes.io/kube-apiserver-client",
      usages: ["client auth"],
    },
  });
  const conditions = [{ type: "Approved", status: "True", reason: "Test", message: "" }];
  await client.update(
    certificateSigningRequests,
    { ...created, status: { conditions } },
    { subresource: "approval" },
  );
  let signed: CertificateSigningRequest | undefined;
  await cluster.until(async () => {
    signed = await client.get(certificateSigningRequests, { name: "jane" });
    return (signed.status?.certificate ?? "") !== "";
  });
  const certificate = new X509Certificate(atob(signed?.status?.certificate ?? ""));
  const { data } = await client.get(configMaps, { namespace: "default", name: "kube-root-ca.crt" });
  const authority = new X509Certificate(data?.["ca.crt"] ?? "");
  assert.equal(isX509Loaded(), true);
  assert.equal(certificate.subject, "CN=jane");
  assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  assert.ok(certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
  assert.ok(Date.parse(certificate.validFrom) < cluster.clock.now());
});

async function requestPem(): Promise<string> {
  const x509 = await loadX509();
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: ["jane"] }],
    keys,
    signingAlgorithm: algorithm,
  });
  return request.toString("pem");
}
