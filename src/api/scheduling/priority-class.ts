import { ageColumn, booleanColumn, integerColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { priorityClasses } from "../resources.generated.ts";
import { priorityClassStrategy } from "./priority-class-strategy.ts";

export const priorityClassDefinition = defineResource(priorityClasses, {
  shortNames: ["pc"],
  columns: [
    nameColumn,
    integerColumn("Value", "The higher, the earlier.", ({ value }) => value ?? 0),
    booleanColumn(
      "Global-Default",
      "For pods that name no class.",
      ({ globalDefault }) => globalDefault ?? false,
    ),
    ageColumn,
    stringColumn(
      "PreemptionPolicy",
      "Whether others may have to make room.",
      ({ preemptionPolicy }) => preemptionPolicy ?? "",
    ),
  ],
  strategy: priorityClassStrategy,
});
