import { labelsAsSelector, showLabels } from "../../apimachinery/labels.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn, templateColumns, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import { replicationControllers } from "../resources.generated.ts";
import { replicationControllerStrategy } from "./replication-controller-strategy.ts";
import type { ReplicationController } from "./types.generated.ts";

export const replicationControllerDefinition = defineResource(replicationControllers, {
  shortNames: ["rc"],
  categories: ["all"],
  hasStatus: true,
  columns: [
    nameColumn,
    integerColumn("Desired", "Pods wanted.", ({ spec }) => spec.replicas ?? 0),
    integerColumn("Current", "Pods that exist.", ({ status }) => status?.replicas ?? 0),
    integerColumn("Ready", "Pods that are ready.", ({ status }) => status?.readyReplicas ?? 0),
    ageColumn,
    ...templateColumns<ReplicationController>(({ spec }) => spec.template?.spec?.containers ?? []),
    wide(stringColumn("Selector", "Labels of its pods.", ({ spec }) => showLabels(spec.selector))),
  ],
  strategy: replicationControllerStrategy,
  selectableFields: { "status.replicas": ({ status }) => String(status?.replicas ?? 0) },
  scale: {
    replicas: ({ spec }) => spec.replicas ?? 0,
    withReplicas: (object, replicas) => ({ ...object, spec: { ...object.spec, replicas } }),
    statusReplicas: ({ status }) => status?.replicas ?? 0,
    selector: ({ spec }) => labelsAsSelector(spec.selector),
  },
});
