import { structuredAsSelector } from "../../apimachinery/labels.ts";
import { ageColumn, nameColumn, stringColumn, templateColumns, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column } from "../definition.ts";
import { deployments } from "../resources.generated.ts";
import { deploymentStrategy } from "./deployment-strategy.ts";
import type { Deployment } from "./types.generated.ts";

// Upstream declares strings here and sends numbers.
const columns: readonly Column<Deployment>[] = [
  nameColumn,
  stringColumn(
    "Ready",
    "Pods that are ready, of those wanted.",
    ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
  ),
  stringColumn(
    "Up-to-date",
    "Pods made from the current template.",
    ({ status }) => status?.updatedReplicas ?? 0,
  ),
  stringColumn("Available", "Pods ready for long enough.", ({ status }) => status?.availableReplicas ?? 0),
  ageColumn,
  ...templateColumns<Deployment>(({ spec }) => spec.template?.spec?.containers ?? []),
  wide(stringColumn("Selector", "Labels of its pods.", ({ spec }) => structuredAsSelector(spec.selector))),
];

export const deploymentDefinition = defineResource(deployments, {
  shortNames: ["deploy"],
  categories: ["all"],
  hasStatus: true,
  columns,
  strategy: deploymentStrategy,
  scale: {
    replicas: ({ spec }) => spec.replicas ?? 0,
    withReplicas: (object, replicas) => ({ ...object, spec: { ...object.spec, replicas } }),
    statusReplicas: ({ status }) => status?.replicas ?? 0,
    selector: ({ spec }) => structuredAsSelector(spec.selector),
  },
});
