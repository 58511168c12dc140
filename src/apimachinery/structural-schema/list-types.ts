import type { FieldError } from "../api-error.ts";
import * as field from "../validation.ts";
import { isObject, itemsOf, type JsonSchema, propertyOf, valuesOf } from "./json-schema.ts";

/** What lists that are sets or maps hold must be unique. */
export function validateListTypes(
  value: unknown,
  schema: JsonSchema | undefined,
  path = "",
): readonly FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) return validateList(value, schema, path);
  if (!isObject(value)) return [];
  const values = valuesOf(schema);
  if (schema.properties === undefined && values === undefined) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const property = propertyOf(schema, name);
    if (property !== undefined) return validateListTypes(member, property, field.child(path, name));
    return values === undefined ? [] : validateListTypes(member, values, field.at(path, name));
  });
}

function validateList(list: readonly unknown[], schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const listType = schema["x-kubernetes-list-type"];
  if (listType === "set")
    for (const index of repeated(list)) errors.push(field.duplicate(field.at(path, index), list[index]));
  if (listType === "map")
    errors.push(...validateKeys(list, schema["x-kubernetes-list-map-keys"] ?? [], path));
  const items = itemsOf(schema);
  if (items !== undefined)
    for (const [index, item] of list.entries())
      errors.push(...validateListTypes(item, items, field.at(path, index)));
  return errors;
}

function validateKeys(
  list: readonly unknown[],
  keyFields: readonly string[],
  path: string,
): readonly FieldError[] {
  const wrong = list.findIndex((item) => item !== null && !isObject(item));
  if (wrong >= 0)
    return [
      field.invalid(field.at(path, wrong), list[wrong], "must be an object for an array of list-type map"),
    ];
  const keys = list.map((item) =>
    Object.fromEntries(
      keyFields
        .filter((name) => isObject(item) && Object.hasOwn(item, name))
        .map((name) => [name, isObject(item) ? item[name] : undefined]),
    ),
  );
  return repeated(keys).map((index) => field.duplicate(field.at(path, index), keys[index]));
}

/** Where a value comes for the second time; further ones are not named. */
function repeated(values: readonly unknown[]): readonly number[] {
  const counts = new Map<string, number>();
  return values.flatMap((value, index) => {
    const key = JSON.stringify(value, sortedKeys);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count === 2 ? [index] : [];
  });
}

/** For `JSON.stringify`: objects' keys in order. */
export function sortedKeys(_: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
