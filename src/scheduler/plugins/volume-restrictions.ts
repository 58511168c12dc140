import type { Pod, Volume } from "../../api/core/types.generated.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Plugin } from "../framework/plugin.ts";
import { skip, success, unschedulable } from "../framework/status.ts";
import { claimKeysOf } from "../volumes/pod-claims.ts";
import type { VolumeListers } from "../volumes/volume-listers.ts";

interface Restricted {
  /** Disks that one node may have in use once. */
  readonly disks: readonly Volume[];
  /** Claims that one pod in the cluster may use. */
  readonly exclusiveClaims: ReadonlySet<string>;
}

const diskTaken = unschedulable("node(s) had no available disk");
const claimTaken = unschedulable(
  "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
);

/** Rejects nodes where a disk or a ReadWriteOncePod claim is in use that cannot be shared. */
export function volumeRestrictions({
  persistentVolumeClaims,
}: Pick<VolumeListers, "persistentVolumeClaims">): Plugin<Restricted> {
  const isExclusive = (key: string) =>
    persistentVolumeClaims.get(key)?.spec?.accessModes?.includes("ReadWriteOncePod") ?? false;
  return {
    name: "VolumeRestrictions",
    requeueOn: [
      { resource: "pods", action: "delete" },
      { resource: "nodes", action: "add" },
      { resource: "persistentvolumeclaims", action: "add" },
      { resource: "persistentvolumeclaims", action: "update" },
    ],
    preFilter({ pod }: PodInfo, _: NodeTable) {
      const disks = pod.spec.volumes?.filter(isSingleDisk) ?? [];
      const exclusiveClaims = new Set(claimKeysOf(pod).filter(isExclusive));
      return disks.length === 0 && exclusiveClaims.size === 0 ? skip : { disks, exclusiveClaims };
    },
    filter({ disks, exclusiveClaims }, { pods }) {
      for (const { pod: other } of pods.values()) {
        if (disks.some((disk) => other.spec.volumes?.some((volume) => conflict(disk, volume))))
          return diskTaken;
        if (exclusiveClaims.size > 0 && usesOneOf(other, exclusiveClaims)) return claimTaken;
      }
      return success;
    },
  };
}

function usesOneOf(pod: Pod, claims: ReadonlySet<string>): boolean {
  return claimKeysOf(pod).some((key) => claims.has(key));
}

function isSingleDisk({ gcePersistentDisk, awsElasticBlockStore, iscsi, rbd }: Volume): boolean {
  return (gcePersistentDisk ?? awsElasticBlockStore ?? iscsi ?? rbd) !== undefined;
}

/** The same disk twice; both reading is no conflict where the kind of disk allows it. */
function conflict(left: Volume, right: Volume): boolean {
  const { gcePersistentDisk: gce, awsElasticBlockStore: ebs, iscsi, rbd } = left;
  if (gce !== undefined && gce.pdName === right.gcePersistentDisk?.pdName)
    return !(gce.readOnly === true && right.gcePersistentDisk.readOnly === true);
  if (ebs !== undefined && ebs.volumeID === right.awsElasticBlockStore?.volumeID) return true;
  if (iscsi !== undefined && iscsi.iqn === right.iscsi?.iqn)
    return !(iscsi.readOnly === true && right.iscsi.readOnly === true);
  if (rbd === undefined || right.rbd === undefined) return false;
  const sameMonitor = rbd.monitors.some((monitor) => right.rbd?.monitors.includes(monitor));
  const sameImage = rbd.image === right.rbd.image && (rbd.pool ?? "rbd") === (right.rbd.pool ?? "rbd");
  return sameMonitor && sameImage && !(rbd.readOnly === true && right.rbd.readOnly === true);
}
