import type { Pod } from "../../api/core/types.generated.ts";
import type { Plugin } from "../framework/plugin.ts";
import { skip, success, unschedulable } from "../framework/status.ts";
import { claimClass, claimKeysOf } from "../volumes/pod-claims.ts";
import type { VolumeListers } from "../volumes/volume-listers.ts";

/** By driver: the handles of volumes; of those not made yet, the keys of their claims. */
type DriverVolumes = ReadonlyMap<string, ReadonlySet<string>>;

const rejection = unschedulable("node(s) exceed max volume count");

/** Rejects nodes that a CSI driver could not attach the pod's volumes to as well. */
export function nodeVolumeLimits(
  listers: Pick<
    VolumeListers,
    "persistentVolumeClaims" | "persistentVolumes" | "storageClasses" | "csiNodes"
  >,
): Plugin<DriverVolumes> {
  return {
    name: "NodeVolumeLimits",
    requeueOn: [
      { resource: "csinodes", action: "add" },
      { resource: "csinodes", action: "update" },
      { resource: "pods", action: "delete" },
      { resource: "persistentvolumeclaims", action: "add" },
    ],
    preFilter({ pod }) {
      const volumes = volumesOf(listers, [pod]);
      return volumes.size === 0 ? skip : volumes;
    },
    filter(wanted, { name, pods }) {
      const drivers = listers.csiNodes.get(name)?.spec.drivers ?? [];
      const limits = drivers.filter(
        (driver) => wanted.has(driver.name) && driver.allocatable?.count !== undefined,
      );
      if (limits.length === 0) return success;
      const used = volumesOf(
        listers,
        [...pods.values()].map(({ pod }) => pod),
      );
      for (const { name: driver, allocatable } of limits) {
        const both = (used.get(driver) ?? new Set<string>()).union(wanted.get(driver) ?? new Set());
        if (both.size > (allocatable?.count ?? 0)) return rejection;
      }
      return success;
    },
  };
}

function volumesOf(
  {
    persistentVolumeClaims,
    persistentVolumes,
    storageClasses,
  }: Omit<Parameters<typeof nodeVolumeLimits>[0], "csiNodes">,
  pods: readonly Pod[],
): DriverVolumes {
  const found = new Map<string, Set<string>>();
  for (const pod of pods)
    for (const key of claimKeysOf(pod)) {
      const claim = persistentVolumeClaims.get(key);
      if (claim === undefined) continue;
      const csi = persistentVolumes.get(claim.spec?.volumeName ?? "")?.spec.csi;
      const isUnbound = (claim.spec?.volumeName ?? "") === "";
      const driver =
        csi?.driver ?? (isUnbound ? storageClasses.get(claimClass(claim))?.provisioner : undefined);
      if (driver === undefined) continue;
      const handles = found.get(driver) ?? new Set<string>();
      handles.add(csi?.volumeHandle ?? key);
      found.set(driver, handles);
    }
  return found;
}
