import type { Model } from "../schema/tables.ts";
import { itemsOf, type JsonSchema } from "../structural-schema/json-schema.ts";
import type { ListType, MergeType } from "./merge-type.ts";
import {
  booleanType,
  deducedType,
  mergeTypeOf,
  numericType,
  stringType,
  untypedScalar,
  untypedType,
} from "./merge-type.ts";

/** The type of a custom resource's objects: metadata is every kind's (`objectMeta`), the rest is as its schema says. */
export function mergeTypeOfCustomKind(schema: JsonSchema | undefined, objectMeta: Model): MergeType {
  if (schema === undefined) return deducedType;
  const type = typeOf(schema, schema["x-kubernetes-preserve-unknown-fields"] === true);
  if (type.kind !== "map") return type;
  const fields: Readonly<Record<string, MergeType>> = {
    apiVersion: stringType,
    kind: stringType,
    metadata: mergeTypeOf(objectMeta),
  };
  return { ...type, field: (name) => ownValue(fields, name) ?? type.field(name) };
}

function ownValue<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** `open`: a schema above said that unknown fields stay. */
function typeOf(schema: JsonSchema, open: boolean): MergeType {
  if (schema["x-kubernetes-int-or-string"] === true) return untypedScalar;
  const isOpen = open || schema["x-kubernetes-preserve-unknown-fields"] === true;
  switch (schema.type) {
    case "object":
      return mapOf(schema, isOpen);
    case "array":
      return listOf(schema, isOpen);
    case "integer":
    case "number":
      return numericType;
    case "boolean":
      return booleanType;
    case "string":
      return (schema.format ?? "") === "" || schema.format === "byte" ? stringType : untypedScalar;
    default:
      return deducedType;
  }
}

function mapOf(schema: JsonSchema, open: boolean): MergeType {
  const { properties = {}, additionalProperties } = schema;
  const types = new Map(Object.entries(properties).map(([name, member]) => [name, typeOf(member, open)]));
  return {
    kind: "map",
    atomic: schema["x-kubernetes-map-type"] === "atomic",
    field: (name) => types.get(name),
    value: valueType(additionalProperties, { open, isFree: types.size === 0 }),
  };
}

function valueType(
  additional: JsonSchema["additionalProperties"],
  { open, isFree }: { readonly open: boolean; readonly isFree: boolean },
): MergeType | undefined {
  if (typeof additional === "object") return typeOf(additional, open);
  if (additional === true) return deducedType;
  if (additional === false) return undefined;
  return open || isFree ? deducedType : undefined;
}

function listOf(schema: JsonSchema, open: boolean): ListType {
  const items = itemsOf(schema);
  const item = items === undefined ? untypedType : typeOf(items, open);
  const type = schema["x-kubernetes-list-type"];
  const names = schema["x-kubernetes-list-map-keys"] ?? [];
  if (type === "map" && names.length > 0) {
    const properties = items?.properties ?? {};
    const keys = names.map((name) => ({ name, defaultValue: ownValue(properties, name)?.default }));
    return { kind: "list", relation: "map", item, keys };
  }
  return { kind: "list", relation: type === "set" ? "set" : "atomic", item, keys: [] };
}
