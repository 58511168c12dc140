import { plainColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { bindings } from "../resources.generated.ts";

/** A POST of one assigns a pod to a node; it is never stored. */
export const bindingDefinition = defineResource(bindings, {
  verbs: ["create"],
  columns: plainColumns,
  strategy: {},
});
