import { plainColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { limitRanges } from "../resources.generated.ts";

export const limitRangeDefinition = defineResource(limitRanges, {
  shortNames: ["limits"],
  columns: plainColumns,
  strategy: { createOnUpdate: true, generationFields: [] },
});
