import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import type { StorageClass } from "../../api/storage/types.generated.ts";
import { describeIntent, type Intent } from "../framework/intent.ts";
import { meta, now } from "../test-support/objects.ts";
import { findVolume } from "./match.ts";
import { reconcileClaim, reconcileVolume } from "./reconcile.ts";

const claim = (
  spec: PersistentVolumeClaim["spec"] = {},
  annotations: Record<string, string> = {},
): PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: meta("data", { annotations }),
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
  status: { phase: "Pending" },
});

const volume = (
  name: string,
  storage: string,
  spec: PersistentVolume["spec"] = {},
  phase = "Available",
): PersistentVolume => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name, uid: `uid-${name}`, labels: { disk: name } },
  spec: { capacity: { storage }, accessModes: ["ReadWriteOnce", "ReadOnlyMany"], ...spec },
  status: { phase },
});

const forClaim = { namespace: "default", name: "data", uid: "uid-data" };

for (const { name, asks = {}, volumes, want } of [
  {
    name: "the smallest that is large enough",
    volumes: [volume("big", "10Gi"), volume("fit", "1Gi"), volume("small", "500Mi")],
    want: "fit",
  },
  {
    name: "one set aside for it, however large",
    volumes: [
      volume("fit", "1Gi"),
      volume("mine", "10Gi", { claimRef: { namespace: "default", name: "data" } }),
    ],
    want: "mine",
  },
  {
    name: "none that is another's",
    volumes: [volume("taken", "1Gi", { claimRef: { namespace: "default", name: "x", uid: "y" } })],
    want: undefined,
  },
  {
    name: "none of another class",
    asks: { storageClassName: "fast" },
    volumes: [volume("slow", "1Gi", { storageClassName: "slow" })],
    want: undefined,
  },
  {
    name: "none without its access mode",
    asks: { accessModes: ["ReadWriteMany"] },
    volumes: [volume("v", "1Gi")],
    want: undefined,
  },
  {
    name: "none of another mode",
    asks: { volumeMode: "Block" },
    volumes: [volume("v", "1Gi")],
    want: undefined,
  },
  {
    name: "one that its selector selects",
    asks: { selector: { matchLabels: { disk: "b" } } },
    volumes: [volume("a", "1Gi"), volume("b", "2Gi")],
    want: "b",
  },
  {
    name: "none that still holds another's data",
    volumes: [volume("old", "1Gi", {}, "Released")],
    want: undefined,
  },
]) {
  test(`A claim is given ${name}`, () => assert.equal(findVolume(claim(asks), volumes)?.metadata.name, want));
}

const lines = (intents: readonly Intent[]) => intents.map(describeIntent);
const decide = (
  of: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  storageClass?: Partial<StorageClass>,
) =>
  reconcileClaim(
    { claim: of, volumes, storageClass: storageClass as StorageClass | undefined, node: undefined },
    now,
  );

test("Binding writes the volume first, then the claim", () => {
  const intents = decide(claim(), [volume("v", "1Gi")]);
  assert.deepEqual(lines(intents), [
    "update persistentvolumes v",
    "updateStatus persistentvolumes v",
    "update persistentvolumeclaims default/data",
    "updateStatus persistentvolumeclaims default/data",
  ]);
  const [reserved, , bound, status] = intents;
  assert.ok(reserved?.action === "update" && bound?.action === "update" && status?.action === "updateStatus");
  assert.equal((reserved.object as PersistentVolume).spec?.claimRef?.uid, "uid-data");
  assert.equal((bound.object as PersistentVolumeClaim).spec?.volumeName, "v");
  assert.deepEqual(bound.object.metadata.annotations, {
    "pv.kubernetes.io/bound-by-controller": "yes",
    "pv.kubernetes.io/bind-completed": "yes",
  });
  assert.deepEqual(status.status, {
    phase: "Bound",
    accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
    capacity: { storage: "1Gi" },
  });
});

const completed = { "pv.kubernetes.io/bind-completed": "yes" };
const pending = "updateStatus persistentvolumeclaims default/data";

for (const { name, of, volumes = [], storageClass, want } of [
  {
    name: "says that there is nothing for it",
    of: claim(),
    want: [
      pending,
      "event Normal FailedBinding: no persistent volumes available for this claim and no storage class is set",
    ],
  },
  {
    name: "waits for its pod where the class says so",
    of: claim({ storageClassName: "local" }),
    volumes: [volume("v", "1Gi", { storageClassName: "local" })],
    storageClass: { provisioner: "x", volumeBindingMode: "WaitForFirstConsumer" },
    want: [
      pending,
      "event Normal WaitForFirstConsumer: waiting for first consumer to be created before binding",
    ],
  },
  {
    name: "is lost with its volume",
    of: claim({ volumeName: "gone" }, completed),
    want: [
      pending,
      "event Warning ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!",
    ],
  },
  {
    name: "is lost where another claim has its volume",
    of: claim({ volumeName: "v" }, completed),
    volumes: [volume("v", "1Gi", { claimRef: { ...forClaim, uid: "other" } })],
    want: [
      pending,
      "event Warning ClaimMisbound: Two claims are bound to the same volume, this one is bound incorrectly",
    ],
  },
  {
    name: "waits for the volume that it names",
    of: claim({ volumeName: "v" }),
    want: [pending],
  },
  {
    name: "is not bound to a volume it names that is too small",
    of: claim({ volumeName: "v" }),
    volumes: [volume("v", "1Mi")],
    want: [
      pending,
      'event Warning VolumeMismatch: Cannot bind to requested volume "v": it does not offer what the claim asks for',
    ],
  },
]) {
  test(`A claim ${name}`, () => assert.deepEqual(lines(decide(of, volumes, storageClass)), want));
}

test("A claim of a class asks the class's provisioner", () => {
  const [asked] = decide(claim({ storageClassName: "fast" }), [], { provisioner: "csi.example.com" });
  assert.ok(asked?.action === "update");
  assert.equal(
    asked.object.metadata.annotations?.["volume.kubernetes.io/storage-provisioner"],
    "csi.example.com",
  );
});

const phaseOf = (of: PersistentVolume, has?: PersistentVolumeClaim) => {
  const intents = reconcileVolume({ volume: of, claim: has }, now);
  const written = intents.findLast(({ action }) => action === "updateStatus");
  return written?.action === "updateStatus" ? (written.status as { phase: string }).phase : undefined;
};

test("A volume is Available, Bound, then Released, and kept or failed by its policy", () => {
  const bound = volume("v", "1Gi", { claimRef: forClaim });
  assert.equal(phaseOf(volume("v", "1Gi", {}, "")), "Available");
  assert.equal(phaseOf(bound, claim({ volumeName: "v" })), "Bound");
  assert.equal(phaseOf(bound), "Released");
  const released = (policy: string) =>
    volume("v", "1Gi", { claimRef: forClaim, persistentVolumeReclaimPolicy: policy }, "Released");
  assert.equal(phaseOf(released("Retain")), undefined);
  assert.equal(phaseOf(released("Delete")), "Failed");
});

test("A volume that was promised to a claim which took another is given back", () => {
  const promised = volume("v", "1Gi", { claimRef: forClaim });
  const annotations = { "pv.kubernetes.io/bound-by-controller": "yes" };
  const ours = { ...promised, metadata: { ...promised.metadata, annotations } };
  const [freed] = reconcileVolume({ volume: ours, claim: claim({ volumeName: "other" }) }, now);
  assert.ok(freed?.action === "update");
  assert.equal((freed.object as PersistentVolume).spec?.claimRef, undefined);
});
