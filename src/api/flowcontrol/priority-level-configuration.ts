import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { priorityLevelConfigurations } from "../resources.generated.ts";
import { priorityLevelStrategy } from "./flowcontrol-strategy.ts";
import type { PriorityLevelConfiguration, QueuingConfiguration } from "./types.generated.ts";

function queueing(name: string, description: string, field: keyof QueuingConfiguration) {
  return stringColumn<PriorityLevelConfiguration>(
    name,
    description,
    ({ spec }) => spec?.limited?.limitResponse?.queuing?.[field] ?? "<none>",
  );
}

export const priorityLevelConfigurationDefinition = defineResource(priorityLevelConfigurations, {
  hasStatus: true,
  columns: [
    nameColumn,
    stringColumn("Type", "Exempt or Limited.", ({ spec }) => spec?.type ?? ""),
    stringColumn(
      "NominalConcurrencyShares",
      "Its share of all seats.",
      ({ spec }) => spec?.limited?.nominalConcurrencyShares ?? "<none>",
    ),
    queueing("Queues", "Number of queues.", "queues"),
    queueing("HandSize", "Queues a flow may be put in.", "handSize"),
    queueing("QueueLengthLimit", "Requests a queue holds.", "queueLengthLimit"),
    ageColumn,
  ],
  strategy: priorityLevelStrategy,
});
