import { isObject, itemsOf, type JsonObject, type JsonSchema, propertyOf, valuesOf } from "./json-schema.ts";

export interface Pruned<T> {
  /** The argument itself where nothing was dropped. */
  readonly value: T;
  /** Paths such as `spec.list[0].field`, sorted. */
  readonly unknownFields: readonly string[];
}

const metaFields: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);

/** Drops what the schema of a whole object does not specify (upstream's pruning). */
export function pruneObject(object: JsonObject, schema: JsonSchema | undefined): Pruned<JsonObject> {
  const unknown: string[] = [];
  const root: JsonSchema = { ...schema, "x-kubernetes-embedded-resource": true };
  const value = prune(object, root, "", unknown) as JsonObject; // an object stays one
  return { value, unknownFields: unknown.sort() };
}

function prune(value: unknown, schema: JsonSchema | undefined, path: string, unknown: string[]): unknown {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items === undefined && preserves(schema)) return value;
    // A list that preserves what its items do not specify.
    const each = preserves(schema) ? { ...items, "x-kubernetes-preserve-unknown-fields": true } : items;
    const pruned = value.map((item, index) => prune(item, each, `${path}[${index}]`, unknown));
    return pruned.every((item, index) => item === value[index]) ? value : pruned;
  }
  return isObject(value) ? pruneMembers(value, schema, path, unknown) : value;
}

function pruneMembers(
  value: JsonObject,
  schema: JsonSchema | undefined,
  path: string,
  unknown: string[],
): JsonObject {
  let changed = false;
  const kept: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (schema?.["x-kubernetes-embedded-resource"] === true && metaFields.has(name)) {
      kept[name] = member;
      continue;
    }
    const memberPath = path === "" ? name : `${path}.${name}`;
    const specified = propertyOf(schema, name);
    const isSpecified = specified !== undefined || valuesOf(schema) !== undefined;
    if (isSpecified) {
      const pruned = prune(member, specified ?? valuesOf(schema), memberPath, unknown);
      if (pruned !== member) changed = true;
      kept[name] = pruned;
    } else if (preserves(schema)) {
      kept[name] = member;
    } else {
      changed = true;
      unknown.push(memberPath);
    }
  }
  return changed ? kept : value;
}

function preserves(schema: JsonSchema | undefined): boolean {
  return schema?.["x-kubernetes-preserve-unknown-fields"] === true;
}
