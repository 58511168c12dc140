import type { Plugin } from "../framework/plugin.ts";
import { skip, success, unresolvable } from "../framework/status.ts";
import { claimKeysOf } from "../volumes/pod-claims.ts";
import type { VolumeListers } from "../volumes/volume-listers.ts";

interface Place {
  readonly key: string;
  readonly values: readonly string[];
}

const rejection = unresolvable("node(s) had no available volume zone");

/** The labels by which old volumes say where they are; the name of the older label stands for the newer one and back. */
const zoneLabels: Readonly<Record<string, string>> = {
  "topology.kubernetes.io/zone": "failure-domain.beta.kubernetes.io/zone",
  "topology.kubernetes.io/region": "failure-domain.beta.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
};

/** Keeps pods to the zones of their bound volumes, as the volumes' labels have them. */
export function volumeZone({
  persistentVolumeClaims,
  persistentVolumes,
}: Pick<VolumeListers, "persistentVolumeClaims" | "persistentVolumes">): Plugin<readonly Place[]> {
  return {
    name: "VolumeZone",
    requeueOn: [
      { resource: "nodes", action: "add" },
      { resource: "nodes", action: "update-labels" },
      { resource: "persistentvolumeclaims", action: "add" },
      { resource: "persistentvolumeclaims", action: "update" },
      { resource: "persistentvolumes", action: "add" },
      { resource: "persistentvolumes", action: "update" },
      { resource: "storageclasses", action: "add" },
    ],
    preFilter({ pod }) {
      const places: Place[] = [];
      for (const claimKey of claimKeysOf(pod)) {
        const volume = persistentVolumes.get(persistentVolumeClaims.get(claimKey)?.spec?.volumeName ?? "");
        // Of a volume that spans several zones all are named in one value.
        for (const [key, value] of Object.entries(volume?.metadata.labels ?? {}))
          if (zoneLabels[key] !== undefined) places.push({ key, values: value.split("__") });
      }
      return places.length === 0 ? skip : places;
    },
    filter(places, { node: { metadata } }) {
      const labels = metadata.labels ?? {};
      // A node without any such label is in no zone, and so in every one.
      if (!Object.keys(zoneLabels).some((key) => labels[key] !== undefined)) return success;
      const isThere = places.every(({ key, values }) =>
        values.includes(labels[key] ?? labels[zoneLabels[key] ?? ""] ?? ""),
      );
      return isThere ? success : rejection;
    },
  };
}
