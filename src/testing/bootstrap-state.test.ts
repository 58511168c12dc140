import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clusterRoles,
  configMaps,
  flowSchemas,
  namespaces,
  serviceAccounts,
  serviceCIDRs,
} from "../api/resources.generated.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import objects from "./bootstrap-objects.generated.json" with { type: "json" };
import { startCluster } from "./index.ts";
import { makeBootstrapObjects } from "./test-support/make-bootstrap-objects.ts";

test("What a cluster in a test finds in its store is what an API server and the controllers make at their first start", async () => {
  const made = await makeBootstrapObjects();
  for (const part of ["server", "controllers"] as const)
    assert.deepEqual(
      withoutIdentity(objects[part]),
      withoutIdentity(made[part]),
      "run `node tools/bootstrap-objects.ts` and commit what it writes",
    );
});

test("The same objects come of each start", async () => {
  assert.equal(JSON.stringify(await makeBootstrapObjects()), JSON.stringify(await makeBootstrapObjects()));
});

/** Which uid an object has depends on what was made before it. */
function withoutIdentity(byKey: object): object {
  return Object.fromEntries(
    Object.entries(byKey).map(([key, object]: [string, { metadata: object }]) => [
      key,
      { ...object, metadata: { ...object.metadata, uid: "" } },
    ]),
  );
}

test("A cluster that finds all that is right writes nothing of its own", async () => {
  const { nodes, controlPlane } = await startQuietly();
  assert.equal(nodes, 0);
  assert.deepEqual(controlPlane, []);
});

async function startQuietly() {
  await using cluster = await startCluster({ nodes: 0 });
  await cluster.advance("10s");
  const changed: string[] = [];
  for (const type of [clusterRoles, configMaps, flowSchemas, namespaces, serviceAccounts, serviceCIDRs]) {
    const { items } = await cluster.client.list<KubeObject>(type);
    for (const { metadata } of items)
      if (Number(metadata.resourceVersion) > seeded + 1) changed.push(`${type.resource} ${metadata.name}`);
  }
  return { nodes: cluster.nodes.length, controlPlane: changed };
}

const seeded = new Set([...Object.keys(objects.server), ...Object.keys(objects.controllers)]).size;
