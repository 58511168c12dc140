import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { PersistentVolumeClaimSpec, PersistentVolumeSpec } from "../../api/core/types.generated.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  volumeAttributesClasses,
} from "../../api/resources.generated.ts";
import { startTestCluster, type TestCluster } from "../test-support/cluster.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await startTestCluster();
});
after(() => cluster.close());

const finalizer = "kubernetes.io/vac-protection";
const find = (name: string) => cluster.find(volumeAttributesClasses, name);
const untilProtected = (name: string) =>
  cluster.until(async () => (await find(name))?.metadata.finalizers?.includes(finalizer) ?? false);

async function createClass(name: string): Promise<void> {
  await cluster.client.create(volumeAttributesClasses, {
    apiVersion: "storage.k8s.io/v1",
    kind: "VolumeAttributesClass",
    metadata: { name },
    driverName: "csi.example.com",
    parameters: { iops: "3000" },
  });
  await untilProtected(name);
}

/** A claim that uses no storage class: nothing is provisioned for it. */
async function createClaim(name: string, spec: Partial<PersistentVolumeClaimSpec> = {}): Promise<void> {
  await cluster.client.create(persistentVolumeClaims, {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: "default" },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: "",
      ...spec,
    },
  });
}

const patchStatus = (name: string, status: object) =>
  cluster.client.patch(
    persistentVolumeClaims,
    { namespace: "default", name },
    { type: "merge", patch: { status } },
    { subresource: "status" },
  );

async function createVolume(name: string, spec: Partial<PersistentVolumeSpec>): Promise<void> {
  await cluster.client.create(persistentVolumes, {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: "elsewhere",
      csi: { driver: "csi.example.com", volumeHandle: name },
      ...spec,
    },
  });
}

const deleteClaim = (name: string) =>
  cluster.client.delete(persistentVolumeClaims, { namespace: "default", name });

test("A volume attributes class that nobody uses goes when it is deleted (VolumeAttributesClass, lifecycle)", async () => {
  await createClass("idle");
  await cluster.client.delete(volumeAttributesClasses, { name: "idle" });
  await cluster.until(async () => (await find("idle")) === undefined);
});

test("A volume attributes class that lost its finalizer gets it back", async () => {
  await createClass("bare");
  await cluster.client.patch(
    volumeAttributesClasses,
    { name: "bare" },
    { type: "merge", patch: { metadata: { finalizers: null } } },
  );
  await untilProtected("bare");
});

for (const { name, use, release } of [
  {
    name: "a claim asks for it",
    use: (user: string) => createClaim(user, { volumeAttributesClassName: user }),
    release: deleteClaim,
  },
  {
    name: "a claim has it",
    use: async (user: string) => {
      await createClaim(user);
      await patchStatus(user, { currentVolumeAttributesClassName: user });
    },
    release: (user: string) => patchStatus(user, { currentVolumeAttributesClassName: "other" }),
  },
  {
    name: "a claim is on its way to it",
    use: async (user: string) => {
      await createClaim(user);
      const modifyVolumeStatus = { status: "InProgress", targetVolumeAttributesClassName: user };
      await patchStatus(user, { modifyVolumeStatus });
    },
    release: (user: string) => patchStatus(user, { modifyVolumeStatus: null }),
  },
  {
    name: "a volume has it",
    use: (user: string) => createVolume(user, { volumeAttributesClassName: user }),
    release: (user: string) => cluster.client.delete(persistentVolumes, { name: user }),
  },
]) {
  test(`A volume attributes class outlives its deletion while ${name}, and goes after that`, async () => {
    const user = name.replaceAll(" ", "-");
    await createClass(user);
    await use(user);
    await cluster.clock.settle();
    await cluster.client.delete(volumeAttributesClasses, { name: user });
    await cluster.clock.settle();
    const kept = await find(user);
    assert.ok(kept?.metadata.deletionTimestamp !== undefined);
    assert.deepEqual(kept.metadata.finalizers, [finalizer]);
    await release(user);
    await cluster.until(async () => (await find(user)) === undefined);
  });
}
