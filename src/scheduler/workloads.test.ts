import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/core/types.generated.ts";
import {
  deployments,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  priorityClasses,
  replicaSets,
  storageClasses,
} from "../api/resources.generated.ts";
import { startCluster, type TestCluster } from "../testing/index.ts";

const fakeCpu = "example.com/fakecpu";

async function addReplicaSet(cluster: TestCluster, level: number, replicas: number, amount: number) {
  const name = `rs-pod${level}`;
  const resources = { requests: { [fakeCpu]: `${amount}` }, limits: { [fakeCpu]: `${amount}` } };
  await cluster.client.create(replicaSets, {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: { name } },
      template: {
        metadata: { labels: { name } },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: "pod", image: "pause:3", resources }],
          priorityClassName: `p${level}`,
        },
      },
    },
  });
}

async function running(cluster: TestCluster, selector: string): Promise<readonly Pod[]> {
  const { items } = await cluster.client.list(pods, { namespace: "default", labelSelector: selector });
  return items.filter(({ spec, status }) => spec.nodeName && status?.phase === "Running");
}

test("ReplicaSets of higher priority take the room of lower ones [Pod preemption verification]", async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const [node] = (await cluster.client.list(nodes)).items;
  const nodeName = node?.metadata.name ?? "";
  const status = { capacity: { [fakeCpu]: "1000" }, allocatable: { [fakeCpu]: "1000" } };
  const toStatus = { subresource: "status" };
  await cluster.client.patch(nodes, { name: nodeName }, { type: "merge", patch: { status } }, toStatus);
  for (const level of [1, 2, 3, 4])
    await cluster.client.create(priorityClasses, {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: `p${level}` },
      value: level * 1000,
    });
  await addReplicaSet(cluster, 1, 1, 200);
  await addReplicaSet(cluster, 2, 1, 300);
  await addReplicaSet(cluster, 3, 1, 450);
  for (const level of [1, 2, 3])
    await cluster.until(async () => (await running(cluster, `name=rs-pod${level}`)).length === 1);
  await addReplicaSet(cluster, 4, 1, 500);
  await cluster.until(async () => (await running(cluster, "name=rs-pod4")).length === 1);
  const left = await running(cluster, "name in (rs-pod1, rs-pod2, rs-pod3)");
  assert.deepEqual(
    left.map(({ metadata }) => metadata.labels?.name),
    ["rs-pod3"],
  );
});

test("a Deployment's pods are spread over the nodes without being asked to", async () => {
  await using cluster = await startCluster({ nodes: 4 });
  const labels = { app: "web" };
  await cluster.client.create(deployments, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 8,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } },
    },
  });
  await cluster.until(async () => (await running(cluster, "app=web")).length === 8);
  const counts = Map.groupBy(await running(cluster, "app=web"), ({ spec }) => spec.nodeName);
  assert.deepEqual(
    [...counts.values()].map((on) => on.length),
    [2, 2, 2, 2],
  );
});

test("a pod's claim is bound to a local volume, and the pod goes to that volume's node", async () => {
  await using cluster = await startCluster({ nodes: 3 });
  const { client } = cluster;
  await client.create(storageClasses, {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "local" },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  const onSecond = { key: "kubernetes.io/hostname", operator: "In", values: ["node-2"] };
  await client.create(persistentVolumes, {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "disk" },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "1Gi" },
      storageClassName: "local",
      local: { path: "/data" },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onSecond] }] } },
    },
  });
  const inDefault = { namespace: "default", name: "data" };
  await client.create(persistentVolumeClaims, {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: inDefault,
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "local",
      resources: { requests: { storage: "1Gi" } },
    },
  });
  await client.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: "db" },
    spec: {
      containers: [{ name: "db", image: "db:1" }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
    },
  });
  const bound = async () => (await client.get(pods, { namespace: "default", name: "db" })).spec.nodeName;
  await cluster.until(async () => (await bound()) !== undefined);
  assert.equal(await bound(), "node-2");
  const claim = await client.get(persistentVolumeClaims, inDefault);
  assert.equal(claim.spec?.volumeName, "disk");
});
