import { isObject, itemsOf, type JsonObject, type JsonSchema, propertyOf, valuesOf } from "./json-schema.ts";

/**
 * Fills in the schema's defaults, and puts them for nulls that are not allowed; such a null without a default is
 * dropped. The argument itself where nothing changes.
 */
export function applyDefaults<T>(value: T, schema: JsonSchema | undefined): T {
  if (schema === undefined || !hasEffect(schema)) return value;
  return defaulted(value, schema) as T; // its shape is kept
}

function defaulted(value: unknown, schema: JsonSchema | undefined): unknown {
  if (schema === undefined || !hasEffect(schema)) return value;
  if (Array.isArray(value)) return defaultItems(value, itemsOf(schema));
  return isObject(value) ? defaultMembers(value, schema) : value;
}

function defaultItems(list: readonly unknown[], items: JsonSchema | undefined): readonly unknown[] {
  if (items === undefined) return list;
  const result = list.map((item) => {
    const filled = item === null && items.nullable !== true ? (items.default ?? null) : item;
    return defaulted(filled, items);
  });
  return result.every((item, index) => item === list[index]) ? list : result;
}

function defaultMembers(object: JsonObject, schema: JsonSchema): JsonObject {
  let result: Record<string, unknown> | undefined;
  const set = (name: string, value: unknown) => {
    result ??= { ...object };
    result[name] = value;
  };
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (Object.hasOwn(object, name)) continue;
    if (property.default !== undefined && property.default !== null)
      set(name, defaulted(property.default, property));
  }
  const values = valuesOf(schema);
  for (const [name, member] of Object.entries(object)) {
    const memberSchema = propertyOf(schema, name) ?? values;
    if (memberSchema === undefined) continue;
    if (member === null && memberSchema.nullable !== true) {
      if (memberSchema.default === undefined || memberSchema.default === null) {
        result ??= { ...object };
        delete result[name];
      } else set(name, defaulted(memberSchema.default, memberSchema));
      continue;
    }
    const filled = defaulted(member, memberSchema);
    if (filled !== member) set(name, filled);
  }
  return result ?? object;
}

const effects = new WeakMap<JsonSchema, boolean>();

/** Whether a schema can change anything: most have no defaults, and nulls are rare, but each must be looked for. */
function hasEffect(schema: JsonSchema): boolean {
  const known = effects.get(schema);
  if (known !== undefined) return known;
  const effect =
    schema.properties !== undefined || schema.items !== undefined || valuesOf(schema) !== undefined;
  effects.set(schema, effect);
  return effect;
}
