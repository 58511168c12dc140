import { publishedDefault } from "../schema/published-default.ts";
import type { Field, Model, Shape } from "../schema/tables.ts";

/** How values are merged and owned: structured-merge-diff's schema, read off the schema tables. */
export type MergeType =
  | { readonly kind: "scalar"; readonly scalar: "string" | "numeric" | "boolean" | "untyped" }
  /** Declared fields with a type each, and other keys with one type; `atomic`: one value, whatever is inside. */
  | MapType
  | ListType
  /** Anything, as one value. */
  | { readonly kind: "untyped" }
  /** Without a schema: maps are merged key by key, anything else is one value. */
  | { readonly kind: "deduced" };

export interface MapType {
  readonly kind: "map";
  readonly atomic: boolean;
  /** The type of a declared field. */
  readonly field: (name: string) => MergeType | undefined;
  /** The type of keys that are not declared; undefined: there are none. */
  readonly value: MergeType | undefined;
}

export interface ListType {
  readonly kind: "list";
  readonly relation: "atomic" | "set" | "map";
  readonly item: MergeType;
  /** Of a map: what tells items apart. */
  readonly keys: readonly ListKey[];
}

export interface ListKey {
  readonly name: string;
  /** What an item without this key has; undefined: the key is left out. */
  readonly defaultValue: unknown;
}

export const deducedType: MergeType = { kind: "deduced" };
export const untypedType: MergeType = { kind: "untyped" };
export const stringType: MergeType = { kind: "scalar", scalar: "string" };
export const numericType: MergeType = { kind: "scalar", scalar: "numeric" };
export const booleanType: MergeType = { kind: "scalar", scalar: "boolean" };
export const untypedScalar: MergeType = { kind: "scalar", scalar: "untyped" };

/** The type of the value under a key; undefined: nobody declared it. */
export function childType(type: MergeType, name: string): MergeType | undefined {
  if (type.kind === "map") return type.field(name) ?? type.value;
  return type.kind === "deduced" ? deducedType : untypedType;
}

const ofModel = new WeakMap<Model, MapType>();

/** The type of a kind's objects; without a model it is deduced from the values. */
export function mergeTypeOf(model: Model | undefined): MergeType {
  if (model === undefined) return deducedType;
  let type = ofModel.get(model);
  if (type === undefined) {
    type = typeOfModel(model);
    ofModel.set(model, type);
  }
  return type;
}

function typeOfModel(model: Model): MapType {
  const fields = new Map<string, MergeType>();
  return {
    kind: "map",
    atomic: model.atomic,
    field(name) {
      let type = fields.get(name);
      if (type !== undefined) return type;
      const field = model.field(name);
      if (field === undefined) return undefined;
      type = typeOfField(field);
      fields.set(name, type);
      return type;
    },
    value: model.fields.length === 0 ? deducedType : undefined,
  };
}

function typeOfField(field: Field): MergeType {
  const { shape } = field;
  if (shape.kind === "list") return typeOfList(field, shape.item);
  const type = typeOfShape(shape);
  if (type.kind !== "map" || field.mapType === undefined) return type;
  return { ...type, atomic: field.mapType === "atomic" };
}

function typeOfList(field: Field, item: Shape): ListType {
  const type = typeOfShape(item);
  const keyed = (names: readonly string[]): ListType => ({
    kind: "list",
    relation: "map",
    item: type,
    keys: names.map((name) => ({ name, defaultValue: defaultOf(item, name) })),
  });
  if (field.listType === "map") return keyed(field.listMapKeys);
  // What says nothing of server-side apply is merged as strategic merge patches do.
  if (field.listType === undefined && field.patchMerge) {
    if (field.patchMergeKey !== undefined) return keyed([field.patchMergeKey]);
    return { kind: "list", relation: "set", item: type, keys: [] };
  }
  return { kind: "list", relation: field.listType === "set" ? "set" : "atomic", item: type, keys: [] };
}

function defaultOf(item: Shape, name: string): unknown {
  const field = item.kind === "model" ? item.model.field(name) : undefined;
  return field === undefined ? undefined : publishedDefault(field);
}

function typeOfShape(shape: Shape): MergeType {
  switch (shape.kind) {
    case "model":
      return mergeTypeOf(shape.model);
    case "map":
      return { kind: "map", atomic: false, field: () => undefined, value: typeOfShape(shape.value) };
    case "list":
      return { kind: "list", relation: "atomic", item: typeOfShape(shape.item), keys: [] };
    case "string":
    case "bytes":
    case "duration":
      return stringType;
    case "bool":
      return booleanType;
    case "int32":
    case "int64":
    case "double":
      return numericType;
    case "quantity":
    case "intOrString":
    case "time":
    case "microTime":
      return untypedScalar;
    case "raw":
    case "fieldsV1":
      return untypedType;
    default:
      return deducedType;
  }
}
