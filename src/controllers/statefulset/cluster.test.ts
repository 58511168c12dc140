import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice } from "../../api/discovery/types.generated.ts";
import {
  endpointSlices,
  endpoints,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  services,
  statefulSets,
} from "../../api/resources.generated.ts";
import { startTestCluster } from "../test-support/cluster.ts";
import { webLabels } from "../test-support/objects.ts";

test("a stateful set comes up in order, is reached through its service, rolls from the top and keeps its claims", async () => {
  const cluster = await startTestCluster({
    kubelet: { readyAfterMs: () => 30_000, nodeOf: () => "n1" },
  });
  const { client } = cluster;
  await cluster.addNode("n1");
  const beat = await cluster.keepAlive("n1");
  const order: string[] = [];
  cluster.informers
    .informer(pods)
    .addHandler({ added: ({ metadata }) => void order.push(metadata.name ?? "") });
  const metadata = { name: "db", namespace: "default" };
  await client.create(services, {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { clusterIP: "None", selector: webLabels, ports: [{ name: "sql", port: 5432 }] },
  });
  await client.create(podDisruptionBudgets, {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata,
    spec: { selector: { matchLabels: webLabels }, maxUnavailable: 1 },
  });
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
  const spec = (image: string, replicas = 3) => ({
    replicas,
    serviceName: "db",
    selector: { matchLabels: webLabels },
    template: { metadata: { labels: webLabels }, spec: { containers: [{ name: "db", image }] } },
    volumeClaimTemplates: [claim],
  });
  await client.create(statefulSets, {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata,
    spec: spec("db:1"),
  });
  const set = () => client.get(statefulSets, metadata);
  await cluster.until(async () => (await set()).status?.availableReplicas === 3);
  assert.deepEqual(order, ["db-0", "db-1", "db-2"]);

  const addresses = async () => {
    const slices = await cluster.list<EndpointSlice>(endpointSlices, "default");
    return slices.flatMap(({ endpoints: each = [] }) =>
      each.map(({ hostname, conditions }) => `${hostname} ${conditions?.ready}`),
    );
  };
  await cluster.until(async () => (await addresses()).length === 3);
  assert.deepEqual((await addresses()).sort(), ["db-0 true", "db-1 true", "db-2 true"]);
  assert.equal((await cluster.find(endpoints, "db", "default"))?.subsets?.[0]?.addresses?.length, 3);
  await cluster.until(
    async () => (await cluster.find(podDisruptionBudgets, "db", "default"))?.status?.disruptionsAllowed === 1,
  );

  order.length = 0;
  await client.update(statefulSets, { ...(await set()), spec: spec("db:2") });
  await cluster.until(async () => {
    const { status, metadata: own } = await set();
    return (
      status?.observedGeneration === own.generation &&
      status?.currentRevision === status?.updateRevision &&
      status?.updatedReplicas === 3
    );
  });
  assert.deepEqual(order, ["db-2", "db-1", "db-0"]);

  await client.update(statefulSets, { ...(await set()), spec: spec("db:2", 1) });
  await cluster.until(async () => (await cluster.list(pods, "default")).length === 1);
  const claims = (await cluster.list(persistentVolumeClaims, "default")).map((each) => each.metadata.name);
  assert.deepEqual(claims.sort(), ["data-db-0", "data-db-1", "data-db-2"]);
  beat.stop();
  await cluster.close();
});
