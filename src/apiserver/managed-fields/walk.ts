import { keyElement, valueElement } from "./field-set.ts";
import { deducedType, type MergeType } from "./merge-type.ts";

export type JsonMap = Readonly<Record<string, unknown>>;

/** What a value is under its type: entries that can be owned one by one, or one whole. */
export type Contents =
  | { readonly kind: "leaf" }
  | {
      readonly kind: "map";
      readonly map: JsonMap;
      readonly isStruct: boolean;
      readonly typeOf: (name: string) => MergeType;
    }
  | {
      readonly kind: "list";
      readonly items: readonly unknown[];
      readonly item: MergeType;
      readonly elementOf: (item: unknown) => string;
    };

const leafContents: Contents = { kind: "leaf" };
const leafType: MergeType = { kind: "leaf" };

/** Null and absent are taken as an empty value of the type. */
export function contentsOf(type: MergeType, value: unknown): Contents {
  switch (type.kind) {
    case "leaf":
      return leafContents;
    case "struct":
      if (!isAbsent(value) && !isMap(value)) return leafContents;
      return {
        kind: "map",
        map: isMap(value) ? value : {},
        isStruct: true,
        typeOf: (name) => type.field(name) ?? deducedType,
      };
    case "map":
      if (!isAbsent(value) && !isMap(value)) return leafContents;
      return { kind: "map", map: isMap(value) ? value : {}, isStruct: false, typeOf: () => type.value };
    case "deduced":
      if (!isMap(value)) return leafContents;
      return { kind: "map", map: value, isStruct: false, typeOf: () => deducedType };
    case "set":
      if (!isAbsent(value) && !Array.isArray(value)) return leafContents;
      return { kind: "list", items: listOf(value), item: leafType, elementOf: valueElement };
    case "list":
      if (!isAbsent(value) && !Array.isArray(value)) return leafContents;
      return {
        kind: "list",
        items: listOf(value),
        item: type.item,
        elementOf: (item) => itemElement(type.keys, item),
      };
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function itemElement(
  keys: readonly { readonly name: string; readonly defaultValue: unknown }[],
  item: unknown,
): string {
  const fields = isMap(item) ? item : {};
  return keyElement(
    keys.map(({ name, defaultValue }) => [name, fields[name] ?? defaultValue ?? ""] as const),
  );
}

function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

export function isEmpty(contents: Contents): boolean {
  if (contents.kind === "map") {
    for (const _name in contents.map) return false;
    return true;
  }
  return contents.kind === "list" && contents.items.length === 0;
}

/** The items by their elements. Throws for repeated ones where each may occur once. */
export function indexItems(
  contents: Contents & { readonly kind: "list" },
  options: { readonly refuseDuplicates: boolean },
): Map<string, unknown> {
  const byElement = new Map<string, unknown>();
  for (const item of contents.items) {
    const element = contents.elementOf(item);
    if (!byElement.has(element)) byElement.set(element, item);
    else if (options.refuseDuplicates) throw new DuplicateItemError(element);
  }
  return byElement;
}

/** An applied list names one item twice. */
export class DuplicateItemError extends Error {
  constructor(element: string) {
    super(`duplicate entries for key [${element.slice(2)}]`);
    this.name = "DuplicateItemError";
  }
}
