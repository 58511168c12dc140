import type { Field, Model, Shape } from "../../apimachinery/schema/tables.ts";

/** How values are merged and owned: structured-merge-diff's schema, read off the schema tables. */
export type MergeType =
  /** One value, whatever is inside. */
  | { readonly kind: "leaf" }
  /** Fields of a struct, each with a type of its own. */
  | { readonly kind: "struct"; readonly field: (name: string) => MergeType | undefined }
  /** Any keys, values of one type. */
  | { readonly kind: "map"; readonly value: MergeType }
  /** Items told apart by their keys. */
  | {
      readonly kind: "list";
      readonly item: MergeType;
      readonly keys: readonly ListKey[];
    }
  /** Scalars, each at most once. */
  | { readonly kind: "set" }
  /** Without a schema: maps are merged, lists are one value. */
  | { readonly kind: "deduced" };

interface ListKey {
  readonly name: string;
  /** What an item without this key has. */
  readonly defaultValue: unknown;
}

const leafType: MergeType = { kind: "leaf" };
const setType: MergeType = { kind: "set" };
export const deducedType: MergeType = { kind: "deduced" };

const ofModel = new WeakMap<Model, MergeType>();

/** The type of a kind's objects; without a model it is deduced from the values. */
export function mergeTypeOf(model: Model | undefined): MergeType {
  if (model === undefined) return deducedType;
  if (model.atomic) return leafType;
  let type = ofModel.get(model);
  if (type === undefined) {
    const fields = new Map<string, MergeType>();
    type = {
      kind: "struct",
      field(name) {
        const known = fields.get(name);
        if (known !== undefined) return known;
        const field = model.field(name);
        if (field === undefined) return undefined;
        const fieldType = typeOfField(field);
        fields.set(name, fieldType);
        return fieldType;
      },
    };
    ofModel.set(model, type);
  }
  return type;
}

function typeOfField(field: Field): MergeType {
  if (field.mapType === "atomic") return leafType;
  const { shape } = field;
  if (shape.kind === "list") {
    if (field.listType === "set") return setType;
    if (field.listType !== "map" || field.listMapKeys.length === 0) return leafType;
    const itemModel = shape.item.kind === "model" ? shape.item.model : undefined;
    return {
      kind: "list",
      item: typeOfShape(shape.item),
      keys: field.listMapKeys.map((name) => ({ name, defaultValue: itemModel?.field(name)?.defaultValue })),
    };
  }
  return typeOfShape(shape);
}

function typeOfShape(shape: Shape): MergeType {
  switch (shape.kind) {
    case "model":
      return mergeTypeOf(shape.model);
    case "map":
      return { kind: "map", value: typeOfShape(shape.value) };
    default:
      return leafType;
  }
}
