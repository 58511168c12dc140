import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { configMaps } from "../resources.generated.ts";
import { configMapValidation } from "./config-validation.ts";

export const configMapDefinition = defineResource(configMaps, {
  shortNames: ["cm"],
  columns: [
    nameColumn,
    stringColumn(
      "Data",
      "Number of keys.",
      ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length,
    ),
    ageColumn,
  ],
  strategy: { ...configMapValidation },
});
