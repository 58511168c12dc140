import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  type ChangeCase,
  created,
  createErrors,
  objectOf,
  type Parts,
  type RefusedCase,
  rowOf,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const group = "storage.k8s.io/v1";

test("a storage class deletes volumes and binds at once unless it says otherwise", () => {
  const { reclaimPolicy, volumeBindingMode } = withDefaults(
    objectOf(group, "StorageClass", { provisioner: "a.b" }),
  );
  assert.deepEqual([reclaimPolicy, volumeBindingMode], ["Delete", "Immediate"]);
});

test("a driver attaches volumes that persist unless it says otherwise", () => {
  assert.deepEqual(withDefaults(objectOf(group, "CSIDriver", { spec: { attachRequired: false } })).spec, {
    attachRequired: false,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: "ReadWriteOnceWithFSType",
    requiresRepublish: false,
    seLinuxMount: false,
    volumeLifecycleModes: ["Persistent"],
  });
});

test("what is to be attached is not attached yet", () => {
  assert.deepEqual(created(group, "VolumeAttachment", { status: { attached: true } }).status, {
    attached: false,
  });
});

for (const { kind, name, parts, want } of [
  { kind: "StorageClass", name: "as it should be", parts: { provisioner: "a.b/c" }, want: [] },
  {
    kind: "StorageClass",
    name: "of nobody, with wrong words",
    parts: { reclaimPolicy: "Burn", volumeBindingMode: "Later", parameters: { "": "x" } },
    want: [
      "provisioner: Required value",
      'parameters: Invalid value: "": field can not be empty.',
      'reclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Retain"',
      'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
    ],
  },
  {
    kind: "CSIDriver",
    name: "with wrong words",
    parts: {
      spec: {
        fsGroupPolicy: "Maybe",
        volumeLifecycleModes: ["Eternal"],
        tokenRequests: [{ audience: "a" }, { audience: "a" }, { audience: "b", expirationSeconds: 1 }],
      },
    },
    want: [
      'spec.fsGroupPolicy: Unsupported value: "Maybe": supported values: "File", "None", "ReadWriteOnceWithFSType"',
      'spec.tokenRequests[1].audience: Duplicate value: "a"',
      "spec.tokenRequests[2].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes",
      'spec.volumeLifecycleModes: Unsupported value: "Eternal": supported values: "Persistent", "Ephemeral"',
    ],
  },
  {
    kind: "CSINode",
    name: "with a driver twice, without ids",
    parts: {
      spec: {
        drivers: [
          { name: "a.b", nodeID: "n" },
          { name: "a.b", nodeID: "" },
        ],
      },
    },
    want: ["spec.drivers[1].nodeID: Required value", 'spec.drivers[1].name: Duplicate value: "a.b"'],
  },
  {
    kind: "CSIStorageCapacity",
    name: "of less than nothing, of no class",
    parts: { capacity: "-1" },
    want: [
      /^storageClassName: Invalid value: "": a lowercase RFC 1123 subdomain/,
      'capacity: Invalid value: "-1": must be greater than or equal to 0',
    ],
  },
  {
    kind: "VolumeAttachment",
    name: "of nothing",
    parts: { spec: { attacher: "a.b", nodeName: "n", source: {} } },
    want: [
      "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
    ],
  },
  {
    kind: "VolumeAttributesClass",
    name: "without attributes",
    parts: { driverName: "a.b" },
    want: ["parameters: Required value: must contain at least one key/value pair"],
  },
] as readonly (RefusedCase & { kind: string })[])
  test(`a ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors(group, kind, parts), want);
  });

const driver = { name: "a.b", nodeID: "n" };

for (const { kind, name, before, after, want } of [
  {
    kind: "StorageClass",
    name: "whether volumes grow",
    before: { provisioner: "a.b" },
    after: { provisioner: "a.b", allowVolumeExpansion: true },
    want: [],
  },
  {
    kind: "StorageClass",
    name: "what volumes are",
    before: { provisioner: "a.b", parameters: { x: "1" } },
    after: { provisioner: "a.c", reclaimPolicy: "Retain", volumeBindingMode: "WaitForFirstConsumer" },
    want: [
      "parameters: Invalid value: null: field is immutable",
      'provisioner: Invalid value: "a.c": field is immutable',
      'reclaimPolicy: Invalid value: "Retain": field is immutable',
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ],
  },
  {
    kind: "CSIDriver",
    name: "whether it attaches",
    before: { spec: {} },
    after: { spec: { attachRequired: false } },
    want: ["spec.attachedRequired: Invalid value: false: field is immutable"],
  },
  {
    kind: "CSINode",
    name: "how much can be attached",
    before: { spec: { drivers: [driver] } },
    after: { spec: { drivers: [{ ...driver, allocatable: { count: 3 } }] } },
    want: [],
  },
  {
    kind: "CSINode",
    name: "the id of a driver",
    before: { spec: { drivers: [driver] } },
    after: { spec: { drivers: [{ ...driver, nodeID: "m" }] } },
    want: [
      'spec.drivers: Invalid value: {"Name":"a.b","NodeID":"m","TopologyKeys":null,"Allocatable":null}: field is immutable',
    ],
  },
  {
    kind: "CSIStorageCapacity",
    name: "its class",
    before: { storageClassName: "a" },
    after: { storageClassName: "b" },
    want: ['storageClassName: Invalid value: "b": field is immutable'],
  },
] as readonly (ChangeCase & { kind: string })[])
  test(`a ${kind} that changes ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    assertLines(updateErrors(group, kind, { ...before }, { ...after }), want);
  });

const rows: readonly { kind: string; parts: Parts; want: object }[] = [
  {
    kind: "StorageClass",
    parts: { provisioner: "a.b" },
    want: {
      Provisioner: "a.b",
      ReclaimPolicy: "Delete",
      VolumeBindingMode: "Immediate",
      AllowVolumeExpansion: false,
    },
  },
  {
    kind: "CSIDriver",
    parts: { spec: {} },
    want: {
      AttachRequired: true,
      PodInfoOnMount: false,
      StorageCapacity: false,
      TokenRequests: "<unset>",
      RequiresRepublish: false,
      Modes: "Persistent",
    },
  },
  { kind: "CSINode", parts: { spec: { drivers: [driver] } }, want: { Drivers: 1 } },
  {
    kind: "CSIStorageCapacity",
    parts: { storageClassName: "a", capacity: "1Gi" },
    want: { "Created At": "0001-01-01T00:00:00Z" },
  },
  {
    kind: "VolumeAttachment",
    parts: { spec: { attacher: "a.b", nodeName: "n", source: { persistentVolumeName: "v" } } },
    want: { Attacher: "a.b", PV: "v", Node: "n", Attached: false },
  },
];

for (const { kind, parts, want } of rows)
  test(`kubectl get shows a ${kind} as upstream does`, () => {
    assert.deepEqual(rowOf(withDefaults(objectOf(group, kind, parts))), want);
  });
