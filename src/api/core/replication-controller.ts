import { labelsAsSelector, showLabels } from "../../apimachinery/labels.ts";
import { stringColumn, templateColumns, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import { replicaColumns, replicaFields, replicaScale } from "../replicated.ts";
import { replicationControllers } from "../resources.generated.ts";
import { replicationControllerStrategy } from "./replication-controller-strategy.ts";
import type { ReplicationController } from "./types.generated.ts";

export const replicationControllerDefinition = defineResource(replicationControllers, {
  shortNames: ["rc"],
  categories: ["all"],
  hasStatus: true,
  columns: [
    ...replicaColumns<ReplicationController>(),
    ...templateColumns<ReplicationController>(({ spec }) => spec.template?.spec?.containers ?? []),
    wide(stringColumn("Selector", "Labels of its pods.", ({ spec }) => showLabels(spec.selector))),
  ],
  strategy: replicationControllerStrategy,
  selectableFields: replicaFields,
  scale: replicaScale(({ spec }) => labelsAsSelector(spec.selector)),
});
