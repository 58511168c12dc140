import type { ListType, MergeType } from "./merge-type.ts";
import { keyElement, valueElement } from "./path-element.ts";

export type JsonMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How a value is looked at under its type: whole, key by key, or item by item. */
export type Form =
  | { readonly kind: "leaf" }
  | { readonly kind: "map" }
  | { readonly kind: "list"; readonly type: ListType };

const leafForm: Form = { kind: "leaf" };
const mapForm: Form = { kind: "map" };

/** Null has the form of its type. A value that is not of its type is one value. */
export function formOf(type: MergeType, value: unknown): Form {
  switch (type.kind) {
    case "map":
      return type.atomic || (value !== null && !isMap(value)) ? leafForm : mapForm;
    case "list":
      if (type.relation === "atomic" || (value !== null && !Array.isArray(value))) return leafForm;
      return { kind: "list", type };
    case "deduced":
      return isMap(value) ? mapForm : leafForm;
    default:
      return leafForm;
  }
}

/** The entries of a value whose form is a map. */
export function mapOf(value: unknown): JsonMap {
  return isMap(value) ? value : {};
}

/** The items of a value whose form is a list. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function isEmptyForm(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  for (const _name in mapOf(value)) return false;
  return true;
}

/** The path element of an item of a set or a map list. */
export function itemElement(type: ListType, item: unknown): string {
  if (type.relation === "set") return valueElement(item);
  const fields = mapOf(item);
  const keys: (readonly [string, unknown])[] = [];
  for (const { name, defaultValue } of type.keys) {
    const value = Object.hasOwn(fields, name) ? fields[name] : defaultValue;
    if (value !== undefined) keys.push([name, value]);
  }
  return keyElement(keys);
}

/** The items of a list by their elements, in order; several where an element repeats. */
export function indexItems(type: ListType, items: readonly unknown[]): Map<string, unknown[]> {
  const index = new Map<string, unknown[]>();
  for (const item of items) {
    const element = itemElement(type, item);
    const known = index.get(element);
    if (known === undefined) index.set(element, [item]);
    else known.push(item);
  }
  return index;
}
