import type { Model } from "../schema/tables.ts";
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

/** The part of a structural schema (apiextensions v1 JSONSchemaProps) that says how values are merged. */
export interface StructuralSchema {
  readonly type?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: StructuralSchema | boolean;
  readonly items?: StructuralSchema;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: string;
}

/** The type of a custom resource's objects: metadata is every kind's (`objectMeta`), the rest is as its schema says. */
export function mergeTypeOfCustomKind(schema: StructuralSchema | undefined, objectMeta: Model): MergeType {
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
function typeOf(schema: StructuralSchema, open: boolean): MergeType {
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

function mapOf(schema: StructuralSchema, open: boolean): MergeType {
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
  additional: StructuralSchema["additionalProperties"],
  { open, isFree }: { readonly open: boolean; readonly isFree: boolean },
): MergeType | undefined {
  if (typeof additional === "object") return typeOf(additional, open);
  if (additional === true) return deducedType;
  if (additional === false) return undefined;
  return open || isFree ? deducedType : undefined;
}

function listOf(schema: StructuralSchema, open: boolean): ListType {
  const item = schema.items === undefined ? untypedType : typeOf(schema.items, open);
  const type = schema["x-kubernetes-list-type"];
  const names = schema["x-kubernetes-list-map-keys"] ?? [];
  if (type === "map" && names.length > 0) {
    const properties = schema.items?.properties ?? {};
    const keys = names.map((name) => ({ name, defaultValue: ownValue(properties, name)?.default }));
    return { kind: "list", relation: "map", item, keys };
  }
  return { kind: "list", relation: type === "set" ? "set" : "atomic", item, keys: [] };
}
