import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";

/** Each condition has a type, and each type is there once. */
export function validateConditions(
  conditions: readonly { readonly type?: string }[] | undefined,
): readonly FieldError[] {
  const seen = new Set<string>();
  return field.each("status.conditions", conditions, ({ type = "" }, at) => {
    const path = field.child(at, "type");
    const errors = [
      ...(seen.has(type) ? [field.duplicate(path, type)] : []),
      ...(type === "" ? [field.required(path, "must not be empty")] : []),
    ];
    seen.add(type);
    return errors;
  });
}
