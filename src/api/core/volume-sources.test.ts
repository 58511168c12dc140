import { test } from "node:test";
import { assertLines, createErrors, type RefusedCase, updateErrors } from "../test-support/objects.ts";

const path = "spec.volumes[0]";
const container = { name: "a", image: "web:1" };

interface SourceCase {
  readonly name: string;
  readonly source: object;
  readonly want: readonly (string | RegExp)[];
}

const sources: readonly SourceCase[] = [
  {
    name: "a repository whose directory leads upwards",
    source: { gitRepo: { repository: "r", directory: "../x" } },
    want: [`${path}.gitRepo.directory: Invalid value: "../x": must not contain '..'`],
  },
  {
    name: "a disk with a partition that cannot be",
    source: { gcePersistentDisk: { pdName: "", partition: 256 } },
    want: [
      `${path}.persistentDisk.pdName: Required value`,
      `${path}.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive`,
    ],
  },
  {
    name: "a share without a path",
    source: { nfs: { server: "s", path: "" } },
    want: [
      `${path}.nfs.path: Required value`,
      `${path}.nfs.path: Invalid value: "": must be an absolute path`,
    ],
  },
  {
    name: "a target with names of no known form",
    source: {
      iscsi: { targetPortal: "p", iqn: "iqn.2026", lun: 256, initiatorName: "me", chapAuthSession: true },
    },
    want: [
      `${path}.iscsi.iqn: Invalid value: "iqn.2026": must be valid format`,
      `${path}.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive`,
      `${path}.iscsi.secretRef: Required value`,
      `${path}.iscsi.initiatorname: Invalid value: "me": must be valid format starting with iqn, eui, or naa`,
    ],
  },
  {
    name: "a target whose name with the volume's is too long for an initiator",
    source: {
      iscsi: {
        targetPortal: "p".repeat(64),
        iqn: "iqn.2026-01.com.example:disk",
        initiatorName: "eui.0123456789abcdef",
      },
    },
    want: [/^spec\.volumes\[0\]\.name: Invalid value: "v": Total length of <volume name>/],
  },
  {
    name: "a fibre channel with both ways to name a disk",
    source: { fc: { targetWWNs: ["a"], wwids: ["b"] } },
    want: [
      `${path}.fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simultaneously`,
      `${path}.fc.lun: Required value: lun is required if targetWWNs is specified`,
    ],
  },
  {
    name: "a data set of no name",
    source: { flocker: {} },
    want: [`${path}.flocker: Required value: one of datasetName and datasetUUID is required`],
  },
  {
    name: "a registry without a port",
    source: { quobyte: { registry: "host", volume: "" } },
    want: [
      `${path}.quobyte.registry: Invalid value: "host": must be a host:port pair or multiple pairs separated by commas`,
      `${path}.quobyte.volume: Required value`,
    ],
  },
  {
    name: "a driver's option of the kubelet's",
    source: { flexVolume: { driver: "d", options: { "kubernetes.io/x": "1" } } },
    want: [
      `${path}.flexVolume.options[kubernetes.io/x]: Invalid value: "kubernetes.io/x": kubernetes.io and k8s.io namespaces are reserved`,
    ],
  },
  {
    name: "a managed disk by the address of another kind",
    source: { azureDisk: { diskName: "d", diskURI: "https://x", kind: "Managed" } },
    want: [
      `${path}.azureDisk.diskURI: Unsupported value: "https://x": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"`,
    ],
  },
  {
    name: "a volume of StorageOS without its name and its secret's",
    source: { storageos: { secretRef: {} } },
    want: [
      `${path}.storageos.volumeName: Required value`,
      `${path}.storageos.secretRef.name: Required value`,
    ],
  },
  {
    name: "a driver of CSI that is no name",
    source: { csi: { driver: "a_b", nodePublishSecretRef: { name: "A" } } },
    want: [
      /^spec\.volumes\[0\]\.csi\.driver: Invalid value: "a_b": a lowercase RFC 1123 subdomain/,
      /^spec\.volumes\[0\]\.csi\.name: Invalid value: "A": a lowercase RFC 1123 subdomain/,
    ],
  },
  {
    name: "an image without a reference",
    source: { image: {} },
    want: [`${path}.image.reference: Required value`],
  },
  {
    name: "two sources, told in upstream's order and under upstream's names",
    source: { downwardAPI: {}, cephfs: { monitors: ["m"] }, emptyDir: {} },
    want: [
      `${path}.cephFS: Forbidden: may not specify more than 1 volume type`,
      `${path}.downwarAPI: Forbidden: may not specify more than 1 volume type`,
    ],
  },
];

for (const { name, source, want } of sources)
  test(`a pod with ${name} is refused in upstream's words`, () => {
    const spec = { containers: [container], volumes: [{ name: "v", ...source }] };
    assertLines(createErrors("v1", "Pod", { spec }), want);
  });

const base = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] };
const secret = { name: "s", namespace: "ns" };

const volumes: readonly RefusedCase[] = [
  {
    name: "with a secret in no namespace",
    spec: { cinder: { volumeID: "v", secretRef: { name: "s" } } },
    want: ["spec.cinder.secretRef.namespace: Required value"],
  },
  {
    name: "whose driver is given secrets of wrong names",
    spec: {
      csi: {
        driver: "d",
        volumeHandle: "",
        nodePublishSecretRef: secret,
        nodeExpandSecretRef: { name: "", namespace: "A" },
      },
    },
    want: [
      "spec.csi.volumeHandle: Required value",
      "spec.csi.nodeExpandSecretRef.name: Required value",
      /^spec\.csi\.nodeExpandSecretRef\.namespace: Invalid value: "A"/,
    ],
  },
  {
    name: "that would recycle a node's whole disk",
    spec: { hostPath: { path: "/./" }, persistentVolumeReclaimPolicy: "Recycle" },
    want: ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
  },
  {
    name: "on no node's disk",
    spec: { local: { path: "" } },
    want: [
      "spec.local.path: Required value",
      "spec.nodeAffinity: Required value: Local volume requires node affinity",
    ],
  },
  {
    name: "of two sources",
    spec: { cephfs: { monitors: ["m"] }, hostPath: { path: "/a" } },
    want: ["spec.cephFS: Forbidden: may not specify more than 1 volume type"],
  },
];

for (const { name, spec, want } of volumes)
  test(`a persistent volume ${name} is refused in upstream's words`, () => {
    assertLines(createErrors("v1", "PersistentVolume", { spec: { ...base, ...spec } }), want);
  });

const reachedFrom = (key: string, value = "a") => ({
  ...base,
  hostPath: { path: "/a" },
  nodeAffinity: {
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "In", values: [value] }] }] },
  },
});

for (const { name, after, want } of [
  { name: "a label's stable name", after: reachedFrom("topology.kubernetes.io/zone"), want: [] },
  {
    name: "another value",
    after: reachedFrom("failure-domain.beta.kubernetes.io/zone", "b"),
    want: [
      /^nodeAffinity: Invalid value: .*: field is immutable, except for updating from beta label to GA$/,
    ],
  },
])
  test(`where a persistent volume can be reached changes to ${name}, or not at all`, () => {
    const before = { spec: reachedFrom("failure-domain.beta.kubernetes.io/zone") };
    assertLines(updateErrors("v1", "PersistentVolume", before, { spec: after }), want);
  });

const attachment = { attacher: "d.example.com", nodeName: "n" };

for (const { name, source, want } of [
  {
    name: "what only objects have",
    source: {
      inlineVolumeSpec: {
        accessModes: ["ReadWriteOnce"],
        capacity: { storage: "1Gi" },
        hostPath: { path: "/a" },
        storageClassName: "fast",
        volumeMode: "Block",
      },
    },
    want: [
      "spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.storageClassName: Forbidden: may not be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in the context of inline volumes",
    ],
  },
  {
    name: "a volume of no name",
    source: { persistentVolumeName: "A" },
    want: [/^spec\.source\.persistentVolumeName: Invalid value: "A"/],
  },
])
  test(`an attachment of ${name} is refused in upstream's words`, () => {
    const errors = createErrors("storage.k8s.io/v1", "VolumeAttachment", { spec: { ...attachment, source } });
    assertLines(errors, want);
  });
