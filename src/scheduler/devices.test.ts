import assert from "node:assert/strict";
import { test } from "node:test";
import {
  deviceClasses,
  events,
  pods,
  resourceClaims,
  resourceClaimTemplates,
  resourceSlices,
} from "../api/resources.generated.ts";
import { startCluster } from "../testing/index.ts";
// Loaded before, so that the virtual clock need not wait for the disk.
import "./devices/device-selectors.ts";

const driver = "gpu.example.com";
const apiVersion = "resource.k8s.io/v1";

test("Pods get the devices that their claims ask for, go where those are, and give them back", async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const { client } = cluster;
  const expression = `device.driver == "${driver}"`;
  await client.create(deviceClasses, {
    apiVersion,
    kind: "DeviceClass",
    metadata: { name: "gpus" },
    spec: { selectors: [{ cel: { expression } }] },
  });
  await client.create(resourceSlices, {
    apiVersion,
    kind: "ResourceSlice",
    metadata: { name: "node-2-gpus" },
    spec: {
      driver,
      nodeName: "node-2",
      pool: { name: "node-2", generation: 1, resourceSliceCount: 1 },
      devices: [{ name: "gpu-0" }],
    },
  });
  await client.create(resourceClaimTemplates, {
    apiVersion,
    kind: "ResourceClaimTemplate",
    metadata: { name: "one-gpu", namespace: "default" },
    spec: { spec: { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpus" } }] } } },
  });
  for (const name of ["first", "second"])
    await client.create(pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default" },
      spec: {
        containers: [{ name: "c", image: "trainer:1", resources: { claims: [{ name: "gpu" }] } }],
        resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "one-gpu" }],
      },
    });
  const nodeOf = async (name: string) =>
    (await client.list(pods, { namespace: "default" })).items.find(({ metadata }) => metadata.name === name)
      ?.spec.nodeName;
  const placed = async () =>
    (
      await Promise.all(
        ["first", "second"].map(async (name) => ((await nodeOf(name)) === "node-2" ? [name] : [])),
      )
    ).flat();
  await cluster.until(async () => (await placed()).length === 1);
  const [lucky = ""] = await placed();
  const claims = (await client.list(resourceClaims, { namespace: "default" })).items;
  const given = claims.filter(({ status }) => status?.allocation !== undefined);
  assert.equal(given.length, 1);
  const [{ metadata, status } = {}] = given;
  assert.deepEqual(metadata?.finalizers, ["resource.kubernetes.io/delete-protection"]);
  assert.deepEqual(
    status?.reservedFor?.map(({ name }) => name),
    [lucky],
  );
  const request = { request: "gpu", driver, pool: "node-2", device: "gpu-0" };
  assert.deepEqual(status?.allocation?.devices?.results, [request]);
  await cluster.advance("20s");
  const reasons = (await client.list(events, { namespace: "default" })).items.map(({ reason }) => reason);
  assert.ok(
    reasons.includes("FailedPrepareDynamicResources"),
    "no driver prepares the device, so nothing runs",
  );
  assert.deepEqual(await placed(), [lucky]);
  await client.delete(pods, { namespace: "default", name: lucky });
  const other = lucky === "first" ? "second" : "first";
  await cluster.until(async () => (await placed()).includes(other));
  await cluster.until(
    async () => (await client.list(resourceClaims, { namespace: "default" })).items.length === 1,
  );
});
