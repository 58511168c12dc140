import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "../api/apps/types.generated.ts";
import { deployments, namespaces, nodes, pods } from "../api/resources.generated.ts";
import type { VirtualClock } from "../base/virtual-clock.ts";
import { startCluster } from "./index.ts";

const web = (replicas: number): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "default" },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "a", image: "a:1" }] } },
  },
});

test("A cluster in a test: a Deployment's pods run on simulated nodes, and closing leaves no timer", async () => {
  const cluster = await startCluster({ nodes: 3 });
  await cluster.until(async () => (await cluster.client.list(nodes)).items.length === 3);
  await cluster.client.create(deployments, web(6));
  await cluster.until(
    async () =>
      (await cluster.client.get(deployments, { namespace: "default", name: "web" })).status?.readyReplicas ===
      6,
  );
  const { items } = await cluster.client.list(pods, { namespace: "default" });
  assert.equal(new Set(items.map(({ spec }) => spec.nodeName)).size, 3);
  await cluster.close();
  assert.equal((cluster.clock as VirtualClock).pendingTimers, 0);
});

test("A deleted namespace is emptied, with its pods ended by their kubelets", async () => {
  await using cluster = await startCluster({ nodes: 1 });
  await cluster.client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "gone" },
    spec: {},
  });
  const deployment = web(2);
  await cluster.client.create(deployments, {
    ...deployment,
    metadata: { ...deployment.metadata, namespace: "gone" },
  });
  await cluster.until(
    async () =>
      (await cluster.client.list(pods, { namespace: "gone" })).items.filter(
        ({ status }) => status?.phase === "Running",
      ).length === 2,
  );
  await cluster.client.delete(namespaces, { name: "gone" });
  await cluster.until(
    async () =>
      !(await cluster.client.list(namespaces)).items.some(({ metadata }) => metadata.name === "gone"),
  );
  assert.deepEqual((await cluster.client.list(pods, { namespace: "gone" })).items, []);
});

test("The real clock works too", async () => {
  await using cluster = await startCluster({ nodes: 1, clock: "real" });
  await cluster.client.create(deployments, web(1));
  await cluster.until(
    async () =>
      (await cluster.client.get(deployments, { namespace: "default", name: "web" })).status?.readyReplicas ===
      1,
    { timeout: "10s" },
  );
});

test("Virtual time is told as a duration", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const before = cluster.clock.now();
  await cluster.advance("1h30m");
  assert.equal(cluster.clock.now() - before, 5_400_000);
  await assert.rejects(cluster.advance("soon"), /not a duration/);
});
