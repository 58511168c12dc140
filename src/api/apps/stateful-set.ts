import { structuredAsSelector } from "../../apimachinery/labels.ts";
import { dns1123Label } from "../../apimachinery/names.ts";
import { ageColumn, nameColumn, stringColumn, templateColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { statefulSets } from "../resources.generated.ts";
import { statefulSetStrategy } from "./stateful-set-strategy.ts";
import type { StatefulSet } from "./types.generated.ts";

export const statefulSetDefinition = defineResource(statefulSets, {
  shortNames: ["sts"],
  categories: ["all"],
  // Its pods are hosts that are called by its name and their number.
  checkName: dns1123Label,
  hasStatus: true,
  columns: [
    nameColumn,
    stringColumn(
      "Ready",
      "Pods that are ready, of those wanted.",
      ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    ),
    ageColumn,
    ...templateColumns<StatefulSet>(({ spec }) => spec.template?.spec?.containers ?? []),
  ],
  strategy: statefulSetStrategy,
  scale: {
    replicas: ({ spec }) => spec.replicas ?? 0,
    withReplicas: (object, replicas) => ({ ...object, spec: { ...object.spec, replicas } }),
    statusReplicas: ({ status }) => status?.replicas ?? 0,
    selector: ({ spec }) => structuredAsSelector(spec.selector),
  },
});
