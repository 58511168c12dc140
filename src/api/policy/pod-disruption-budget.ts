import { ageColumn, integerColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { podDisruptionBudgets } from "../resources.generated.ts";
import { podDisruptionBudgetStrategy } from "./pod-disruption-budget-strategy.ts";

export const podDisruptionBudgetDefinition = defineResource(podDisruptionBudgets, {
  shortNames: ["pdb"],
  hasStatus: true,
  columns: [
    nameColumn,
    stringColumn("Min Available", "Pods that must stay.", ({ spec }) => String(spec?.minAvailable ?? "N/A")),
    stringColumn("Max Unavailable", "Pods that may be gone.", ({ spec }) =>
      String(spec?.maxUnavailable ?? "N/A"),
    ),
    integerColumn(
      "Allowed Disruptions",
      "Pods that may be evicted now.",
      ({ status }) => status?.disruptionsAllowed ?? 0,
    ),
    ageColumn,
  ],
  strategy: podDisruptionBudgetStrategy,
});
