import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

const selector = { matchLabels: { app: "web" } };
const template = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "web", image: "web" }] },
};

/** What the writer of a status with labels beside it is said to own of metadata. */
async function ownedMetadata(plural: string, kind: string): Promise<unknown> {
  const path = `/apis/apps/v1/namespaces/default/${plural}`;
  await server.ok("POST", path, {
    body: { apiVersion: "apps/v1", kind, metadata: { name: "web" }, spec: { selector, template } },
  });
  const stated: AnyObject = await server.ok("PATCH", `${path}/web/status`, {
    headers: { "content-type": "application/merge-patch+json" },
    query: { fieldManager: "reporter" },
    body: { metadata: { labels: { a: "b" } }, status: { replicas: 1 } },
  });
  const entry = stated.metadata.managedFields?.find(({ manager }) => manager === "reporter");
  return (entry?.fieldsV1 as Record<string, unknown> | undefined)?.["f:metadata"];
}

for (const { plural, kind, want } of [
  { plural: "deployments", kind: "Deployment", want: undefined },
  { plural: "replicasets", kind: "ReplicaSet", want: { "f:labels": { ".": {}, "f:a": {} } } },
])
  test(`labels beside the status of ${plural} are ${want === undefined ? "nobody's: they are not written" : "the writer's"}`, async () => {
    assert.deepEqual(await ownedMetadata(plural, kind), want);
  });

test("managers that are taken away are gone until somebody applies; silence and null keep them", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  await server.ok("POST", path, { body: { metadata: { name: "map" }, data: { a: "b" } } });
  const managers = async (managedFields: unknown) => {
    const patched = await server.ok("PATCH", `${path}/map`, {
      headers: { "content-type": "application/merge-patch+json" },
      query: { dryRun: "All" },
      body: { metadata: { managedFields } },
    });
    return patched.metadata.managedFields?.length ?? 0;
  };
  assert.deepEqual(await Promise.all([[], [{}], null].map(managers)), [0, 0, 1]);
});
