import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await server.ok("POST", "/apis/apps/v1/namespaces/default/deployments", {
    query: { fieldManager: "maker" },
    body: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: { containers: [{ name: "web", image: "web" }] },
        },
      },
    },
  });
});
after(() => server.close());

const path = "/apis/apps/v1/namespaces/default/deployments/web";
const scale = (replicas: number) => ({
  apiVersion: "autoscaling/v1",
  kind: "Scale",
  metadata: { name: "web" },
  spec: { replicas },
});
const options = (manager: string, replicas: number, query: Record<string, string> = {}) => ({
  body: scale(replicas),
  headers: { "content-type": "application/apply-patch+yaml" },
  query: { fieldManager: manager, ...query },
});

function ownersOf(object: AnyObject): readonly string[] {
  return (object.metadata.managedFields ?? [])
    .filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes('"f:replicas"'))
    .map(({ manager, operation, apiVersion, subresource }) =>
      [manager, operation, apiVersion, subresource].join(" "),
    );
}

test("a Scale is applied: conflicts with who owns the replicas, force, and ownership in the object", async () => {
  const refused = await server.object<Status>("PATCH", `${path}/scale`, options("scaler", 5));
  assert.equal(refused.code, 409);
  assert.equal(
    refused.message,
    'Apply failed with 1 conflict: conflict with "maker" using autoscaling/v1: .spec.replicas',
  );
  const scaled = await server.ok("PATCH", `${path}/scale`, options("scaler", 5, { force: "true" }));
  assert.deepEqual(scaled.spec, { replicas: 5 });
  const object = await server.ok("GET", path);
  assert.deepEqual(ownersOf(object), ["scaler Apply apps/v1 scale"]);
  const again = await server.ok("PATCH", `${path}/scale`, options("scaler", 5));
  assert.equal(again.metadata.resourceVersion, object.metadata.resourceVersion);
});

test("a Scale cannot be applied to what is not there, nor with fields it has not", async () => {
  const missing = await server.object<Status>(
    "PATCH",
    `${path.replace("web", "none")}/scale`,
    options("s", 1),
  );
  assert.equal(missing.code, 404);
  const unknown = await server.object<Status>("PATCH", `${path}/scale`, {
    ...options("scaler", 5),
    body: { ...scale(5), spec: { replicas: 5, size: 3 } },
  });
  assert.match(unknown.message ?? "", /\.spec\.size: field not declared in schema/);
});

test("a Scale that means another object by its uid is refused", async () => {
  const refused = await server.object<Status>("PUT", `${path}/scale`, {
    body: { ...scale(3), metadata: { name: "web", uid: "other" } },
  });
  assert.equal(refused.code, 409);
  assert.match(
    refused.message ?? "",
    /Precondition failed: UID in precondition: other, UID in object meta: /,
  );
});

test("a change of a Scale takes the number over, in the name of the endpoint; no replicas are not written", async () => {
  const put = (replicas: number) =>
    server.ok("PUT", `${path}/scale`, { query: { fieldManager: "putter" }, body: scale(replicas) });
  assert.deepEqual((await put(3)).spec, { replicas: 3 });
  assert.deepEqual(ownersOf(await server.ok("GET", path)), ["putter Update apps/v1 scale"]);
  assert.deepEqual((await put(0)).spec, {});
});

test("a change of a Scale of whose number nobody is the manager makes none", async () => {
  await server.ok("PATCH", path, {
    headers: { "content-type": "application/merge-patch+json" },
    body: { metadata: { managedFields: [] } },
  });
  assert.equal((await server.ok("GET", path)).metadata.managedFields, undefined);
  await server.ok("PUT", `${path}/scale`, { body: scale(4) });
  assert.equal((await server.ok("GET", path)).metadata.managedFields, undefined);
});
