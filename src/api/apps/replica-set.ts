import { showLabelSelector, structuredAsSelector } from "../../apimachinery/labels.ts";
import { stringColumn, templateColumns, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import { replicaColumns, replicaScale } from "../replicated.ts";
import { replicaSets } from "../resources.generated.ts";
import { replicaSetStrategy } from "./replica-set-strategy.ts";
import type { ReplicaSet } from "./types.generated.ts";

export const replicaSetDefinition = defineResource(replicaSets, {
  shortNames: ["rs"],
  categories: ["all"],
  hasStatus: true,
  columns: [
    ...replicaColumns<ReplicaSet>(),
    ...templateColumns<ReplicaSet>(({ spec }) => spec.template?.spec?.containers ?? []),
    wide(stringColumn("Selector", "Labels of its pods.", ({ spec }) => showLabelSelector(spec.selector))),
  ],
  strategy: replicaSetStrategy,
  scale: replicaScale(({ spec }) => structuredAsSelector(spec.selector)),
});
