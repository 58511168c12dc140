import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { flowSchemas } from "../resources.generated.ts";
import { flowSchemaStrategy } from "./flowcontrol-strategy.ts";

export const flowSchemaDefinition = defineResource(flowSchemas, {
  hasStatus: true,
  columns: [
    nameColumn,
    stringColumn(
      "PriorityLevel",
      "The level it sends requests to.",
      ({ spec }) => spec?.priorityLevelConfiguration?.name ?? "",
    ),
    stringColumn(
      "MatchingPrecedence",
      "The lower, the earlier it is asked.",
      ({ spec }) => spec?.matchingPrecedence ?? 0,
    ),
    stringColumn(
      "DistinguisherMethod",
      "What makes a flow of its own.",
      ({ spec }) => spec?.distinguisherMethod?.type ?? "<none>",
    ),
    ageColumn,
    stringColumn(
      "MissingPL",
      "Whether its priority level is missing.",
      ({ status }) => status?.conditions?.find(({ type }) => type === "Dangling")?.status ?? "?",
    ),
  ],
  strategy: flowSchemaStrategy,
});
