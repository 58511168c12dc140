import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { flowSchemas } from "../resources.generated.ts";
import { flowSchemaStrategy } from "./flowcontrol-strategy.ts";
import type { FlowSchema } from "./types.generated.ts";

/** As they are asked. */
function byPrecedence(left: FlowSchema, right: FlowSchema): number {
  const difference = (left.spec?.matchingPrecedence ?? 0) - (right.spec?.matchingPrecedence ?? 0);
  if (difference !== 0) return difference;
  return (left.metadata.name ?? "") < (right.metadata.name ?? "") ? -1 : 1;
}

export const flowSchemaDefinition = defineResource(flowSchemas, {
  hasStatus: true,
  rowOrder: byPrecedence,
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
