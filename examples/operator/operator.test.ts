import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, createManager, findCondition, isApiError, isConditionTrue, resources } from "k8ts/client";
import { startCluster, type TestCluster } from "k8ts/testing";
import { websiteController } from "./controller.ts";
import { type Website, websiteDefinition, websites } from "./website.ts";

const hello = { namespace: "default", name: "hello" };
const website: Website = {
  apiVersion: "example.com/v1",
  kind: "Website",
  metadata: hello,
  spec: { image: "nginx:1", replicas: 2 },
};

/** A cluster with the operator in it, until the test ends. */
async function withOperator(use: (cluster: TestCluster) => Promise<void>): Promise<void> {
  await using cluster = await startCluster();
  const { client, clock, random } = cluster;
  await apply(client, resources.customResourceDefinitions, websiteDefinition, { fieldManager: "test" });
  const stop = new AbortController();
  const running = createManager({ client, clock, random })
    .add(websiteController)
    .run({ signal: stop.signal });
  await cluster.until(async () => {
    const crd = await client.get(resources.customResourceDefinitions, { name: "websites.example.com" });
    return isConditionTrue(crd.status?.conditions, "Established");
  });
  await client.create(websites, website);
  await use(cluster);
  stop.abort();
  await running;
}

async function isReady({ client }: TestCluster): Promise<boolean> {
  const { status, metadata } = await client.get(websites, hello);
  const ready = findCondition(status?.conditions, "Ready");
  return ready?.status === "True" && ready.observedGeneration === metadata.generation;
}

async function isGone({ client }: TestCluster): Promise<boolean> {
  return client.get(websites, hello).then(
    () => false,
    (error: unknown) => isApiError(error, "NotFound"),
  );
}

test("A website gets its Deployment, Service and entry in the directory, and becomes Ready", () =>
  withOperator(async (cluster) => {
    const { client } = cluster;
    await cluster.until(() => isReady(cluster));
    const { status } = await client.get(websites, hello);
    assert.equal(status?.readyReplicas, 2);
    assert.equal((await client.get(resources.services, hello)).spec.ports?.[0]?.port, 80);
    const directory = await client.get(resources.configMaps, { namespace: "default", name: "websites" });
    assert.deepEqual(directory.data, { hello: "hello.default.svc" });
    await cluster.advance("1m");
    const events = await client.list(resources.events, { namespace: "default" });
    assert.ok(
      events.items.some(
        ({ reason, involvedObject }) => reason === "Serving" && involvedObject.name === "hello",
      ),
    );
  }));

test("A website is not Ready while its pods start, and its transition is told once", () =>
  withOperator(async (cluster) => {
    const { client } = cluster;
    await cluster.until(() => isReady(cluster));
    const before = (await client.get(websites, hello)).status?.conditions?.[0]?.lastTransitionTime ?? "";
    await cluster.advance("10m");
    await client.patch(websites, hello, { type: "merge", patch: { spec: { replicas: 3 } } });
    await cluster.until(
      async () => (await client.get(websites, hello)).status?.conditions?.[0]?.status === "False",
    );
    await cluster.until(() => isReady(cluster));
    const after = (await client.get(websites, hello)).status?.conditions?.[0]?.lastTransitionTime ?? "";
    assert.ok(Date.parse(after) - Date.parse(before) >= 600_000);
  }));

test("What someone deletes or changes of a website's objects is set right", () =>
  withOperator(async (cluster) => {
    const { client } = cluster;
    await cluster.until(() => isReady(cluster));
    await client.delete(resources.services, hello);
    await client.patch(resources.deployments, hello, { type: "merge", patch: { spec: { replicas: 7 } } });
    await cluster.advance("1m");
    await client.get(resources.services, hello);
    assert.equal((await client.get(resources.deployments, hello)).spec.replicas, 2);
  }));

test("A deleted website leaves nothing behind", () =>
  withOperator(async (cluster) => {
    const { client } = cluster;
    await cluster.until(() => isReady(cluster));
    await client.delete(websites, hello);
    await cluster.until(() => isGone(cluster));
    const directory = await client.get(resources.configMaps, { namespace: "default", name: "websites" });
    assert.deepEqual(directory.data ?? {}, {});
    await cluster.until(
      async () => (await client.list(resources.deployments, { namespace: "default" })).items.length === 0,
    );
  }));
