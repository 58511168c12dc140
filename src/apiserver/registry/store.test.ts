import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { decodeBase64Url, encodeBase64Url } from "../../base/base64.ts";
import { namesOf, startTestServer } from "../test-support/server.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const merge = { "content-type": "application/merge-patch+json" };
const map = (name: string, data: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});

test("patches that come at once are all there in the end", async () => {
  const server = await startTestServer();
  await server.ok("POST", maps, { body: map("raced") });
  const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
  await Promise.all(
    keys.map((key) =>
      server.ok("PATCH", `${maps}/raced`, { body: { data: { [key]: "x" } }, headers: merge }),
    ),
  );
  const object = await server.ok("GET", `${maps}/raced`);
  assert.deepEqual(Object.keys(object.data as object).toSorted(), keys.toSorted());
  await server.close();
});

test("of updates from the same version one wins and the others are told", async () => {
  const server = await startTestServer();
  const created = await server.ok("POST", maps, { body: map("contested") });
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      server.call("PUT", `${maps}/contested`, { body: { ...created, data: { winner: `${index}` } } }),
    ),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, ...new Array<number>(9).fill(409)]);
  await server.close();
});

test("of creates of one name one wins", async () => {
  const server = await startTestServer();
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => server.call("POST", maps, { body: map("once") })),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, ...new Array<number>(9).fill(409)]);
  await server.close();
});

test("the version that a new object was given is one to watch from, though nobody read its kind before", async () => {
  const server = await startTestServer();
  const created = await server.ok("POST", maps, { body: map("first") });
  const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  await server.ok("POST", leases, { body: { metadata: { name: "a" } } });
  await server.ok("POST", maps, { body: map("second") });
  const resourceVersion = created.metadata.resourceVersion ?? "";
  const watch = await server.watch(maps, { resourceVersion });
  const event = await watch.next();
  assert.deepEqual([event?.type, event?.object.metadata.name], ["ADDED", "second"]);
  watch.close();
  await server.close();
});

test("creating what is being deleted says so", async () => {
  const server = await startTestServer();
  const body = { ...map("going"), metadata: { name: "going", finalizers: ["example.com/x"] } };
  await server.ok("POST", maps, { body });
  await server.ok("DELETE", `${maps}/going`);
  const status = await server.object<Status>("POST", maps, { body });
  assert.equal(status.message, 'object is being deleted: configmaps "going" already exists');
  await server.close();
});

test("what clients may not set is not theirs to set", async () => {
  const server = await startTestServer();
  const metadata = {
    name: "forged",
    uid: "mine",
    creationTimestamp: "2001-01-01T00:00:00Z",
    generation: 7,
    selfLink: "/x",
    deletionTimestamp: "2001-01-01T00:00:00Z",
  };
  const created = await server.ok("POST", maps, { body: { ...map("forged"), metadata } });
  assert.notEqual(created.metadata.uid, "mine");
  assert.equal(created.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  // Of a kind whose generations the server does not count, as upstream.
  assert.equal(created.metadata.generation, 7);
  for (const name of ["selfLink", "deletionTimestamp"] as const)
    assert.equal(created.metadata[name], undefined);
  const changed = await server.ok("PUT", `${maps}/forged`, {
    body: {
      ...created,
      metadata: { ...created.metadata, creationTimestamp: "2002-01-01T00:00:00Z", generation: 9 },
      data: { a: "b" },
    },
  });
  assert.equal(changed.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  const other = await server.object<Status>("PUT", `${maps}/forged`, {
    body: { ...changed, metadata: { ...changed.metadata, uid: "other" } },
  });
  assert.equal(other.code, 409);
  assert.match(other.message ?? "", /Precondition failed: UID in precondition: other, UID in object meta: /);
  await server.close();
});

test("a name or namespace that does not fit the path is refused", async () => {
  const server = await startTestServer();
  const created = await server.ok("POST", maps, { body: map("placed") });
  const elsewhere = { ...map("placed"), metadata: { name: "placed", namespace: "other" } };
  assert.equal(
    (await server.object<Status>("POST", maps, { body: elsewhere })).message,
    "the namespace of the provided object does not match the namespace sent on the request",
  );
  assert.equal(
    (await server.object<Status>("PUT", `${maps}/other`, { body: created })).message,
    "the name of the object (placed) does not match the name on the URL (other)",
  );
  assert.equal((await server.object<Status>("POST", maps, { body: map("Bad_Name") })).code, 422);
  assert.equal((await server.object<Status>("POST", "/api/v1/configmaps", { body: map("x") })).code, 405);
  assert.equal((await server.object<Status>("GET", "/api/v1/namespaces/default/nodes")).code, 404);
  await server.close();
});

test("events vanish after an hour", async () => {
  const server = await startTestServer();
  const path = "/api/v1/namespaces/default/events";
  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e", namespace: "default" },
    involvedObject: { kind: "Pod", namespace: "default", name: "p" },
    reason: "R",
    message: "m",
    type: "Normal",
  };
  await server.ok("POST", path, { body: event });
  await server.clock.advance(59 * 60_000);
  assert.deepEqual(namesOf(await server.ok<KubeList>("GET", path)), ["e"]);
  await server.clock.advance(3 * 60_000);
  assert.deepEqual(namesOf(await server.ok<KubeList>("GET", path)), []);
  await server.close();
});

test("a continuation that is too old is told how to go on", async () => {
  const server = await startTestServer({ dependencies: {} });
  for (const name of ["a", "b", "c"]) await server.ok("POST", maps, { body: map(name) });
  const page = await server.ok<KubeList>("GET", maps, { query: { limit: "1" } });
  const forged = JSON.parse(new TextDecoder().decode(decodeBase64Url(page.metadata.continue ?? "")));
  const encode = (token: object) => encodeBase64Url(new TextEncoder().encode(JSON.stringify(token)));
  const inconsistent = await server.ok<KubeList>("GET", maps, {
    query: { limit: "5", continue: encode({ ...forged, rv: -1 }) },
  });
  assert.deepEqual(namesOf(inconsistent), ["b", "c"]);
  for (const start of ["../secrets/x", "/registry/core/secrets/", ""]) {
    const status = await server.object<Status>("GET", maps, {
      query: { continue: encode({ ...forged, start }) },
    });
    assert.equal(status.code, 400, start);
  }
  await server.close();
});

test("sendInitialEvents streams what is there and says where it ends", async () => {
  const server = await startTestServer();
  for (const name of ["a", "b"]) await server.ok("POST", maps, { body: map(name) });
  const watch = await server.watch(maps, {
    sendInitialEvents: "true",
    allowWatchBookmarks: "true",
    resourceVersionMatch: "NotOlderThan",
  });
  const events = [await watch.next(), await watch.next(), await watch.next()];
  assert.deepEqual(
    events.map((event) => event?.type),
    ["ADDED", "ADDED", "BOOKMARK"],
  );
  assert.equal(events[2]?.object.metadata.annotations?.["k8s.io/initial-events-end"], "true");
  const created = await server.ok<AnyObject>("POST", maps, { body: map("c") });
  assert.equal((await watch.next())?.object, created);
  watch.close();
  await server.close();
});

test("a watch by a selector tells of what comes into it and what leaves it", async () => {
  const server = await startTestServer();
  const watch = await server.watch(maps, { labelSelector: "on=yes", resourceVersion: "0" });
  await server.ok("POST", maps, { body: map("s") });
  const label = (on: string) =>
    server.ok("PATCH", `${maps}/s`, { body: { metadata: { labels: { on } } }, headers: merge });
  await label("yes");
  await label("no");
  const came = await watch.next();
  const left = await watch.next();
  assert.deepEqual([came?.type, left?.type], ["ADDED", "DELETED"]);
  assert.equal(left?.object.metadata.labels?.on, "yes");
  watch.close();
  await server.close();
});

test("a closed server leaves no timer behind", async () => {
  const server = await startTestServer({
    dependencies: { services: { endpoint: { address: "192.0.2.1", port: 6443 } } },
  });
  await server.server.start();
  await server.watch(maps);
  await server.ok("POST", maps, { body: map("x") });
  await server.close();
  await server.clock.settle();
  assert.equal(server.clock.pendingTimers, 0);
});
