import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { certificatePem, signingRequestPem } from "../../api/test-support/certificates.ts";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { namesOf, startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

const merge = { "content-type": "application/merge-patch+json" };
const strategic = { "content-type": "application/strategic-merge-patch+json" };
const namespaces = "/api/v1/namespaces";
const namespace = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
const statusOf = (object: AnyObject) => object.status as Record<string, unknown>;
const specOf = (object: AnyObject) => object.spec as Record<string, unknown>;

test("Namespace patching; Namespace, apply update to a namespace", async () => {
  await server.ok("POST", namespaces, { body: namespace("patched") });
  const patched = await server.ok("PATCH", `${namespaces}/patched`, {
    body: { metadata: { labels: { testLabel: "testValue" } } },
    headers: strategic,
  });
  assert.equal(patched.metadata.labels?.testLabel, "testValue");
  const labels = { ...patched.metadata.labels, updated: "yes" };
  const updated = await server.ok("PUT", `${namespaces}/patched`, {
    body: { ...patched, metadata: { ...patched.metadata, labels } },
  });
  assert.equal(updated.metadata.labels?.updated, "yes");
});

test("Namespace, apply changes to a namespace status", async () => {
  await server.ok("POST", namespaces, { body: namespace("stated") });
  const condition = { type: "StatusPatch", status: "True", reason: "E2E", message: "Patched by a test" };
  const patched = await server.ok("PATCH", `${namespaces}/stated/status`, {
    body: { status: { conditions: [condition] } },
    headers: merge,
  });
  assert.equal((statusOf(patched).conditions as { type: string }[])[0]?.type, "StatusPatch");
  assert.equal(statusOf(patched).phase, "Active");
  const updated = await server.ok("PUT", `${namespaces}/stated/status`, {
    body: {
      ...patched,
      status: { ...statusOf(patched), conditions: [condition, { ...condition, type: "StatusUpdate" }] },
    },
  });
  assert.equal((statusOf(updated).conditions as unknown[]).length, 2);
});

test("Namespace, apply finalizer to a namespace", async () => {
  const created = await server.ok("POST", namespaces, { body: namespace("finalized") });
  const withFinalizer = {
    ...created,
    spec: { finalizers: [...(specOf(created).finalizers as string[]), "e2e.example.com/fakeFinalizer"] },
  };
  const added = await server.ok("PUT", `${namespaces}/finalized/finalize`, { body: withFinalizer });
  assert.deepEqual(specOf(added).finalizers, ["kubernetes", "e2e.example.com/fakeFinalizer"]);
  const removed = await server.ok("PUT", `${namespaces}/finalized/finalize`, {
    body: { ...added, spec: { finalizers: ["kubernetes"] } },
  });
  assert.deepEqual(specOf(removed).finalizers, ["kubernetes"]);
});

const pods = "/api/v1/namespaces/default/pods";
const pod = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: "test" } },
  spec: { containers: [{ name: "c", image: "i:1" }], ...spec },
});

test("Pods Generation, updates: a pod's generation starts at one and grows with its spec", async () => {
  const created = await server.ok("POST", pods, { body: pod("generation") });
  assert.equal(created.metadata.generation, 1);
  const image = await server.ok("PATCH", `${pods}/generation`, {
    body: { spec: { containers: [{ name: "c", image: "i:2" }] } },
    headers: strategic,
  });
  assert.equal(image.metadata.generation, 2);
  const tolerations = [{ key: "a", operator: "Exists", effect: "NoExecute" }];
  const tolerating = await server.ok("PATCH", `${pods}/generation`, {
    body: { spec: { tolerations } },
    headers: merge,
  });
  assert.equal(tolerating.metadata.generation, 3);
  const labelled = await server.ok("PATCH", `${pods}/generation`, {
    body: { metadata: { labels: { a: "b" } } },
    headers: merge,
  });
  assert.equal(labelled.metadata.generation, 3);
  const stated = await server.ok("PATCH", `${pods}/generation/status`, {
    body: { status: { message: "m" } },
    headers: merge,
  });
  assert.equal(stated.metadata.generation, 3);
});

test("Pods Generation, graceful delete: what clients say of the generation is not heard, a delete is a new one", async () => {
  const body = {
    ...pod("graceful", { terminationGracePeriodSeconds: 20, nodeName: "n" }),
    metadata: { name: "graceful", generation: 100 },
  };
  const created = await server.ok("POST", pods, { body });
  assert.equal(created.metadata.generation, 1);
  const deleted = await server.ok("DELETE", `${pods}/graceful`);
  assert.equal(deleted.metadata.generation, 2);
  assert.equal(deleted.metadata.deletionGracePeriodSeconds, 20);
});

test("Pods Generation, 500 updates: none is lost", async () => {
  await server.ok("POST", pods, { body: pod("many-updates") });
  for (let index = 1; index <= 500; index++)
    await server.ok("PATCH", `${pods}/many-updates`, {
      body: { spec: { containers: [{ name: "c", image: `i:${index + 1}` }] } },
      headers: strategic,
    });
  assert.equal((await server.ok("GET", `${pods}/many-updates`)).metadata.generation, 501);
});

test("Secrets, with empty-key", async () => {
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "empty-key" },
    data: { "": "dmFsdWU=" },
  };
  const status = await server.object<Status>("POST", "/api/v1/namespaces/default/secrets", { body });
  assert.equal(status.code, 422);
});

for (const { title, path, sample } of [
  {
    title: "Secrets Volume, immutability",
    path: "/api/v1/namespaces/default/secrets",
    sample: { kind: "Secret", stringData: { a: "1" } },
  },
  {
    title: "ConfigMap Volume, immutability",
    path: "/api/v1/namespaces/default/configmaps",
    sample: { kind: "ConfigMap", data: { a: "1" } },
  },
]) {
  test(`${title}: what was made immutable stays as it is`, async () => {
    await server.ok("POST", path, { body: { apiVersion: "v1", metadata: { name: "immutable" }, ...sample } });
    const change = (body: object) =>
      server.object<AnyObject & Status>("PATCH", `${path}/immutable`, { body, headers: merge });
    const fixed = await change({ immutable: true });
    assert.equal(fixed.immutable, true);
    assert.equal((await change({ immutable: false })).code, 422);
    assert.equal((await change({ data: { a: null } })).code, 422);
    const labelled = await change({ metadata: { labels: { still: "allowed" } } });
    assert.equal(labelled.metadata.labels?.still, "allowed");
    await server.ok("DELETE", `${path}/immutable`);
  });
}

test("ReplicaSet, completes the scaling of a ReplicaSet subresource; StatefulSet resource Replica scaling; Replication Controller, get and update ReplicationController scale", async () => {
  const template = {
    metadata: { labels: { app: "scaled" } },
    spec: { containers: [{ name: "c", image: "i" }] },
  };
  for (const { path, apiVersion, kind, selector } of [
    {
      path: "/apis/apps/v1/namespaces/default/replicasets",
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      selector: { matchLabels: { app: "scaled" } },
    },
    {
      path: "/apis/apps/v1/namespaces/default/statefulsets",
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      selector: { matchLabels: { app: "scaled" } },
    },
    {
      path: "/api/v1/namespaces/default/replicationcontrollers",
      apiVersion: "v1",
      kind: "ReplicationController",
      selector: { app: "scaled" },
    },
  ]) {
    await server.ok("POST", path, {
      body: { apiVersion, kind, metadata: { name: "scaled" }, spec: { replicas: 1, selector, template } },
    });
    const scale = await server.ok("GET", `${path}/scaled/scale`);
    assert.equal(specOf(scale).replicas, 1);
    await server.ok("PUT", `${path}/scaled/scale`, { body: { ...scale, spec: { replicas: 2 } } });
    assert.equal(specOf(await server.ok("GET", `${path}/scaled`)).replicas, 2);
    await server.ok("PATCH", `${path}/scaled/scale`, { body: { spec: { replicas: 4 } }, headers: merge });
    assert.equal(specOf(await server.ok("GET", `${path}/scaled`)).replicas, 4);
  }
});

// A request for CN=example, O=e2e, signed by a key that nobody has.
const signingRequest = btoa(signingRequestPem);

test("CertificateSigningRequest API: approval and status have endpoints of their own", async () => {
  const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
  const created = await server.ok("POST", path, {
    body: {
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { generateName: "e2e-example-csr-" },
      spec: {
        request: signingRequest,
        signerName: "example.com/e2e",
        usages: ["client auth"],
        expirationSeconds: 3600,
      },
    },
  });
  const name = created.metadata.name ?? "";
  const conditions = [{ type: "Approved", status: "True", reason: "E2E", message: "Set from an e2e test" }];
  // Through the object itself nothing of this is heard.
  const unheard = await server.ok("PATCH", `${path}/${name}`, {
    body: { status: { conditions } },
    headers: merge,
  });
  assert.deepEqual(statusOf(unheard).conditions ?? [], []);
  const approved = await server.ok("PUT", `${path}/${name}/approval`, {
    body: { ...created, metadata: unheard.metadata, status: { conditions } },
  });
  assert.equal((statusOf(approved).conditions as { type: string }[])[0]?.type, "Approved");
  const undone = await server.object<Status>("PUT", `${path}/${name}/approval`, {
    body: { ...approved, status: { conditions: [] } },
  });
  assert.equal(undone.code, 422);
  const certificate = btoa(certificatePem);
  const issued = await server.ok("PATCH", `${path}/${name}/status`, {
    body: { status: { certificate } },
    headers: merge,
  });
  assert.equal(statusOf(issued).certificate, certificate);
  const read = await server.ok("GET", `${path}/${name}/approval`);
  assert.equal((statusOf(read).conditions as { type: string }[])[0]?.type, "Approved");
});

test("A signing request that its key did not sign is refused", async () => {
  const tampered = signingRequestPem.replace("dGVzd", "dGVyd");
  assert.notEqual(tampered, signingRequestPem);
  const answer = await server.object<Status>(
    "POST",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    {
      body: {
        apiVersion: "certificates.k8s.io/v1",
        kind: "CertificateSigningRequest",
        metadata: { name: "forged" },
        spec: { request: btoa(tampered), usages: ["client auth"], signerName: "example.com/one" },
      },
    },
  );
  assert.equal(answer.code, 422);
  assert.match(answer.message ?? "", /^.* spec\.request: .*: x509: ECDSA verification failure$/);
});

test("Server side field validation, typed object; Server side field validation, typed unknown metadata", async () => {
  const path = "/apis/apps/v1/namespaces/default/deployments";
  const text = (metadata: string, spec: string) =>
    new TextEncoder().encode(
      `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"strict"${metadata}},"spec":{"replicas":1${spec},"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}`,
    );
  const post = async (bytes: Uint8Array) => {
    const response = await server.server.handle(
      {
        method: "POST",
        path,
        query: new URLSearchParams({ fieldValidation: "Strict" }),
        headers: { "content-type": "application/json" },
        body: { bytes },
        signal: new AbortController().signal,
      },
      { user: { name: "admin", groups: ["system:masters"] } },
    );
    assert.equal(response.type, "object");
    return response.type === "object" ? (response.object as Status) : undefined;
  };
  const typed = await post(
    text("", ',"unknown1":1,"unknownDupe":1,"unknownDupe":2,"paused":true,"paused":true'),
  );
  assert.equal(typed?.code, 400);
  assert.match(
    typed?.message ?? "",
    /strict decoding error: unknown field "spec\.unknown1", unknown field "spec\.unknownDupe", duplicate field "spec\.paused"/,
  );
  const metadata = await post(text(',"unknownMeta":"x"', ""));
  assert.match(metadata?.message ?? "", /unknown field "metadata\.unknownMeta"/);
});

test("Confirm a server version", async () => {
  const version = await server.ok<AnyObject & { major: string; minor: string }>("GET", "/version");
  assert.equal(version.major, "1");
  assert.match(version.minor, /^36/);
});

test("Deployment, completes the scaling of a Deployment subresource and Deployment: list, deletecollection", async () => {
  const path = "/apis/apps/v1/namespaces/default/deployments";
  const labels = { app: "d" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
  await server.ok("POST", path, {
    body: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d", labels },
      spec: { replicas: 1, selector: { matchLabels: labels }, template },
    },
  });
  const scale = await server.ok("GET", `${path}/d/scale`);
  await server.ok("PUT", `${path}/d/scale`, { body: { ...scale, spec: { replicas: 2 } } });
  assert.equal(specOf(await server.ok("GET", `${path}/d`)).replicas, 2);
  await server.ok("PATCH", `${path}/d/scale`, { body: { spec: { replicas: 4 } }, headers: strategic });
  assert.equal(specOf(await server.ok("GET", `${path}/d`)).replicas, 4);
  await server.ok("DELETE", path, { query: { labelSelector: "app=d" } });
  assert.deepEqual(
    namesOf(await server.ok<KubeList>("GET", path, { query: { labelSelector: "app=d" } })),
    [],
  );
});
