import { showLabelSelector, structuredAsSelector } from "../../apimachinery/labels.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn, templateColumns, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import { replicaSets } from "../resources.generated.ts";
import { replicaSetStrategy } from "./replica-set-strategy.ts";
import type { ReplicaSet } from "./types.generated.ts";

export const replicaSetDefinition = defineResource(replicaSets, {
  shortNames: ["rs"],
  categories: ["all"],
  hasStatus: true,
  columns: [
    nameColumn,
    integerColumn("Desired", "Pods wanted.", ({ spec }) => spec.replicas ?? 0),
    integerColumn("Current", "Pods that exist.", ({ status }) => status?.replicas ?? 0),
    integerColumn("Ready", "Pods that are ready.", ({ status }) => status?.readyReplicas ?? 0),
    ageColumn,
    ...templateColumns<ReplicaSet>(({ spec }) => spec.template?.spec?.containers ?? []),
    wide(stringColumn("Selector", "Labels of its pods.", ({ spec }) => showLabelSelector(spec.selector))),
  ],
  strategy: replicaSetStrategy,
  selectableFields: { "status.replicas": ({ status }) => String(status?.replicas ?? 0) },
  scale: {
    replicas: ({ spec }) => spec.replicas ?? 0,
    withReplicas: (object, replicas) => ({ ...object, spec: { ...object.spec, replicas } }),
    statusReplicas: ({ status }) => status?.replicas ?? 0,
    selector: ({ spec }) => structuredAsSelector(spec.selector),
  },
});
