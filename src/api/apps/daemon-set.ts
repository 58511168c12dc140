import { showLabelSelector, showLabels } from "../../apimachinery/labels.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn, templateColumns, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import { daemonSets } from "../resources.generated.ts";
import { daemonSetStrategy, withoutTemplateGeneration } from "./daemon-set-strategy.ts";
import type { DaemonSet } from "./types.generated.ts";

export const daemonSetDefinition = defineResource(daemonSets, {
  shortNames: ["ds"],
  categories: ["all"],
  hasStatus: true,
  columns: [
    nameColumn,
    integerColumn(
      "Desired",
      "Nodes that should run a pod.",
      ({ status }) => status?.desiredNumberScheduled ?? 0,
    ),
    integerColumn("Current", "Nodes that run one.", ({ status }) => status?.currentNumberScheduled ?? 0),
    integerColumn("Ready", "Nodes whose pod is ready.", ({ status }) => status?.numberReady ?? 0),
    integerColumn(
      "Up-to-date",
      "Nodes with a pod of the current template.",
      ({ status }) => status?.updatedNumberScheduled ?? 0,
    ),
    integerColumn(
      "Available",
      "Nodes whose pod has been ready for long enough.",
      ({ status }) => status?.numberAvailable ?? 0,
    ),
    stringColumn("Node Selector", "Labels of the nodes.", ({ spec }) =>
      showLabels(spec.template?.spec?.nodeSelector),
    ),
    ageColumn,
    ...templateColumns<DaemonSet>(({ spec }) => spec.template?.spec?.containers ?? []),
    wide(stringColumn("Selector", "Labels of its pods.", ({ spec }) => showLabelSelector(spec.selector))),
  ],
  rowMetadata: withoutTemplateGeneration,
  strategy: daemonSetStrategy,
});
