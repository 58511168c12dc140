import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../apimachinery/meta.ts";
import { namesOf, startTestServer, type TestServer } from "./test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels: { app: name } },
  data,
});

test("a created object has an identity and can be read back as the same object", async () => {
  const created = await server.ok("POST", "/api/v1/namespaces/default/configmaps", {
    body: configMap("one", { a: "1" }),
  });
  assert.equal(created.metadata.name, "one");
  assert.equal(created.metadata.namespace, "default");
  assert.match(created.metadata.uid ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(created.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  assert.match(created.metadata.resourceVersion ?? "", /^\d+$/);
  const read = await server.ok("GET", "/api/v1/namespaces/default/configmaps/one");
  assert.equal(read, created);
});

test("an event of events.k8s.io is refused as the core event that it is stored as", async () => {
  const { message, details } = await server.object<Status>(
    "POST",
    "/apis/events.k8s.io/v1/namespaces/default/events",
    { body: { apiVersion: "events.k8s.io/v1", kind: "Event", metadata: { name: "e" }, regarding: {} } },
  );
  assert.match(message ?? "", /^Event "e" is invalid: /);
  assert.deepEqual([details?.group, details?.kind], [undefined, "Event"]);
});

test("a second object of that name is refused with 409", async () => {
  const status = await server.object<Status>("POST", "/api/v1/namespaces/default/configmaps", {
    body: configMap("one"),
  });
  assert.equal(status.code, 409);
  assert.equal(status.reason, "AlreadyExists");
  assert.equal(status.message, 'configmaps "one" already exists');
});

test("a list is in the order of names and selects by label and field", async () => {
  const path = "/api/v1/namespaces/lists/configmaps";
  for (const name of ["b", "a", "c"]) await server.ok("POST", path, { body: configMap(name) });
  assert.deepEqual(namesOf(await server.ok<KubeList>("GET", path)), ["a", "b", "c"]);
  assert.deepEqual(
    namesOf(await server.ok<KubeList>("GET", path, { query: { labelSelector: "app in (a,c)" } })),
    ["a", "c"],
  );
  assert.deepEqual(
    namesOf(await server.ok<KubeList>("GET", path, { query: { fieldSelector: "metadata.name!=a" } })),
    ["b", "c"],
  );
  const refused = await server.object<Status>("GET", path, { query: { fieldSelector: "data.x=1" } });
  assert.equal(refused.code, 400);
});

test("pages of a list fit together", async () => {
  const path = "/api/v1/namespaces/pages/configmaps";
  for (let index = 0; index < 7; index++) await server.ok("POST", path, { body: configMap(`p${index}`) });
  const seen: string[] = [];
  let token = "";
  let rest: number | undefined = 7;
  do {
    const page: KubeList = await server.ok("GET", path, {
      query: { limit: "3", ...(token === "" ? {} : { continue: token }) },
    });
    seen.push(...namesOf(page));
    token = page.metadata.continue ?? "";
    rest = page.metadata.remainingItemCount;
    if (token !== "") assert.equal(rest, 7 - seen.length);
    // What comes after the first page was taken is not part of the list.
    await server.ok("POST", path, { body: configMap(`z${seen.length}`) });
  } while (token !== "");
  assert.deepEqual(seen, ["p0", "p1", "p2", "p3", "p4", "p5", "p6"]);
});

test("a watch from a revision tells of what comes after it", async () => {
  const path = "/api/v1/namespaces/watched/configmaps";
  const list = await server.ok<KubeList>("GET", path);
  const watch = await server.watch(path, { resourceVersion: list.metadata.resourceVersion ?? "" });
  const created = await server.ok("POST", path, { body: configMap("w") });
  const changed = await server.ok("PUT", `${path}/w`, { body: { ...created, data: { x: "y" } } });
  await server.ok("DELETE", `${path}/w`);
  const first = await watch.next();
  const second = await watch.next();
  const third = await watch.next();
  assert.deepEqual([first?.type, second?.type, third?.type], ["ADDED", "MODIFIED", "DELETED"]);
  assert.equal(first?.object, created);
  assert.equal(second?.object, changed);
  const gone = third?.object as AnyObject;
  assert.deepEqual(gone.data, { x: "y" });
  assert.ok(Number(gone.metadata.resourceVersion) > Number(changed.metadata.resourceVersion));
  watch.close();
});

test("an update with a stale resourceVersion is refused, without one it overwrites", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  const created = await server.ok("POST", path, { body: configMap("stale") });
  const changed = await server.ok("PUT", `${path}/stale`, { body: { ...created, data: { a: "1" } } });
  const status = await server.object<Status>("PUT", `${path}/stale`, {
    body: { ...created, data: { a: "2" } },
  });
  assert.equal(status.code, 409);
  assert.match(status.message ?? "", /the object has been modified; please apply your changes/);
  const { resourceVersion: _version, ...metadata } = changed.metadata;
  const forced = await server.ok("PUT", `${path}/stale`, {
    body: { ...changed, metadata, data: { a: "3" } },
  });
  assert.deepEqual(forced.data, { a: "3" });
});

test("a write that changes nothing writes nothing", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  const created = await server.ok("POST", path, { body: configMap("noop", { a: "1" }) });
  const again = await server.ok("PUT", `${path}/noop`, { body: created });
  assert.equal(again.metadata.resourceVersion, created.metadata.resourceVersion);
});

test("patches of each kind change the object", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  await server.ok("POST", path, { body: configMap("patched", { a: "1", b: "2" }) });
  const patch = (type: string, body: unknown) =>
    server.ok("PATCH", `${path}/patched`, { body, headers: { "content-type": type } });
  const merged = await patch("application/merge-patch+json", { data: { a: null, c: "3" } });
  assert.deepEqual(merged.data, { b: "2", c: "3" });
  const json = await patch("application/json-patch+json", [{ op: "replace", path: "/data/b", value: "4" }]);
  assert.deepEqual(json.data, { b: "4", c: "3" });
  const strategic = await patch("application/strategic-merge-patch+json", { data: { d: "5" } });
  assert.deepEqual(strategic.data, { b: "4", c: "3", d: "5" });
  const refused = await server.object<Status>("PATCH", `${path}/patched`, {
    body: {},
    headers: { "content-type": "text/plain" },
  });
  assert.equal(refused.code, 415);
});

test("generateName makes a name that fits", async () => {
  const body = { ...configMap(""), metadata: { generateName: "gen-" } };
  const created = await server.ok("POST", "/api/v1/namespaces/default/configmaps", { body });
  assert.match(created.metadata.name ?? "", /^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});

test("a finalizer keeps a deleted object until it is taken away", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  const body = { ...configMap("held"), metadata: { name: "held", finalizers: ["example.com/hold"] } };
  await server.ok("POST", path, { body });
  const terminating = await server.ok("DELETE", `${path}/held`);
  assert.equal(terminating.metadata.deletionTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(terminating.metadata.deletionGracePeriodSeconds, 0);
  const added = await server.object<Status>("PATCH", `${path}/held`, {
    body: { metadata: { finalizers: ["example.com/hold", "example.com/more"] } },
    headers: { "content-type": "application/merge-patch+json" },
  });
  assert.equal(added.code, 422);
  await server.ok("PATCH", `${path}/held`, {
    body: { metadata: { finalizers: null } },
    headers: { "content-type": "application/merge-patch+json" },
  });
  assert.equal((await server.object<Status>("GET", `${path}/held`)).code, 404);
});

test("a dry run answers as the real request would and stores nothing", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  const created = await server.ok("POST", path, { body: configMap("dry"), query: { dryRun: "All" } });
  assert.equal(created.metadata.name, "dry");
  assert.equal((await server.object<Status>("GET", `${path}/dry`)).code, 404);
  const refused = await server.object<Status>("POST", path, {
    body: configMap("dry"),
    query: { dryRun: "Some" },
  });
  assert.equal(refused.code, 422);
});

test("a delete with another uid or resourceVersion is refused", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  const created = await server.ok("POST", path, { body: configMap("guarded") });
  for (const preconditions of [{ uid: "other" }, { resourceVersion: "1" }]) {
    const status = await server.object<Status>("DELETE", `${path}/guarded`, { body: { preconditions } });
    assert.equal(status.code, 409);
  }
  const gone = await server.ok<Status>("DELETE", `${path}/guarded`, {
    body: { preconditions: { uid: created.metadata.uid } },
  });
  assert.equal(gone.status, "Success");
  assert.equal(gone.details?.uid, created.metadata.uid);
});

test("deletecollection removes what is selected", async () => {
  const path = "/api/v1/namespaces/collection/configmaps";
  for (const name of ["a", "b", "c"]) await server.ok("POST", path, { body: configMap(name) });
  await server.ok("DELETE", path, { query: { labelSelector: "app!=b" } });
  assert.deepEqual(namesOf(await server.ok<KubeList>("GET", path)), ["b"]);
});

test("unknown fields are warned of, refused or passed over as fieldValidation says", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  const body = { ...configMap("strict"), nonsense: 1 };
  const strict = await server.object<Status>("POST", path, { body, query: { fieldValidation: "Strict" } });
  assert.equal(strict.code, 400);
  assert.match(strict.message ?? "", /strict decoding error: unknown field "nonsense"/);
  const response = await server.call("POST", path, { body });
  assert.deepEqual(response.headers.warning, ['299 - "unknown field \\"nonsense\\""']);
});

test("what is not served is not found", async () => {
  const status = await server.object<Status>("GET", "/apis/apps/v1/things");
  assert.equal(status.code, 404);
  assert.equal(status.message, "the server could not find the requested resource");
  const missing = await server.object<Status>("GET", "/api/v1/namespaces/default/configmaps/missing");
  assert.equal(missing.message, 'configmaps "missing" not found');
});
