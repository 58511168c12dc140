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
  const resource: Readonly<Record<string, MergeType>> = {
    apiVersion: stringType,
    kind: stringType,
    metadata: mergeTypeOf(objectMeta),
  };
  const open = schema["x-kubernetes-preserve-unknown-fields"] === true;
  return typeOf({ ...schema, "x-kubernetes-embedded-resource": true }, { open, resource });
}

interface Around {
  /** A schema above said that unknown fields stay. */
  readonly open: boolean;
  /** The fields that every resource has, those inside of others too. */
  readonly resource: Readonly<Record<string, MergeType>>;
}

function ownValue<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function typeOf(schema: JsonSchema, around: Around): MergeType {
  if (schema["x-kubernetes-int-or-string"] === true) return untypedScalar;
  const within = schema["x-kubernetes-preserve-unknown-fields"] === true ? { ...around, open: true } : around;
  switch (schema.type) {
    case "object":
      return mapOf(schema, within);
    case "array":
      return listOf(schema, within);
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

function mapOf(schema: JsonSchema, around: Around): MergeType {
  const { properties = {}, additionalProperties } = schema;
  const types = new Map(Object.entries(properties).map(([name, member]) => [name, typeOf(member, around)]));
  const isFree = types.size === 0;
  if (schema["x-kubernetes-embedded-resource"] === true)
    for (const [name, type] of Object.entries(around.resource)) types.set(name, type);
  return {
    kind: "map",
    atomic: schema["x-kubernetes-map-type"] === "atomic",
    field: (name) => types.get(name),
    value: valueType(additionalProperties, around, isFree),
  };
}

function valueType(
  additional: JsonSchema["additionalProperties"],
  around: Around,
  isFree: boolean,
): MergeType | undefined {
  if (typeof additional === "object") return typeOf(additional, around);
  if (additional === true) return deducedType;
  if (additional === false) return undefined;
  return around.open || isFree ? deducedType : undefined;
}

function listOf(schema: JsonSchema, around: Around): ListType {
  const items = itemsOf(schema);
  const item = items === undefined ? untypedType : typeOf(items, around);
  const type = schema["x-kubernetes-list-type"];
  const names = schema["x-kubernetes-list-map-keys"] ?? [];
  if (type === "map" && names.length > 0) {
    const properties = items?.properties ?? {};
    const keys = names.map((name) => ({ name, defaultValue: ownValue(properties, name)?.default }));
    return { kind: "list", relation: "map", item, keys };
  }
  return { kind: "list", relation: type === "set" ? "set" : "atomic", item, keys: [] };
}
