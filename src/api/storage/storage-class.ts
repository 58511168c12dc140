import { ageColumn, nameColumn, nameColumnMarking, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { storageClasses, volumeAttributesClasses } from "../resources.generated.ts";
import { storageClassStrategy, volumeAttributesClassStrategy } from "./storage-strategy.ts";
import type { StorageClass } from "./types.generated.ts";

/** Claims that name no class get this one. */
function isDefaultStorageClass({ metadata: { annotations = {} } }: StorageClass): boolean {
  return (
    annotations["storageclass.kubernetes.io/is-default-class"] === "true" ||
    annotations["storageclass.beta.kubernetes.io/is-default-class"] === "true"
  );
}

export const storageClassDefinition = defineResource(storageClasses, {
  shortNames: ["sc"],
  columns: [
    nameColumnMarking(isDefaultStorageClass),
    stringColumn("Provisioner", "Who makes the volumes.", ({ provisioner }) => provisioner ?? ""),
    stringColumn(
      "ReclaimPolicy",
      "What becomes of a volume whose claim is gone.",
      ({ reclaimPolicy }) => reclaimPolicy ?? "Delete",
    ),
    stringColumn(
      "VolumeBindingMode",
      "When a claim is bound.",
      ({ volumeBindingMode }) => volumeBindingMode ?? "Immediate",
    ),
    // Upstream declares a string and sends a boolean.
    stringColumn(
      "AllowVolumeExpansion",
      "Whether volumes can grow.",
      ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
    ),
    ageColumn,
  ],
  strategy: storageClassStrategy,
});

export const volumeAttributesClassDefinition = defineResource(volumeAttributesClasses, {
  shortNames: ["vac"],
  columns: [
    nameColumn,
    stringColumn("DriverName", "Whose attributes these are.", ({ driverName }) => driverName ?? ""),
    ageColumn,
  ],
  strategy: volumeAttributesClassStrategy,
});
