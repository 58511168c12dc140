/** Lists that are sets or maps, as server-side apply merges them. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { itemSchema } from "./schema-parts.ts";
import type { JSONSchemaProps } from "./types.generated.ts";

type Errors = readonly FieldError[];

const listTypes = ["atomic", "set", "map"];

/** `anySet`: sets of items that are merged are taken, as they were before. */
export function listTypeErrors(path: string, schema: JSONSchemaProps, anySet: boolean): Errors {
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const errors: FieldError[] = [];
  const typePath = field.child(path, "x-kubernetes-list-type");
  const items = itemSchema(schema);
  if (listType !== undefined && schema.type !== "array")
    errors.push(...mustBe(path, schema.type, "array", "x-kubernetes-list-type is specified"));
  else if (!anySet && hasMergedItems(schema)) {
    const isList = items?.type === "array";
    const what = field.child(path, "items", isList ? "x-kubernetes-list-type" : "x-kubernetes-map-type");
    // Upstream shows the items' list type, whichever of the two is wrong.
    const shown = items?.["x-kubernetes-list-type"] ?? null;
    errors.push(
      field.invalid(what, shown, "must be atomic as item of a list with x-kubernetes-list-type=set"),
    );
  }
  if (listType !== undefined && !listTypes.includes(listType))
    errors.push({
      ...field.notSupported(typePath, listType, listTypes),
      message: `Unsupported value: ${JSON.stringify(listType)}: supported values: ${listTypes.map((type) => JSON.stringify(type)).join(", ")}`,
    });
  const keysMessage = "must be map if x-kubernetes-list-map-keys is non-empty";
  if (keys.length > 0 && listType === undefined) errors.push(field.required(typePath, keysMessage));
  else if (keys.length > 0 && listType !== "map") errors.push(field.invalid(typePath, listType, keysMessage));
  return listType === "map" ? [...errors, ...mapErrors(path, schema, keys)] : errors;
}

/** Absent: nothing was said. */
export function mustBe(path: string, type: string | undefined, wanted: string, why: string): Errors {
  const at = field.child(path, "type");
  const text = `must be ${wanted} if ${why}`;
  return [type ? field.invalid(at, type, text) : field.required(at, text)];
}

/** A set's items are compared whole, so they must not be merged. */
export function hasMergedItems(schema: JSONSchemaProps): boolean {
  const items = itemSchema(schema);
  if (schema["x-kubernetes-list-type"] !== "set" || items === undefined) return false;
  if (items.type === "array") return (items["x-kubernetes-list-type"] ?? "atomic") !== "atomic";
  return items.type === "object" && items["x-kubernetes-map-type"] !== "atomic";
}

/** A list that is a map: its keys are scalar properties of its items. */
function mapErrors(path: string, schema: JSONSchemaProps, keys: readonly string[]): Errors {
  const errors: FieldError[] = [];
  const keysPath = field.child(path, "x-kubernetes-list-map-keys");
  const itemsPath = field.child(path, "items");
  const items = itemSchema(schema);
  if (keys.length === 0)
    errors.push(field.required(keysPath, "must not be empty if x-kubernetes-list-type is map"));
  if (schema.items === undefined)
    errors.push(field.required(itemsPath, "must have a schema if x-kubernetes-list-type is map"));
  else if (items === undefined)
    errors.push(
      field.invalid(
        itemsPath,
        schema.items,
        "must only have a single schema if x-kubernetes-list-type is map",
      ),
    );
  if (items === undefined) return errors;
  if (items.type !== "object") {
    const text = "must be object if parent array's x-kubernetes-list-type is map";
    return [...errors, field.invalid(field.child(itemsPath, "type"), items.type ?? "", text)];
  }
  for (const [index, key] of keys.entries()) {
    const property = items.properties?.[key];
    if (property === undefined)
      errors.push(field.invalid(keysPath, keys, "entries must all be names of item properties"));
    else if (property.type === "array" || property.type === "object")
      errors.push(
        field.invalid(
          field.child(field.at(field.child(itemsPath, "properties"), key), "type"),
          items.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (keys.indexOf(key) < index)
      errors.push(field.invalid(keysPath, keys, "must not contain duplicate entries"));
  }
  return errors;
}

/** What sets and maps find their items by is always there. */
export function listKeyErrors(path: string, schema: JSONSchemaProps): Errors {
  const listType = schema["x-kubernetes-list-type"];
  const items = itemSchema(schema);
  if (items === undefined || (listType !== "set" && listType !== "map")) return [];
  const errors: FieldError[] = [];
  const itemsPath = field.child(path, "items");
  if (items.nullable === true)
    errors.push(
      field.forbidden(
        field.child(itemsPath, "nullable"),
        `cannot be nullable when x-kubernetes-list-type is ${listType}`,
      ),
    );
  if (listType !== "map") return errors;
  for (const key of schema["x-kubernetes-list-map-keys"] ?? []) {
    const property = items.properties?.[key];
    if (property === undefined) continue;
    const at = field.at(field.child(itemsPath, "properties"), key);
    const isKey = "this property is in x-kubernetes-list-map-keys, so it";
    if (items.required?.includes(key) !== true && property.default === undefined)
      errors.push(
        field.required(field.child(at, "default"), `${isKey} must have a default or be a required property`),
      );
    if (property.nullable === true)
      errors.push(field.forbidden(field.child(at, "nullable"), `${isKey} cannot be nullable`));
  }
  return errors;
}
