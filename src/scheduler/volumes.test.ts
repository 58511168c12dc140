import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "../api/core/types.generated.ts";
import { persistentVolumeClaims, persistentVolumes, storageClasses } from "../api/resources.generated.ts";
import { type SchedulerCluster, startSchedulerCluster } from "./test-support/cluster.ts";
import { node, pod } from "./test-support/objects.ts";

const claimName = { namespace: "default", name: "data" };

function podWithClaim(name: string) {
  return pod(name, { spec: { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] } });
}

function claim(storageClassName: string): PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { ...claimName },
    spec: { accessModes: ["ReadWriteOnce"], storageClassName, resources: { requests: { storage: "1Gi" } } },
  };
}

function localVolume(name: string, storage: string, on: string): PersistentVolume {
  const expression = { key: "kubernetes.io/hostname", operator: "In", values: [on] };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage },
      storageClassName: "local",
      local: { path: "/data" },
      persistentVolumeReclaimPolicy: "Retain",
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
    },
  };
}

async function addClass(cluster: SchedulerCluster, name: string, provisioner: string) {
  await cluster.client.create(storageClasses, {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name },
    provisioner,
    volumeBindingMode: "WaitForFirstConsumer",
  });
}

async function addVolume(cluster: SchedulerCluster, volume: PersistentVolume) {
  const created = await cluster.client.create(persistentVolumes, volume);
  const available = { ...created, status: { phase: "Available" } };
  await cluster.client.update(persistentVolumes, available, { subresource: "status" });
}

/** What the persistent volume controller does once a claim's volume is known. */
async function completeBinding(cluster: SchedulerCluster, volumeName: string) {
  const patch = {
    metadata: { annotations: { "pv.kubernetes.io/bind-completed": "yes" } },
    spec: { volumeName },
  };
  await cluster.client.patch(persistentVolumeClaims, claimName, { type: "merge", patch });
}

async function waitingMessage(cluster: SchedulerCluster): Promise<string | undefined> {
  await cluster.until(async () => (await cluster.events("p", "FailedScheduling")).length > 0);
  return (await cluster.events("p", "FailedScheduling")).at(-1);
}

test("a pod waits for its claim, and for a class that binds at once to have bound it", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await cluster.create(node("a"), podWithClaim("p"));
    assert.match(
      (await waitingMessage(cluster)) ?? "",
      /^0\/1 nodes are available: persistentvolumeclaim "data" not found\./,
    );
    await cluster.client.create(persistentVolumeClaims, claim(""));
    await cluster.until(async () =>
      (await cluster.events("p", "FailedScheduling")).some((note) =>
        note.includes("pod has unbound immediate PersistentVolumeClaims"),
      ),
    );
    await addVolume(cluster, localVolume("v", "1Gi", "a"));
    await completeBinding(cluster, "v");
    await cluster.untilBound("p");
  } finally {
    await cluster.close();
  }
});

test("the smallest local volume that does decides the node, and is bound before the pod", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await addClass(cluster, "local", "kubernetes.io/no-provisioner");
    await addVolume(cluster, localVolume("small", "1Mi", "a"));
    await addVolume(cluster, localVolume("right", "2Gi", "b"));
    await addVolume(cluster, localVolume("large", "9Gi", "b"));
    await cluster.client.create(persistentVolumeClaims, claim("local"));
    await cluster.create(node("a"), node("b"), node("c"), podWithClaim("p"));
    const volume = () => cluster.client.get(persistentVolumes, { name: "right" });
    await cluster.until(async () => (await volume()).spec.claimRef !== undefined);
    const { metadata, spec } = await volume();
    assert.equal(spec.claimRef?.name, "data");
    assert.equal(metadata.annotations?.["pv.kubernetes.io/bound-by-controller"], "yes");
    assert.equal(await cluster.nodeOf("p"), "");
    await completeBinding(cluster, "right");
    await cluster.untilBound("p");
    assert.equal(await cluster.nodeOf("p"), "b");
  } finally {
    await cluster.close();
  }
});

test("a claim of a provisioner is told the node, and the pod bound once the volume is there", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await addClass(cluster, "fast", "example.com/provisioner");
    await cluster.client.create(persistentVolumeClaims, claim("fast"));
    await cluster.create(node("a"), podWithClaim("p"));
    const selected = async () =>
      (await cluster.client.get(persistentVolumeClaims, claimName)).metadata.annotations?.[
        "volume.kubernetes.io/selected-node"
      ];
    await cluster.until(async () => (await selected()) === "a");
    assert.equal(await cluster.nodeOf("p"), "");
    assert.equal((await cluster.pod("p")).status?.nominatedNodeName, "a");
    await completeBinding(cluster, "made");
    await cluster.untilBound("p");
    assert.equal((await cluster.pod("p")).status?.nominatedNodeName, undefined);
  } finally {
    await cluster.close();
  }
});

test("no volume and nobody to make one: the pod is told so", async () => {
  const cluster = await startSchedulerCluster();
  try {
    await addClass(cluster, "local", "kubernetes.io/no-provisioner");
    await cluster.client.create(persistentVolumeClaims, claim("local"));
    await cluster.create(node("a"), podWithClaim("p"));
    assert.match(
      (await waitingMessage(cluster)) ?? "",
      /^0\/1 nodes are available: 1 node\(s\) didn't find available persistent volumes to bind\./,
    );
    await addVolume(cluster, localVolume("late", "1Gi", "a"));
    await cluster.until(
      async () => (await cluster.client.get(persistentVolumes, { name: "late" })).spec.claimRef !== undefined,
    );
  } finally {
    await cluster.close();
  }
});
