/** What storage drivers say of themselves. */
import {
  ageColumn,
  booleanColumn,
  integerColumn,
  nameColumn,
  plainColumns,
  stringColumn,
} from "../columns.ts";
import { defineResource } from "../define.ts";
import { csiDrivers, csiNodes, csiStorageCapacities } from "../resources.generated.ts";
import { csiDriverStrategy, csiNodeStrategy, csiStorageCapacityStrategy } from "./storage-strategy.ts";

export const csiDriverDefinition = defineResource(csiDrivers, {
  columns: [
    nameColumn,
    booleanColumn(
      "AttachRequired",
      "Whether volumes are attached before use.",
      ({ spec }) => spec?.attachRequired ?? true,
    ),
    booleanColumn(
      "PodInfoOnMount",
      "Whether it is told of the pod.",
      ({ spec }) => spec?.podInfoOnMount ?? false,
    ),
    booleanColumn(
      "StorageCapacity",
      "Whether it reports what is free.",
      ({ spec }) => spec?.storageCapacity ?? false,
    ),
    stringColumn(
      "TokenRequests",
      "Audiences of the tokens it gets.",
      ({ spec }) => spec?.tokenRequests?.map(({ audience }) => audience).join(",") ?? "<unset>",
    ),
    booleanColumn(
      "RequiresRepublish",
      "Whether it is called again and again.",
      ({ spec }) => spec?.requiresRepublish ?? false,
    ),
    stringColumn(
      "Modes",
      "Lives its volumes can have.",
      ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(",") || "<none>",
    ),
    ageColumn,
  ],
  strategy: csiDriverStrategy,
});

export const csiNodeDefinition = defineResource(csiNodes, {
  columns: [
    nameColumn,
    integerColumn("Drivers", "Number of drivers on the node.", ({ spec }) => (spec?.drivers ?? []).length),
    ageColumn,
  ],
  strategy: csiNodeStrategy,
});

export const csiStorageCapacityDefinition = defineResource(csiStorageCapacities, {
  columns: plainColumns,
  strategy: csiStorageCapacityStrategy,
});
