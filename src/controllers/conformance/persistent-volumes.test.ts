import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  volumeAttributesClasses,
} from "../../api/resources.generated.ts";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { startWholeCluster, type WholeCluster } from "../test-support/whole-cluster.ts";

// The steps of upstream's end-to-end tests of PersistentVolumes, their claims and attributes classes, with the binder and the protection of all at work.

let whole: WholeCluster;
before(async () => {
  whole = await startWholeCluster(1);
});
after(() => whole[Symbol.asyncDispose]());

const pool = (namespace: string) => `e2e-pv-pool=${namespace}`;

/** A volume of a CSI driver that does not exist, and a claim that fits it. */
async function createPair(namespace: string): Promise<readonly [PersistentVolume, PersistentVolumeClaim]> {
  const volume = await whole.client.create(persistentVolumes, {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: {
      generateName: `${namespace}-`,
      labels: { "e2e-pv-pool": namespace },
      annotations: { "pv.beta.kubernetes.io/gid": "777" },
    },
    spec: {
      persistentVolumeReclaimPolicy: "Retain",
      capacity: { storage: "2Gi" },
      csi: { driver: "inline-driver-0", volumeHandle: "e2e-conformance" },
      accessModes: ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"],
      storageClassName: namespace,
    },
  });
  const claim = await whole.client.create(persistentVolumeClaims, {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { generateName: "pvc-", namespace },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: namespace,
    },
  });
  return [volume, claim];
}

const key = ({ metadata: { namespace, name = "" } }: KubeObject) =>
  namespace === undefined ? { name } : { namespace, name };
const patch = <T extends KubeObject>(type: ResourceType<T>, object: T, value: object, subresource?: string) =>
  whole.client.patch(
    type,
    key(object),
    subresource === undefined ? { type: "strategic", patch: value } : { type: "merge", patch: value },
    subresource === undefined ? {} : { subresource },
  );
const gone = (type: ResourceType<KubeObject>, selection: { namespace?: string; labelSelector?: string }) =>
  whole.until(async () => (await whole.client.list(type, selection)).items.length === 0, "30s");

test("PersistentVolumes(Claims), lifecycle", async () => {
  const { client } = whole;
  const namespace = await whole.namespace("pv-life");
  const [volume, claim] = await createPair(namespace);
  const { items } = await client.list(persistentVolumes, { labelSelector: pool(namespace) });
  assert.deepEqual(
    items.map(({ metadata }) => metadata.uid),
    [volume.metadata.uid],
  );
  assert.equal((await client.list(persistentVolumeClaims, { namespace })).items.length, 1);
  for (const [type, object] of [
    [persistentVolumes, volume],
    [persistentVolumeClaims, claim],
  ] as readonly (readonly [ResourceType<KubeObject>, KubeObject])[]) {
    const { name = "", uid, resourceVersion } = object.metadata;
    const { metadata } = await patch(type, object, { metadata: { labels: { [name]: "patched" } } });
    assert.equal(metadata.labels?.[name], "patched");
    assert.ok(Number(metadata.resourceVersion) > Number(resourceVersion));
    assert.equal((await client.get(type, key(object))).metadata.uid, uid);
  }
  await client.delete(persistentVolumeClaims, key(claim));
  await gone(persistentVolumeClaims, { namespace });
  await client.delete(persistentVolumes, key(volume));
  await gone(persistentVolumes, { labelSelector: pool(namespace) });

  const again = await createPair(namespace);
  const [{ name: volumeName = "" }, { name: claimName = "" }] = again.map(({ metadata }) => metadata) as [
    KubeObject["metadata"],
    KubeObject["metadata"],
  ];
  await whole.change(persistentVolumes, key(again[0]), (live) => ({
    ...live,
    metadata: { ...live.metadata, labels: { ...live.metadata.labels, [volumeName]: "updated" } },
  }));
  await whole.change(persistentVolumeClaims, key(again[1]), (live) => ({
    ...live,
    metadata: { ...live.metadata, labels: { [claimName]: "updated" } },
  }));
  const labelSelector = `${claimName}=updated`;
  assert.equal((await client.list(persistentVolumeClaims, { labelSelector })).items.length, 1);
  await client.deleteCollection(persistentVolumeClaims, { namespace, labelSelector });
  await gone(persistentVolumeClaims, { namespace, labelSelector });
  await client.deleteCollection(persistentVolumes, { labelSelector: `${volumeName}=updated` });
  await gone(persistentVolumes, { labelSelector: `${volumeName}=updated` });
});

test("PersistentVolumes(Claims), apply changes to a pv/pvc status", async () => {
  const { client } = whole;
  const namespace = await whole.namespace("pv-status");
  const [volume, claim] = await createPair(namespace);
  const readClaim = (await client.raw(
    `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${claim.metadata.name}/status`,
  )) as PersistentVolumeClaim;
  assert.match(readClaim.status?.phase ?? "", /^(Pending|Bound)$/);
  const readVolume = (await client.raw(
    `/api/v1/persistentvolumes/${volume.metadata.name}/status`,
  )) as PersistentVolume;
  assert.match(readVolume.status?.phase ?? "", /^(Pending|Available|Bound)$/);

  const condition = (type: string, reason: string) => ({
    type,
    status: "True",
    reason,
    message: "Set from e2e test",
  });
  const patched = condition("StatusPatched", "E2E patchedStatus");
  const patchedClaim = await patch(
    persistentVolumeClaims,
    claim,
    { status: { conditions: [patched] } },
    "status",
  );
  assert.deepEqual(
    patchedClaim.status?.conditions?.map(({ type, reason, message }) => ({ type, reason, message })),
    [{ type: patched.type, reason: patched.reason, message: patched.message }],
  );
  const patchedVolume = await patch(
    persistentVolumes,
    volume,
    { status: { message: "StatusPatched", reason: "E2E patchStatus" } },
    "status",
  );
  assert.equal(patchedVolume.status?.message, "StatusPatched");
  assert.equal(patchedVolume.status?.reason, "E2E patchStatus");

  const updated = condition("StatusUpdated", "E2E updateStatus");
  const updatedClaim = await whole.change(
    persistentVolumeClaims,
    key(claim),
    (live) => ({
      ...live,
      status: { ...live.status, conditions: [...(live.status?.conditions ?? []), updated] },
    }),
    "status",
  );
  const last = updatedClaim.status?.conditions?.find(({ type }) => type === updated.type);
  assert.equal(last?.reason, updated.reason);
  const updatedVolume = await whole.change(
    persistentVolumes,
    key(volume),
    (live) => ({
      ...live,
      status: { ...live.status, reason: "E2E updateStatus", message: "StatusUpdated" },
    }),
    "status",
  );
  assert.equal(updatedVolume.status?.message, "StatusUpdated");
  await whole.until(
    async () => (await client.get(persistentVolumeClaims, key(claim))).status?.phase === "Bound",
  );
});

test("VolumeAttributesClass, lifecycle", async () => {
  const { client } = whole;
  const createClass = (generateName: string) =>
    client.create(volumeAttributesClasses, {
      apiVersion: "storage.k8s.io/v1",
      kind: "VolumeAttributesClass",
      metadata: { generateName },
      driverName: "e2e-fake-csi-driver",
      parameters: { foo: "bar" },
    });
  const first = await createClass("e2e-");
  assert.deepEqual(first.metadata.finalizers, ["kubernetes.io/vac-protection"]);
  assert.deepEqual((await client.get(volumeAttributesClasses, key(first))).parameters, { foo: "bar" });
  const { name = "" } = first.metadata;
  const { metadata } = await patch(volumeAttributesClasses, first, {
    metadata: { labels: { [name]: "patched" } },
  });
  assert.equal(metadata.labels?.[name], "patched");
  await client.delete(volumeAttributesClasses, key(first));
  await gone(volumeAttributesClasses, { labelSelector: `${name}=patched` });

  const second = await createClass("e2e-v2-");
  const labelSelector = `${second.metadata.name}=updated`;
  await whole.change(volumeAttributesClasses, key(second), (live) => ({
    ...live,
    metadata: { ...live.metadata, labels: { [second.metadata.name ?? ""]: "updated" } },
  }));
  assert.equal((await client.list(volumeAttributesClasses, { labelSelector })).items.length, 1);
  await client.deleteCollection(volumeAttributesClasses, { labelSelector });
  await gone(volumeAttributesClasses, { labelSelector });
});
