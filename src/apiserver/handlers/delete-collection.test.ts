import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { KubeList } from "../../apimachinery/meta.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
const maps = "/api/v1/namespaces/default/configmaps";
const names = ["a", "b", "c"];
let oldest = "";
before(async () => {
  server = await startTestServer();
  const { metadata } = await server.object<KubeList>("GET", maps);
  oldest = metadata.resourceVersion ?? "";
  for (const name of names) await server.ok("POST", maps, { body: { metadata: { name } } });
});
after(() => server.close());

const remaining = async () =>
  (await server.object<KubeList>("GET", maps)).items.map(({ metadata }) => metadata.name);
const deleted = (query: Record<string, string>) => server.object<KubeList>("DELETE", maps, { query });

test("deletecollection of no continuation is refused, and nothing is deleted", async () => {
  const { code, message } = await server.object<Status>("DELETE", maps, { query: { continue: "foo" } });
  assert.deepEqual([code, message?.startsWith("invalid continue token")], [400, true]);
  assert.deepEqual(await remaining(), names);
});

test("deletecollection of an exact state deletes what was there then", async () => {
  const { items } = await deleted({ resourceVersion: oldest, resourceVersionMatch: "Exact" });
  assert.deepEqual(items, []);
  assert.deepEqual(await remaining(), names);
});

test("deletecollection with a limit says where to continue, and goes on from there", async () => {
  const first = await deleted({ limit: "2" });
  assert.deepEqual(
    first.items.map(({ metadata }) => metadata.name),
    ["a", "b"],
  );
  assert.equal(first.metadata.remainingItemCount, 1);
  assert.deepEqual(await remaining(), ["c"]);
  const rest = await deleted({ limit: "2", continue: first.metadata.continue ?? "" });
  assert.deepEqual(
    rest.items.map(({ metadata }) => metadata.name),
    ["c"],
  );
  assert.equal(rest.metadata.continue, undefined);
  assert.deepEqual(await remaining(), []);
});
