import { asMember, type FieldSet, isLeaf, leaf, type MaybeSet, makeNode } from "./field-set.ts";
import { formOf, indexItems, isEmptyForm, isMap, itemsOf, mapOf } from "./form.ts";
import { childType, type MergeType, untypedType } from "./merge-type.ts";
import { fieldElement } from "./path-element.ts";

/** The paths a configuration claims by naming them: its scalars, its items, the keys of its maps; not the structs around. */
export function configuredSet(type: MergeType, value: unknown): MaybeSet {
  const form = formOf(type, value);
  if (form.kind === "leaf") return leaf;
  const children: Record<string, FieldSet> = {};
  if (form.kind === "list") {
    for (const [element, items] of indexItems(form.type, itemsOf(value)))
      children[element] = items.length === 1 ? asMember(configuredSet(form.type.item, items[0])) : leaf;
    return makeNode(false, children);
  }
  const isDeclared = (name: string) => type.kind === "map" && type.field(name) !== undefined;
  for (const [name, child] of Object.entries(mapOf(value))) {
    const set = configuredSet(childType(type, name) ?? untypedType, child);
    const isWhole = child === null || (isMap(child) && isEmptyForm(child));
    const owned = isWhole || !isDeclared(name) ? asMember(set) : set;
    if (owned !== undefined) children[fieldElement(name)] = owned;
  }
  return makeNode(false, children);
}

/** The set with every declared field above one of its paths added: structs that exist because of what is in them. */
export function withDeclaredFields(type: MergeType, set: MaybeSet): MaybeSet {
  if (set === undefined || set === leaf) return set;
  const children: Record<string, FieldSet> = {};
  let member = false;
  for (const [element, child] of Object.entries(set)) {
    if (element === ".") {
      member = true;
      continue;
    }
    const name = element.startsWith("f:") ? element.slice(2) : undefined;
    const below = withDeclaredFields(typeBelow(type, name), child) ?? leaf;
    const isDeclared = name !== undefined && type.kind === "map" && type.field(name) !== undefined;
    children[element] = isDeclared ? asMember(below) : below;
  }
  return makeNode(member, children);
}

function typeBelow(type: MergeType, name: string | undefined): MergeType {
  if (name !== undefined) return childType(type, name) ?? untypedType;
  return type.kind === "list" ? type.item : untypedType;
}

/**
 * The set as the schema has it now: what became atomic since is owned as one, with none of its parts. The set itself where
 * nothing changed.
 */
export function reconciledWithType(type: MergeType, set: MaybeSet): MaybeSet {
  if (set === undefined || isLeaf(set)) return set;
  if (type.kind === "map" ? type.atomic : type.kind === "list" && type.relation === "atomic") return leaf;
  if (type.kind !== "map" && type.kind !== "list") return set;
  const children: Record<string, FieldSet> = {};
  let changed = false;
  for (const [element, child] of Object.entries(set)) {
    if (element === ".") {
      children[element] = child;
      continue;
    }
    const name = element.startsWith("f:") ? element.slice(2) : undefined;
    const after = reconciledWithType(typeBelow(type, name), child) ?? leaf;
    if (after !== child) changed = true;
    children[element] = after;
  }
  return changed ? children : set;
}
