import { plainColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { customResourceDefinitions } from "../resources.generated.ts";
import { customResourceDefinitionStrategy } from "./custom-resource-definition-strategy.ts";

export const customResourceDefinitionDefinition = defineResource(customResourceDefinitions, {
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  hasStatus: true,
  columns: plainColumns,
  strategy: customResourceDefinitionStrategy,
});
