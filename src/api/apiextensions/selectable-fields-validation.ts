/** Fields that lists and watches of a custom kind may be selected by. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import type { JSONSchemaProps, SelectableField } from "./types.generated.ts";

export const maxSelectableFields = 8;

export function selectableFieldErrors(
  path: string,
  fields: readonly SelectableField[] | undefined,
  schema: JSONSchemaProps | undefined,
  /** Too many are taken where they were there before. */
  anyNumber = false,
): readonly FieldError[] {
  if (fields === undefined || fields.length === 0) return [];
  if (schema === undefined)
    return [field.invalid(path, "", "may only be set when validations.schema is included")];
  const seen = new Set<string>();
  const errors = field.each(path, fields, ({ jsonPath }, at) => {
    const where = field.child(at, "jsonPath");
    if (!jsonPath) return [field.required(where)];
    const found = schemaAt(schema, jsonPath);
    if (typeof found === "string") return [field.invalid(where, jsonPath, `is an invalid path: ${found}`)];
    const faults: FieldError[] = [];
    if (jsonPath.startsWith(".metadata"))
      faults.push(field.invalid(where, jsonPath, "must not point to fields in metadata"));
    if (!["string", "boolean", "integer"].includes(found.type ?? ""))
      faults.push(
        field.invalid(
          where,
          jsonPath,
          "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
        ),
      );
    if (seen.has(jsonPath)) faults.push(field.duplicate(where, jsonPath));
    seen.add(jsonPath);
    return faults;
  });
  return seen.size > maxSelectableFields && !anyNumber
    ? [...errors, field.tooMany(path, seen.size, maxSelectableFields)]
    : errors;
}

/** The schema a path leads to, or why it leads nowhere. */
function schemaAt(schema: JSONSchemaProps | undefined, path: string): JSONSchemaProps | string {
  if (!path.startsWith(".")) return `expected [ or . but got: ${path.split(".")[0] ?? ""}`;
  if (path.includes("[")) return "array notation is not allowed";
  let current = schema;
  for (const name of path.slice(1).split(".")) {
    if (name === "") return "unexpected end of JSON path";
    const { properties = {}, additionalProperties }: JSONSchemaProps = current ?? {};
    if (Object.hasOwn(properties, name)) current = properties[name];
    else current = typeof additionalProperties === "object" ? additionalProperties : undefined;
    if (current === undefined) return "does not refer to a valid field";
  }
  return current ?? "does not refer to a valid field";
}
