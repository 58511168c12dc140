import { ageColumn, nameColumn, stringColumn, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column } from "../definition.ts";
import { persistentVolumes } from "../resources.generated.ts";
import type { PersistentVolume } from "./types.generated.ts";
import { persistentVolumeStrategy } from "./volume-strategy.ts";

const shortModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

/** `RWO,ROX`: each once, in a fixed order. */
export function showAccessModes(modes: readonly string[] | undefined): string {
  return Object.entries(shortModes)
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(",");
}

/** A class may still stand in the annotation that came before the field. */
export function storageClassOf(
  metadata: PersistentVolume["metadata"],
  storageClassName: string | undefined,
): string {
  return metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? storageClassName ?? "";
}

const columns: readonly Column<PersistentVolume>[] = [
  nameColumn,
  stringColumn("Capacity", "Size.", ({ spec }) => spec.capacity?.storage ?? "0"),
  stringColumn("Access Modes", "How it can be mounted.", ({ spec }) => showAccessModes(spec.accessModes)),
  stringColumn(
    "Reclaim Policy",
    "What becomes of it when its claim is gone.",
    ({ spec }) => spec.persistentVolumeReclaimPolicy ?? "",
  ),
  stringColumn("Status", "Phase.", ({ metadata, status }) =>
    metadata.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
  ),
  stringColumn("Claim", "The claim it is bound to.", ({ spec: { claimRef } }) =>
    claimRef === undefined ? "" : `${claimRef.namespace ?? ""}/${claimRef.name ?? ""}`,
  ),
  stringColumn("StorageClass", "Its class.", ({ metadata, spec }) =>
    storageClassOf(metadata, spec.storageClassName),
  ),
  stringColumn(
    "VolumeAttributesClass",
    "Its class of attributes.",
    ({ spec }) => spec.volumeAttributesClassName ?? "<unset>",
  ),
  stringColumn("Reason", "Why it failed.", ({ status }) => status?.reason ?? ""),
  ageColumn,
  wide(stringColumn("VolumeMode", "Filesystem or Block.", ({ spec }) => spec.volumeMode ?? "<unset>")),
];

export const persistentVolumeDefinition = defineResource(persistentVolumes, {
  shortNames: ["pv"],
  hasStatus: true,
  columns,
  strategy: persistentVolumeStrategy,
});
