import { ageColumn, nameColumn, stringColumn, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column } from "../definition.ts";
import { persistentVolumeClaims } from "../resources.generated.ts";
import { showAccessModes, storageClassOf } from "./persistent-volume.ts";
import type { PersistentVolumeClaim } from "./types.generated.ts";
import { persistentVolumeClaimStrategy } from "./volume-strategy.ts";

const isBound = ({ spec }: PersistentVolumeClaim) => (spec.volumeName ?? "") !== "";

const columns: readonly Column<PersistentVolumeClaim>[] = [
  nameColumn,
  stringColumn("Status", "Phase.", ({ metadata, status }) =>
    metadata.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
  ),
  stringColumn("Volume", "The volume it is bound to.", ({ spec }) => spec.volumeName ?? ""),
  stringColumn("Capacity", "Size of that volume.", (claim) =>
    isBound(claim) ? (claim.status?.capacity?.storage ?? "0") : "",
  ),
  stringColumn("Access Modes", "How that volume can be mounted.", (claim) =>
    isBound(claim) ? showAccessModes(claim.status?.accessModes) : "",
  ),
  stringColumn("StorageClass", "The class asked for.", ({ metadata, spec }) =>
    storageClassOf(metadata, spec.storageClassName),
  ),
  stringColumn(
    "VolumeAttributesClass",
    "The class of attributes asked for.",
    ({ spec }) => spec.volumeAttributesClassName ?? "<unset>",
  ),
  ageColumn,
  wide(stringColumn("VolumeMode", "Filesystem or Block.", ({ spec }) => spec.volumeMode ?? "<unset>")),
];

export const persistentVolumeClaimDefinition = defineResource(persistentVolumeClaims, {
  shortNames: ["pvc"],
  hasStatus: true,
  columns,
  strategy: persistentVolumeClaimStrategy,
});
