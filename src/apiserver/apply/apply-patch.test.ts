import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject, ManagedFieldsEntry } from "../../apimachinery/meta.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

const deployments = "/apis/apps/v1/namespaces/default/deployments";
const maps = "/api/v1/namespaces/default/configmaps";
const applyHeaders = { "content-type": "application/apply-patch+yaml" };

const deployment = (name: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, ...metadata },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "web", image: "web:1", ports: [{ containerPort: 80 }] }] },
    },
    ...spec,
  },
});

const applied = (path: string, body: object, manager: string, query: Record<string, string> = {}) => ({
  path,
  options: { body, headers: applyHeaders, query: { fieldManager: manager, ...query } },
});

function apply(
  path: string,
  body: object,
  manager: string,
  query?: Record<string, string>,
): Promise<AnyObject> {
  const request = applied(path, body, manager, query);
  return server.ok("PATCH", request.path, request.options);
}

function refused(
  path: string,
  body: object,
  manager: string,
  query?: Record<string, string>,
): Promise<Status> {
  const request = applied(path, body, manager, query);
  return server.object<Status>("PATCH", request.path, request.options);
}

function entryOf(object: AnyObject, manager: string, operation = "Apply"): ManagedFieldsEntry {
  const entry = object.metadata.managedFields?.find(
    (each) => each.manager === manager && each.operation === operation,
  );
  assert.ok(
    entry,
    `${manager} has no entry of ${operation} in ${JSON.stringify(object.metadata.managedFields)}`,
  );
  return entry;
}

const containersOf = (object: AnyObject) =>
  (object.spec as { template: { spec: { containers: Record<string, unknown>[] } } }).template.spec.containers;

test("a create is owned by who made it, an update by who changed what", async () => {
  const created = await server.ok("POST", deployments, {
    body: deployment("tracked"),
    query: { fieldManager: "maker" },
  });
  const entry = entryOf(created, "maker", "Update");
  assert.equal(entry.apiVersion, "apps/v1");
  assert.equal(entry.time, "2026-01-01T00:00:00Z");
  const fields = entry.fieldsV1 as Record<string, Record<string, unknown>>;
  assert.deepEqual(fields["f:spec"]?.["f:replicas"], {});
  const template = fields["f:spec"]?.["f:template"] as Record<string, Record<string, unknown>>;
  assert.deepEqual(template["f:spec"]?.["f:containers"], {
    'k:{"name":"web"}': {
      ".": {},
      "f:image": {},
      "f:imagePullPolicy": {},
      "f:name": {},
      "f:ports": {
        ".": {},
        'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {}, "f:protocol": {} },
      },
      "f:resources": {},
      "f:terminationMessagePath": {},
      "f:terminationMessagePolicy": {},
    },
  });
  assert.equal(fields["f:status"], undefined);
  const scaled = await server.ok("PATCH", `${deployments}/tracked`, {
    body: { spec: { replicas: 5 } },
    headers: { "content-type": "application/merge-patch+json", "user-agent": "scaler/1.0 (linux)" },
  });
  assert.deepEqual(entryOf(scaled, "scaler", "Update").fieldsV1, { "f:spec": { "f:replicas": {} } });
  const left = entryOf(scaled, "maker", "Update").fieldsV1 as Record<string, Record<string, unknown>>;
  assert.equal(left["f:spec"]?.["f:replicas"], undefined);
});

test("a write to status is an entry of its own", async () => {
  const created = await server.ok("POST", deployments, {
    body: deployment("stated"),
    query: { fieldManager: "maker" },
  });
  const stated = await server.ok("PUT", `${deployments}/stated/status`, {
    body: { ...created, status: { ...(created.status as object), replicas: 1 } },
    query: { fieldManager: "controller" },
  });
  const entry = entryOf(stated, "controller", "Update");
  assert.equal(entry.subresource, "status");
  assert.deepEqual(entry.fieldsV1, { "f:status": { "f:replicas": {} } });
});

test("an apply makes what is missing, and again it changes nothing", async () => {
  const request = applied(`${deployments}/made`, deployment("made"), "one");
  const first = await server.call("PATCH", request.path, request.options);
  assert.equal(first.status, 201);
  const object = await server.ok("GET", `${deployments}/made`);
  assert.deepEqual((entryOf(object, "one").fieldsV1 as Record<string, unknown>)["f:spec"], {
    "f:replicas": {},
    "f:selector": {},
    "f:template": {
      "f:metadata": { "f:labels": { "f:app": {} } },
      "f:spec": {
        "f:containers": {
          'k:{"name":"web"}': {
            ".": {},
            "f:image": {},
            "f:name": {},
            "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
          },
        },
      },
    },
  });
  const again = await apply(`${deployments}/made`, deployment("made"), "one");
  assert.equal(again.metadata.resourceVersion, object.metadata.resourceVersion);
});

test("two managers of one field are in conflict until one forces or both say the same", async () => {
  const path = `${deployments}/disputed`;
  await apply(path, deployment("disputed"), "one");
  const conflict = await refused(path, deployment("disputed", { replicas: 3 }), "two");
  assert.equal(conflict.code, 409);
  assert.equal(conflict.message, 'Apply failed with 1 conflict: conflict with "one": .spec.replicas');
  assert.deepEqual(conflict.details?.causes, [
    { reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".spec.replicas" },
  ]);
  const shared = await apply(path, deployment("disputed"), "two");
  assert.equal(shared.metadata.managedFields?.length, 2);
  const forced = await apply(path, deployment("disputed", { replicas: 4 }), "three", { force: "true" });
  assert.equal((forced.spec as { replicas: number }).replicas, 4);
  const mine = entryOf(forced, "one").fieldsV1 as Record<string, Record<string, unknown>>;
  assert.equal(mine["f:spec"]?.["f:replicas"], undefined);
});

test("what an applier no longer names goes, unless another owns it or it was never the applier's", async () => {
  const path = `${maps}/shrinking`;
  const map = (data: object, metadata: object = {}) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "shrinking", ...metadata },
    data,
  });
  await apply(path, map({ mine: "1", shared: "2" }, { labels: { a: "b" } }), "one");
  await apply(path, map({ shared: "2" }), "two");
  await server.ok("PATCH", path, {
    body: { data: { foreign: "3" } },
    headers: { "content-type": "application/merge-patch+json" },
  });
  const shrunk = await apply(path, map({}), "one");
  assert.deepEqual(shrunk.data, { shared: "2", foreign: "3" });
  assert.equal(shrunk.metadata.labels, undefined);
});

test("items of a list are merged by their keys and taken out with them", async () => {
  const path = `${deployments}/sidecars`;
  const withContainers = (...containers: object[]) =>
    deployment("sidecars", { template: { metadata: { labels: { app: "sidecars" } }, spec: { containers } } });
  const web = { name: "web", image: "web:1" };
  const proxy = { name: "proxy", image: "proxy:1" };
  await apply(path, withContainers(web, proxy), "one");
  const added = await apply(
    path,
    {
      ...withContainers({ name: "log", image: "log:1" }),
      spec: { template: { spec: { containers: [{ name: "log", image: "log:1" }] } } },
    },
    "two",
  );
  assert.deepEqual(
    containersOf(added).map(({ name }) => name),
    ["web", "proxy", "log"],
  );
  const removed = await apply(path, withContainers(web), "one");
  assert.deepEqual(
    containersOf(removed).map(({ name }) => name),
    ["web", "log"],
  );
  const twice = await refused(path, withContainers(web, web), "one");
  assert.equal(twice.code, 500);
  assert.match(
    twice.message ?? "",
    /\.spec\.template\.spec\.containers: duplicate entries for key \[name="web"\]$/,
  );
});

test("an object that was never tracked is owned by whoever was before the first apply", async () => {
  const created = await server.ok("POST", maps, {
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "old" }, data: { a: "1" } },
  });
  const untracked = await server.ok("PUT", `${maps}/old`, {
    body: { ...created, metadata: { ...created.metadata, managedFields: [{}] } },
  });
  assert.equal(untracked.metadata.managedFields, undefined);
  const conflict = await refused(
    `${maps}/old`,
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "old" }, data: { a: "2" } },
    "one",
  );
  assert.match(conflict.message ?? "", /conflict with "before-first-apply" using v1: \.data\.a/);
});

test("kubectl's server-side apply takes over what its client-side apply had set", async () => {
  const last = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "csa", namespace: "default", annotations: {} },
    data: { a: "1" },
  };
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  await server.ok("POST", maps, {
    body: { ...last, metadata: { ...last.metadata, annotations: { [annotation]: JSON.stringify(last) } } },
    query: { fieldManager: "kubectl-client-side-apply" },
  });
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "csa" }, data: { a: "2" } };
  assert.equal((await refused(`${maps}/csa`, body, "someone")).code, 409);
  const upgraded = await apply(`${maps}/csa`, body, "kubectl");
  assert.deepEqual(upgraded.data, { a: "2" });
  assert.deepEqual(JSON.parse(upgraded.metadata.annotations?.[annotation] ?? "").data, { a: "2" });
});

test("an apply is refused without a manager, with unknown fields, with managedFields or for another version", async () => {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "bad" }, data: {} };
  const nobody = await server.object<Status>("PATCH", `${maps}/bad`, { body, headers: applyHeaders });
  assert.equal(nobody.code, 422);
  assert.match(nobody.message ?? "", /fieldManager: Required value: is required for apply patch/);
  const unknown = await refused(`${maps}/bad`, { ...body, nonsense: 1 }, "one");
  assert.match(unknown.message ?? "", /\.nonsense: field not declared in schema/);
  const managed = await refused(
    `${maps}/bad`,
    { ...body, metadata: { name: "bad", managedFields: [] } },
    "one",
  );
  assert.equal(managed.message, "metadata.managedFields must be nil");
  const version = await refused(`${maps}/bad`, { ...body, apiVersion: "v2" }, "one");
  assert.equal(version.code, 400);
});

test("status is applied through its own endpoint", async () => {
  await apply(`${deployments}/status`, deployment("status"), "one");
  const body = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "status" },
    status: { replicas: 2, readyReplicas: 2 },
  };
  const stated = await apply(`${deployments}/status/status`, body, "controller");
  assert.equal((stated.status as { readyReplicas: number }).readyReplicas, 2);
  assert.equal(entryOf(stated, "controller").subresource, "status");
});

test("scaling is owned by who scales, with its subresource", async () => {
  await apply(`${deployments}/scaling`, deployment("scaling"), "one");
  await server.ok("PATCH", `${deployments}/scaling/scale`, {
    body: { spec: { replicas: 9 } },
    headers: { "content-type": "application/merge-patch+json" },
    query: { fieldManager: "autoscaler" },
  });
  const scaled = await server.ok("GET", `${deployments}/scaling`);
  assert.equal(entryOf(scaled, "autoscaler", "Update").subresource, "scale");
  const conflict = await refused(`${deployments}/scaling`, deployment("scaling"), "one");
  assert.match(conflict.message ?? "", /conflict with "autoscaler" with subresource "scale" using apps\/v1/);
});

test("many updaters become one ancient one", async () => {
  await server.ok("POST", maps, {
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "busy" }, data: { k0: "x" } },
    query: { fieldManager: "m0" },
  });
  let object: AnyObject | undefined;
  for (let index = 1; index <= 15; index++)
    object = await server.ok("PATCH", `${maps}/busy`, {
      body: { data: { [`k${index}`]: "x" } },
      headers: { "content-type": "application/merge-patch+json" },
      query: { fieldManager: `m${index}` },
    });
  assert.equal(object?.metadata.managedFields?.length, 10);
  assert.ok(object?.metadata.managedFields?.some(({ manager }) => manager === "ancient-changes"));
});
