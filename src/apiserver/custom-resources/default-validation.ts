import type { CustomResourceDefinition } from "../../api/apiextensions/types.generated.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import {
  isObject,
  itemsOf,
  type JsonSchema,
  valuesOf,
} from "../../apimachinery/structural-schema/json-schema.ts";
import { pruneObject } from "../../apimachinery/structural-schema/prune.ts";
import { validateValue } from "../../apimachinery/structural-schema/validate.ts";
import * as field from "../../apimachinery/validation.ts";

/** Defaults must be what they would be when a client had sent them: valid, and with no field that would be pruned. */
export function validateDefaults(crd: CustomResourceDefinition): readonly FieldError[] {
  return (crd.spec.versions ?? []).flatMap(({ schema }, index) =>
    schema?.openAPIV3Schema === undefined
      ? []
      : validateBelow(
          schema.openAPIV3Schema,
          field.child(field.at("spec.versions", index), "schema", "openAPIV3Schema"),
        ),
  );
}

function validateBelow(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const value = schema.default;
  if (value !== undefined && value !== null) {
    const at = field.child(path, "default");
    if (isObject(value) && pruneObject(value, schema).unknownFields.length > 0)
      errors.push(field.invalid(at, value, "must not have unknown fields"));
    errors.push(...validateValue(value, schema, { root: at }));
  }
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    errors.push(...validateBelow(property, field.at(field.child(path, "properties"), name)));
  const items = itemsOf(schema);
  if (items !== undefined) errors.push(...validateBelow(items, field.child(path, "items")));
  const values = valuesOf(schema);
  if (values !== undefined) errors.push(...validateBelow(values, field.child(path, "additionalProperties")));
  return errors;
}
