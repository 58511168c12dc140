import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

const pods = "/api/v1/namespaces/default/pods";
const merge = { "content-type": "application/merge-patch+json" };
const pod = (name: string, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: "web" }, ...metadata },
  spec: { containers: [{ name: "c", image: "i" }] },
});
const deployment = (name: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
});
const statusOf = (object: AnyObject) => object.status as Record<string, unknown>;
const specOf = (object: AnyObject) => object.spec as Record<string, unknown>;

async function running(name: string, metadata: object = {}): Promise<AnyObject> {
  await server.ok("POST", pods, { body: pod(name, metadata) });
  return server.ok("PATCH", `${pods}/${name}/status`, {
    headers: merge,
    body: { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } },
  });
}

test("a write to /status changes the status alone, a write to the object all but the status", async () => {
  const created = await server.ok("POST", pods, { body: pod("split") });
  const status = await server.ok("PUT", `${pods}/split/status`, {
    body: {
      ...created,
      spec: { ...specOf(created), nodeName: "other" },
      status: { ...statusOf(created), phase: "Running", podIP: "10.0.0.1" },
    },
  });
  assert.equal(specOf(status).nodeName, undefined);
  assert.equal(statusOf(status).podIP, "10.0.0.1");
  assert.equal(status.metadata.generation, created.metadata.generation);
  const labelled = await server.ok("PATCH", `${pods}/split`, {
    headers: merge,
    body: { metadata: { labels: { more: "x" } }, status: { podIP: "10.0.0.9" } },
  });
  assert.equal(statusOf(labelled).podIP, "10.0.0.1");
  assert.equal(labelled.metadata.labels?.more, "x");
});

test("a change of the spec is a new generation, a change of labels is none", async () => {
  const path = "/apis/apps/v1/namespaces/default/deployments";
  const created = await server.ok("POST", path, { body: deployment("generations") });
  assert.equal(created.metadata.generation, 1);
  const labelled = await server.ok("PATCH", `${path}/generations`, {
    headers: merge,
    body: { metadata: { labels: { a: "b" } } },
  });
  assert.equal(labelled.metadata.generation, 1);
  const grown = await server.ok("PATCH", `${path}/generations`, {
    headers: merge,
    body: { spec: { replicas: 3 } },
  });
  assert.equal(grown.metadata.generation, 2);
});

test("Deployment should have a working scale subresource", async () => {
  const path = "/apis/apps/v1/namespaces/default/deployments";
  await server.ok("POST", path, { body: deployment("scaled") });
  const scale = await server.ok("GET", `${path}/scaled/scale`);
  assert.equal(scale.kind, "Scale");
  assert.equal(scale.apiVersion, "autoscaling/v1");
  assert.deepEqual(scale.spec, { replicas: 2 });
  assert.deepEqual(scale.status, { replicas: 0, selector: "app=scaled" });
  const put = await server.ok("PUT", `${path}/scaled/scale`, { body: { ...scale, spec: { replicas: 4 } } });
  assert.deepEqual(put.spec, { replicas: 4 });
  const stale = await server.object<Status>("PUT", `${path}/scaled/scale`, {
    body: { ...scale, spec: { replicas: 5 } },
  });
  assert.equal(stale.code, 409);
  const patched = await server.ok("PATCH", `${path}/scaled/scale`, {
    headers: merge,
    body: { spec: { replicas: 7 } },
  });
  assert.deepEqual(patched.spec, { replicas: 7 });
  const negative = await server.object<Status>("PATCH", `${path}/scaled/scale`, {
    headers: merge,
    body: { spec: { replicas: -1 } },
  });
  assert.equal(negative.code, 422);
  const scaled = await server.ok("GET", `${path}/scaled`);
  assert.equal(specOf(scaled).replicas, 7);
  assert.equal(scaled.metadata.generation, 3);
});

test("a binding puts a pod on a node once", async () => {
  await server.ok("POST", pods, { body: pod("bound") });
  const bind = (node: string) => ({
    body: {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "bound", annotations: { a: "b" } },
      target: { kind: "Node", name: node },
    },
  });
  const { body } = bind("node-1");
  const replaced = await server.object<Status>("POST", `${pods}/bound/binding`, {
    body: { ...body, metadata: { ...body.metadata, uid: "of one before" } },
  });
  assert.equal(replaced.code, 409, "a binding is for one pod, not for another of its name");
  const answer = await server.ok<Status>("POST", `${pods}/bound/binding`, bind("node-1"));
  assert.equal(answer.status, "Success");
  const placed = await server.ok("GET", `${pods}/bound`);
  assert.equal(specOf(placed).nodeName, "node-1");
  assert.equal(placed.metadata.annotations?.a, "b");
  const conditions = statusOf(placed).conditions as readonly { type: string; status: string }[];
  assert.equal(conditions.find(({ type }) => type === "PodScheduled")?.status, "True");
  const again = await server.object<Status>("POST", `${pods}/bound/binding`, bind("node-2"));
  assert.equal(again.code, 409);
  assert.match(again.message ?? "", /pod bound is already assigned to node "node-1"/);
});

test("a bound pod terminates gracefully; a shorter grace shortens it, none removes it", async () => {
  await running("graceful");
  await server.ok("POST", `${pods}/graceful/binding`, {
    body: { apiVersion: "v1", kind: "Binding", metadata: { name: "graceful" }, target: { name: "n" } },
  });
  const first = await server.ok("DELETE", `${pods}/graceful`);
  assert.equal(first.metadata.deletionGracePeriodSeconds, 30);
  assert.equal(first.metadata.deletionTimestamp, "2026-01-01T00:00:30Z");
  const longer = await server.ok("DELETE", `${pods}/graceful`, { body: { gracePeriodSeconds: 60 } });
  assert.equal(longer.metadata.deletionGracePeriodSeconds, 30);
  const shorter = await server.ok("DELETE", `${pods}/graceful`, { body: { gracePeriodSeconds: 5 } });
  assert.equal(shorter.metadata.deletionGracePeriodSeconds, 5);
  assert.equal(shorter.metadata.deletionTimestamp, "2026-01-01T00:00:05Z");
  await server.ok("DELETE", `${pods}/graceful`, { body: { gracePeriodSeconds: 0 } });
  assert.equal((await server.object<Status>("GET", `${pods}/graceful`)).code, 404);
});

test("an eviction in the beta version, as older kubectl drains, is taken too", async () => {
  await running("drained");
  const body = { apiVersion: "policy/v1beta1", kind: "Eviction", metadata: { name: "drained" } };
  await server.ok("POST", `${pods}/drained/eviction`, { body });
});

test("PodDisruptionBudget: block an eviction until the PDB is updated to allow it: an eviction spends what the disruption budget allows and is then refused with 429", async () => {
  for (const name of ["evicted-1", "evicted-2"]) await running(name, { labels: { app: "guarded" } });
  const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
  const created = await server.ok("POST", budgets, {
    body: {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "guard" },
      spec: { minAvailable: 1, selector: { matchLabels: { app: "guarded" } } },
    },
  });
  const evict = (name: string) => ({
    body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name } },
  });
  const early = await server.object<Status>("POST", `${pods}/evicted-1/eviction`, evict("evicted-1"));
  assert.equal(early.code, 429);
  assert.equal(early.details?.retryAfterSeconds, 10);
  await server.ok("PUT", `${budgets}/guard/status`, {
    body: {
      ...created,
      status: {
        observedGeneration: 1,
        disruptionsAllowed: 1,
        currentHealthy: 2,
        desiredHealthy: 1,
        expectedPods: 2,
      },
    },
  });
  await server.ok("POST", `${pods}/evicted-1/eviction`, evict("evicted-1"));
  const budget = await server.ok("GET", `${budgets}/guard`);
  assert.equal(statusOf(budget).disruptionsAllowed, 0);
  assert.deepEqual(Object.keys(statusOf(budget).disruptedPods as object), ["evicted-1"]);
  const refused = await server.object<Status>("POST", `${pods}/evicted-2/eviction`, evict("evicted-2"));
  assert.equal(refused.code, 429);
  assert.equal(refused.message, "Cannot evict pod as it would violate the pod's disruption budget.");
  assert.equal(
    refused.details?.causes?.[0]?.message,
    "The disruption budget guard needs 1 healthy pods and has 2 currently",
  );
});

test("a namespace terminates until it is finalized", async () => {
  await server.ok("POST", "/api/v1/namespaces", {
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "ending" } },
  });
  const terminating = await server.ok("DELETE", "/api/v1/namespaces/ending");
  assert.equal(statusOf(terminating).phase, "Terminating");
  assert.deepEqual(specOf(terminating).finalizers, ["kubernetes"]);
  await server.ok("DELETE", "/api/v1/namespaces/ending");
  await server.ok("PUT", "/api/v1/namespaces/ending/finalize", {
    body: { ...terminating, spec: { finalizers: [] } },
  });
  assert.equal((await server.object<Status>("GET", "/api/v1/namespaces/ending")).code, 404);
});

test("Ephemeral Container, update ephemeral containers: one can be added to a running pod and not be taken away", async () => {
  const created = await server.ok("POST", pods, { body: pod("debugged") });
  const added = await server.ok("PATCH", `${pods}/debugged/ephemeralcontainers`, {
    headers: { "content-type": "application/strategic-merge-patch+json" },
    body: { spec: { ephemeralContainers: [{ name: "debug", image: "busybox" }] } },
  });
  assert.equal((specOf(added).ephemeralContainers as unknown[]).length, 1);
  const refused = await server.object<Status>("PUT", `${pods}/debugged/ephemeralcontainers`, {
    body: { ...created, metadata: added.metadata },
  });
  assert.equal(refused.code, 422);
});

test("In-place Pod Resize, read and replace endpoints: a resize changes resources and nothing else", async () => {
  const resources = { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: "100m", memory: "64Mi" } };
  const body = { ...pod("resized"), spec: { containers: [{ name: "c", image: "i", resources }] } };
  await server.ok("POST", pods, { body });
  const refused = await server.object<Status>("PATCH", `${pods}/resized`, {
    headers: { "content-type": "application/strategic-merge-patch+json" },
    body: {
      spec: {
        containers: [{ name: "c", resources: { requests: { cpu: "200m" }, limits: { cpu: "200m" } } }],
      },
    },
  });
  assert.equal(refused.code, 422);
  const resized = await server.ok("PATCH", `${pods}/resized/resize`, {
    headers: { "content-type": "application/strategic-merge-patch+json" },
    body: {
      spec: {
        containers: [{ name: "c", resources: { requests: { cpu: "200m" }, limits: { cpu: "200m" } } }],
      },
    },
  });
  const [container] = specOf(resized).containers as { resources: { requests: { cpu: string } } }[];
  assert.equal(container?.resources.requests.cpu, "200m");
});

test("a resize leaves an image and labels as they were, and refuses containers that come or change places", async () => {
  const resources = { requests: { cpu: "100m" } };
  const containers = ["a", "b"].map((name) => ({ name, image: "i", resources }));
  const created = await server.ok("POST", pods, { body: { ...pod("ordered"), spec: { containers } } });
  const put = (spec: object, labels = {}) =>
    server.object<Status & AnyObject>("PUT", `${pods}/ordered/resize`, {
      body: {
        ...created,
        metadata: { ...created.metadata, resourceVersion: undefined, labels },
        spec: { ...specOf(created), ...spec },
      },
    });
  const given = specOf(created).containers as { name: string }[];
  const other = await put({ containers: given.map((each) => ({ ...each, image: "other" })) }, { x: "y" });
  assert.deepEqual(specOf(other).containers, given);
  assert.deepEqual(other.metadata.labels, created.metadata.labels);
  const added = await put({ containers: [...given, { ...given[0], name: "c" }] });
  assert.match(
    added.message ?? "",
    /spec\.containers: Forbidden: containers may not be added or removed on resize/,
  );
  const swapped = await put({ containers: given.toReversed() });
  assert.match(
    swapped.message ?? "",
    /spec\.containers\[0\]\.name: Forbidden: containers may not be renamed or reordered on resize/,
  );
});

test("what is wrong with an object's metadata is told first, in one Status with its causes", async () => {
  const refused = await server.object<Status>("POST", pods, {
    body: {
      ...pod("one"),
      metadata: { name: "one", finalizers: ["mine"] },
      spec: { containers: [{ name: "c" }] },
    },
  });
  assert.equal(
    refused.message,
    'Pod "one" is invalid: [metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified, spec.containers[0].image: Required value]',
  );
  assert.deepEqual(
    refused.details?.causes?.map(({ field, reason }) => `${field} ${reason}`),
    ["metadata.finalizers[0] FieldValueInvalid", "spec.containers[0].image FieldValueRequired"],
  );
});

test("a subresource that is not there is not found, a method it does not know is refused", async () => {
  await server.ok("POST", pods, { body: pod("plain") });
  assert.equal((await server.object<Status>("GET", `${pods}/plain/nothing`)).code, 404);
  assert.equal((await server.object<Status>("GET", `${pods}/plain/binding`)).code, 405);
  assert.equal((await server.object<Status>("DELETE", `${pods}/plain/status`)).code, 405);
});
