import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column } from "../definition.ts";
import { horizontalPodAutoscalers } from "../resources.generated.ts";
import { convertAutoscaler } from "./conversion.ts";
import { horizontalPodAutoscalerStrategy } from "./horizontal-pod-autoscaler-strategy.ts";
import { showMetrics } from "./show-metrics.ts";
import type { HorizontalPodAutoscaler } from "./types.generated.ts";

const columns: readonly Column<HorizontalPodAutoscaler>[] = [
  nameColumn,
  stringColumn(
    "Reference",
    "What is scaled.",
    ({ spec: { scaleTargetRef } }) => `${scaleTargetRef?.kind}/${scaleTargetRef?.name}`,
  ),
  stringColumn("Targets", "Metrics: now, and what they should be.", ({ spec, status }) =>
    showMetrics(spec.metrics ?? [], status?.currentMetrics ?? []),
  ),
  stringColumn("MinPods", "The fewest pods.", ({ spec }) => String(spec.minReplicas ?? "<unset>")),
  stringColumn("MaxPods", "The most pods.", ({ spec }) => spec.maxReplicas ?? 0),
  stringColumn("Replicas", "Pods that exist.", ({ status }) => status?.currentReplicas ?? 0),
  ageColumn,
];

export const horizontalPodAutoscalerDefinition = defineResource(horizontalPodAutoscalers, {
  shortNames: ["hpa"],
  categories: ["all"],
  versions: ["v2", "v1"],
  storageVersion: "v2",
  convert: convertAutoscaler,
  hasStatus: true,
  columns,
  strategy: horizontalPodAutoscalerStrategy,
});
