import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "../../api/core/types.generated.ts";
import type { StorageClass } from "../../api/storage/types.generated.ts";
import type { Plugin } from "../framework/plugin.ts";
import { outcome } from "../test-support/core.ts";
import { node, pod } from "../test-support/objects.ts";
import { nodeVolumeLimits } from "./node-volume-limits.ts";
import { volumeRestrictions } from "./volume-restrictions.ts";
import { volumeZone } from "./volume-zone.ts";

function lister<T>(objects: Readonly<Record<string, T>>) {
  return { get: (key: string) => objects[key], list: () => Object.values(objects) };
}

function claim(volumeName: string, accessMode = "ReadWriteOnce"): PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: volumeName, namespace: "default" },
    spec: { volumeName, accessModes: [accessMode] },
  };
}

function volume(name: string, labels: Readonly<Record<string, string>> = {}): PersistentVolume {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, labels },
    spec: { csi: { driver: "csi.example.com", volumeHandle: `handle-${name}` } },
  };
}

const listers = {
  persistentVolumeClaims: lister({
    "default/one": claim("one"),
    "default/two": claim("two"),
    "default/exclusive": claim("exclusive", "ReadWriteOncePod"),
  }),
  persistentVolumes: lister({
    one: volume("one", { "topology.kubernetes.io/zone": "x" }),
    two: volume("two", { "failure-domain.beta.kubernetes.io/zone": "x__y" }),
  }),
  storageClasses: lister<StorageClass>({}),
  csiNodes: lister({
    a: {
      apiVersion: "storage.k8s.io/v1",
      kind: "CSINode",
      metadata: { name: "a" },
      spec: { drivers: [{ name: "csi.example.com", nodeID: "a", allocatable: { count: 1 } }] },
    },
  }),
};

function using(name: string, volumes: readonly (Partial<Volume> | string)[], on?: string): Pod {
  const spec = {
    volumes: volumes.map((volume, index) => ({
      name: `v${index}`,
      ...(typeof volume === "string" ? { persistentVolumeClaim: { claimName: volume } } : volume),
    })),
  };
  return pod(name, { spec, ...(on === undefined ? {} : { node: on }) });
}

const disk = (readOnly = false) => ({ gcePersistentDisk: { pdName: "disk", readOnly } });
const zone = (value: string) => ({ labels: { "topology.kubernetes.io/zone": value } });
const none = (reason: string) => `0/1 nodes are available: 1 ${reason}.`;

const cases: readonly {
  readonly name: string;
  readonly plugin: Plugin;
  readonly nodes?: readonly ReturnType<typeof node>[];
  readonly pods?: readonly Pod[];
  readonly pod: Pod;
  readonly want: string;
}[] = [
  {
    name: "VolumeRestrictions keeps a disk to one pod",
    plugin: volumeRestrictions(listers),
    pods: [using("other", [disk()], "a")],
    pod: using("p", [disk(true)]),
    want: none("node(s) had no available disk"),
  },
  {
    name: "VolumeRestrictions lets pods read one disk together",
    plugin: volumeRestrictions(listers),
    pods: [using("other", [disk(true)], "a")],
    pod: using("p", [disk(true)]),
    want: "a",
  },
  {
    name: "VolumeRestrictions keeps a ReadWriteOncePod claim to one pod",
    plugin: volumeRestrictions(listers),
    pods: [using("other", ["exclusive"], "a")],
    pod: using("p", ["exclusive"]),
    want: none(
      "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
    ),
  },
  {
    name: "VolumeZone keeps a pod to the zone of its volume",
    plugin: volumeZone(listers),
    nodes: [node("a", zone("y")), node("b", zone("x"))],
    pod: using("p", ["one"]),
    want: "b",
  },
  {
    name: "VolumeZone knows older labels, and volumes of several zones",
    plugin: volumeZone(listers),
    nodes: [node("a", zone("z")), node("b", zone("y"))],
    pod: using("p", ["two"]),
    want: "b",
  },
  {
    name: "NodeVolumeLimits counts what a driver has attached",
    plugin: nodeVolumeLimits(listers),
    pods: [using("other", ["one"], "a")],
    pod: using("p", ["two"]),
    want: none("node(s) exceed max volume count"),
  },
  {
    name: "NodeVolumeLimits counts one volume of two pods once",
    plugin: nodeVolumeLimits(listers),
    pods: [using("other", ["one"], "a")],
    pod: using("p", ["one"]),
    want: "a",
  },
];

for (const { name, plugin, nodes = [node("a")], pods = [], pod, want } of cases)
  test(name, () => {
    assert.equal(outcome({ nodes, pods, plugins: [plugin] }, pod), want);
  });
