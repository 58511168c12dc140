import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { plainColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { bindings } from "../resources.generated.ts";
import type { Binding } from "./types.generated.ts";

/** A POST of one assigns a pod to a node; it is never stored. */
export const bindingDefinition = defineResource(bindings, {
  verbs: ["create"],
  columns: plainColumns,
  strategy: { validate: validateBinding },
});

/** Only nodes can be bound to. */
export function validateBinding({ target }: Partial<Binding>): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (target?.kind && target.kind !== "Node")
    errors.push(field.notSupported("target.kind", target.kind, ["Node", "<empty>"]));
  if (!target?.name) errors.push(field.required("target.name"));
  return errors;
}
