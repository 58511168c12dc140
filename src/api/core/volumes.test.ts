import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  type ChangeCase,
  created,
  createErrors,
  definitionOf,
  frozen,
  lines,
  objectOf,
  type RefusedCase,
  rowOf,
  secondsAgo,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
const volume = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/data" } };

test("a claim and a volume get their defaults", () => {
  const filled = withDefaults(objectOf("v1", "PersistentVolumeClaim", { spec: claim }));
  assert.deepEqual(
    [filled.spec, filled.status],
    [{ ...claim, volumeMode: "Filesystem" }, { phase: "Pending" }],
  );
  const made = withDefaults(objectOf("v1", "PersistentVolume", { spec: volume }));
  assert.deepEqual(made.spec, {
    ...volume,
    hostPath: { path: "/data", type: "" },
    persistentVolumeReclaimPolicy: "Retain",
    volumeMode: "Filesystem",
  });
  assert.deepEqual(made.status, { phase: "Pending" });
});

test("the old and the new field for a claim's source say the same", () => {
  const source = { kind: "PersistentVolumeClaim", name: "old" };
  for (const given of [{ dataSource: source }, { dataSourceRef: source }]) {
    const { dataSource, dataSourceRef } = created("v1", "PersistentVolumeClaim", {
      spec: { ...claim, ...given },
    }).spec as Record<string, unknown>;
    assert.deepEqual([dataSource, dataSourceRef], [source, source]);
  }
});

for (const { kind, name, spec, want } of [
  { kind: "PersistentVolumeClaim", name: "as it should be", spec: claim, want: [] },
  {
    kind: "PersistentVolumeClaim",
    name: "without anything",
    spec: {},
    want: [
      "spec.accessModes: Required value: at least 1 access mode is required",
      "spec.resources[storage]: Required value",
    ],
  },
  {
    kind: "PersistentVolumeClaim",
    name: "of nothing",
    spec: { ...claim, resources: { requests: { storage: "0" } } },
    want: ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
  },
  {
    kind: "PersistentVolumeClaim",
    name: "in an unknown way",
    spec: { ...claim, accessModes: ["WriteOnly"], volumeMode: "Tape" },
    want: [
      'spec.accessModes: Unsupported value: "WriteOnly": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
    ],
  },
  {
    kind: "PersistentVolumeClaim",
    name: "for one pod and for many",
    spec: { ...claim, accessModes: ["ReadWriteOncePod", "ReadWriteMany"] },
    want: ["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"],
  },
  { kind: "PersistentVolume", name: "as it should be", spec: volume, want: [] },
  {
    kind: "PersistentVolume",
    name: "without anything",
    spec: {},
    want: [
      "spec.accessModes: Required value",
      "spec.capacity: Required value",
      'spec.capacity: Unsupported value: null: supported values: "storage"',
      "spec: Required value: must specify a volume type",
    ],
  },
  {
    kind: "PersistentVolume",
    name: "in two places",
    spec: { ...volume, nfs: { server: "s", path: "/p" } },
    want: ["spec.nfs: Forbidden: may not specify more than 1 volume type"],
  },
  {
    kind: "PersistentVolume",
    name: "on some node, nobody knows which",
    spec: { ...volume, hostPath: undefined, local: { path: "/x" } },
    want: ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
  },
  {
    kind: "PersistentVolume",
    name: "on the way up",
    spec: { ...volume, hostPath: { path: "/a/../b" } },
    want: ["spec.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
  },
] as readonly (RefusedCase & { kind: string })[])
  test(`a ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors("v1", kind, { spec }), want);
  });

const bound = { phase: "Bound", capacity: { storage: "1Gi" } };
const larger = { requests: { storage: "2Gi" } };

for (const { name, before, after, status = { phase: "Pending" }, want } of [
  { name: "its volume while it has none", after: { volumeName: "v" }, want: [] },
  {
    name: "its volume",
    before: { volumeName: "v" },
    after: { volumeName: "w" },
    want: [/^spec: Forbidden: spec is immutable after creation except/],
  },
  {
    name: "its size while it is bound",
    before: { volumeName: "v" },
    after: { volumeName: "v", resources: larger },
    status: bound,
    want: [],
  },
  {
    name: "its size before it is bound",
    after: { resources: larger },
    want: [/^spec: Forbidden: spec is immutable after creation except resources\.requests/],
  },
  {
    name: "its size to less than it has",
    before: { volumeName: "v", resources: larger },
    after: { volumeName: "v", resources: { requests: { storage: "512Mi" } } },
    status: bound,
    want: ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"],
  },
  { name: "its class from none to one", after: { storageClassName: "fast" }, want: [] },
  {
    name: "its class",
    before: { storageClassName: "slow" },
    after: { storageClassName: "fast" },
    want: [/^spec: Forbidden: spec is immutable/],
  },
  {
    name: "how it is mounted",
    after: { accessModes: ["ReadWriteMany"] },
    want: [/^spec: Forbidden: spec is immutable/],
  },
] as readonly (ChangeCase & { status?: object })[])
  test(`a claim that changes ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    const { strategy } = definitionOf("v1", "PersistentVolumeClaim");
    const make = (spec: object | undefined) =>
      frozen({ ...created("v1", "PersistentVolumeClaim", { spec: { ...claim, ...spec } }), status });
    assertLines(lines(strategy.validateUpdate?.(make(after), make(before)) ?? []), want);
  });

test("a volume keeps its place", () => {
  const changed = { ...volume, hostPath: { path: "/other" } };
  assertLines(updateErrors("v1", "PersistentVolume", { spec: volume }, { spec: changed }), [
    /^spec\.persistentvolumesource: Forbidden: spec\.persistentvolumesource is immutable after creation\n/,
  ]);
  assertLines(
    updateErrors(
      "v1",
      "PersistentVolume",
      { spec: volume },
      { spec: { ...volume, persistentVolumeReclaimPolicy: "Delete" } },
    ),
    [],
  );
});

test("kubectl get shows claims and volumes as upstream does", () => {
  const parts = {
    spec: { ...claim, volumeName: "v", storageClassName: "fast" },
    status: { ...bound, accessModes: ["ReadWriteMany", "ReadWriteOnce"] },
  };
  assert.deepEqual(rowOf(withDefaults(objectOf("v1", "PersistentVolumeClaim", parts))), {
    Status: "Bound",
    Volume: "v",
    Capacity: "1Gi",
    "Access Modes": "RWO,RWX",
    StorageClass: "fast",
    VolumeAttributesClass: "<unset>",
    VolumeMode: "Filesystem",
  });
  const going = { metadata: { deletionTimestamp: secondsAgo(1) }, spec: claim };
  const row = rowOf(withDefaults(objectOf("v1", "PersistentVolumeClaim", going)));
  assert.deepEqual([row.Status, row.Volume, row.Capacity, row["Access Modes"]], ["Terminating", "", "", ""]);
  const spec = { ...volume, claimRef: { namespace: "ns", name: "c" } };
  assert.deepEqual(
    rowOf(withDefaults(objectOf("v1", "PersistentVolume", { spec, status: { phase: "Bound" } }))),
    {
      Capacity: "1Gi",
      "Access Modes": "RWO",
      "Reclaim Policy": "Retain",
      Status: "Bound",
      Claim: "ns/c",
      StorageClass: "",
      VolumeAttributesClass: "<unset>",
      Reason: "",
      VolumeMode: "Filesystem",
    },
  );
});
