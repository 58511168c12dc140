import { isObject, itemsOf, type JsonObject, type JsonSchema, propertyOf, valuesOf } from "./json-schema.ts";

/**
 * Fills in the schema's defaults, and puts them for nulls that are not allowed; such a null without a default is
 * dropped. The argument itself where nothing changes.
 */
export function applyDefaults<T>(value: T, schema: JsonSchema | undefined): T {
  return fillIn(dropNulls(value, schema), schema);
}

/** As `applyDefaults`, with the nulls that have no default: for what was read before. */
export function fillIn<T>(value: T, schema: JsonSchema | undefined): T {
  if (schema === undefined || !hasEffect(schema)) return value;
  return defaulted(value, schema) as T; // its shape is kept
}

/** Without the nulls that are not allowed and have no default. The argument itself where there is none. */
export function dropNulls<T>(value: T, schema: JsonSchema | undefined): T {
  return withoutNulls(value, schema) as T; // its shape is kept
}

function withoutNulls(value: unknown, schema: JsonSchema | undefined): unknown {
  if (schema === undefined || !hasEffect(schema)) return value;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    const result = value.map((item) => withoutNulls(item, items));
    return result.every((item, index) => item === value[index]) ? value : result;
  }
  if (!isObject(value)) return value;
  const values = valuesOf(schema);
  let changed = false;
  const kept: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const own = propertyOf(schema, name) ?? values;
    changed ||= member === null && own !== undefined && mayDrop(own);
    if (member === null && own !== undefined && mayDrop(own)) continue;
    kept[name] = withoutNulls(member, own);
    changed ||= kept[name] !== member;
  }
  return changed ? kept : value;
}

const mayDrop = (schema: JsonSchema) =>
  schema.nullable !== true && (schema.default === undefined || schema.default === null);

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
      if (!mayDrop(memberSchema)) set(name, defaulted(memberSchema.default, memberSchema));
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
