import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { runtimeClasses } from "../resources.generated.ts";
import { runtimeClassStrategy } from "./runtime-class-strategy.ts";

export const runtimeClassDefinition = defineResource(runtimeClasses, {
  columns: [
    nameColumn,
    stringColumn("Handler", "What the container runtime knows it as.", ({ handler }) => handler ?? ""),
    ageColumn,
  ],
  strategy: runtimeClassStrategy,
});
