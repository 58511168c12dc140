import { jsonEqual } from "../patch/json-value.ts";
import { asMember, type FieldSet, leaf, type MaybeSet, makeNode } from "./field-set.ts";
import { type Form, formOf, indexItems, isEmptyForm, itemsOf, mapOf } from "./form.ts";
import { childType, type ListType, type MergeType, untypedType } from "./merge-type.ts";
import { fieldElement } from "./path-element.ts";

/** Which paths differ between two values. */
export interface Comparison {
  readonly added: MaybeSet;
  readonly removed: MaybeSet;
  readonly modified: MaybeSet;
}

const sameValue: Comparison = { added: undefined, removed: undefined, modified: undefined };
const modifiedLeaf: Comparison = { ...sameValue, modified: leaf };

/** `before` or `after` may be absent, not both. Values that are the same object are not looked into. */
export function compare(type: MergeType, before: unknown, after: unknown): Comparison {
  if (before === after) return sameValue;
  if (before === undefined) return { ...sameValue, added: wholeSet(type, after) };
  if (after === undefined) return { ...sameValue, removed: wholeSet(type, before) };
  const left = formOf(type, before);
  const right = formOf(type, after);
  if (left.kind !== right.kind) return compareForms(type, { before, left, after, right });
  if (left.kind === "leaf" || (isEmptyForm(before) && isEmptyForm(after)))
    return jsonEqual(before, after) ? sameValue : modifiedLeaf;
  return left.kind === "map"
    ? compareMaps(type, before, after)
    : compareLists(left.type, itemsOf(before), itemsOf(after));
}

/** A map that became something else, or the other way round: only where the type is deduced. */
function compareForms(
  type: MergeType,
  { before, left, after, right }: { before: unknown; left: Form; after: unknown; right: Form },
): Comparison {
  return {
    added: right.kind === "map" ? makeNode(false, mapSets(type, after)) : undefined,
    removed: left.kind === "map" ? makeNode(false, mapSets(type, before)) : undefined,
    modified: leaf,
  };
}

/** The paths of a value where there was none: its own and all below. */
function wholeSet(type: MergeType, value: unknown): FieldSet {
  const form = formOf(type, value);
  if (form.kind === "leaf" || isEmptyForm(value)) return leaf;
  if (form.kind === "map") return { ".": leaf, ...mapSets(type, value) };
  const set: Record<string, FieldSet> = { ".": leaf };
  for (const [element, items] of indexItems(form.type, itemsOf(value)))
    set[element] = items.length === 1 ? wholeSet(form.type.item, items[0]) : leaf;
  return set;
}

function mapSets(type: MergeType, value: unknown): Record<string, FieldSet> {
  const sets: Record<string, FieldSet> = {};
  const map = mapOf(value);
  for (const name of Object.keys(map))
    sets[fieldElement(name)] = wholeSet(childType(type, name) ?? untypedType, map[name]);
  return sets;
}

function compareMaps(type: MergeType, before: unknown, after: unknown): Comparison {
  const left = mapOf(before);
  const right = mapOf(after);
  const parts = new Parts();
  const compareField = (name: string) => {
    const was = Object.hasOwn(left, name) ? left[name] : undefined;
    const is = Object.hasOwn(right, name) ? right[name] : undefined;
    if (was !== is) parts.add(fieldElement(name), compare(childType(type, name) ?? untypedType, was, is));
  };
  for (const name of Object.keys(left)) compareField(name);
  for (const name of Object.keys(right)) if (!Object.hasOwn(left, name)) compareField(name);
  return parts.comparison();
}

function compareLists(type: ListType, left: readonly unknown[], right: readonly unknown[]): Comparison {
  const before = indexItems(type, left);
  const after = indexItems(type, right);
  const parts = new Parts();
  for (const [element, items] of before)
    parts.add(element, compareItems(type.item, items, after.get(element) ?? []));
  for (const [element, items] of after)
    if (!before.has(element)) parts.add(element, compareItems(type.item, [], items));
  return parts.comparison();
}

/** Items of one element: one of each as a rule; repeated ones are looked at together. */
function compareItems(type: MergeType, before: readonly unknown[], after: readonly unknown[]): Comparison {
  if (before.length < 2 && after.length < 2) return compare(type, before[0], after[0]);
  if (before.length > 1 && after.length > 1) return jsonEqual(before, after) ? sameValue : modifiedLeaf;
  if (before.length > 1) {
    const one = after.length === 0 ? sameValue : compare(type, undefined, after[0]);
    return { ...one, removed: asMember(one.removed) };
  }
  const one = before.length === 0 ? sameValue : compare(type, before[0], undefined);
  return { ...one, added: asMember(one.added) };
}

/** Gathers what differs below a path. */
class Parts {
  #added: Record<string, FieldSet> | undefined;
  #removed: Record<string, FieldSet> | undefined;
  #modified: Record<string, FieldSet> | undefined;

  add(element: string, { added, removed, modified }: Comparison): void {
    if (added !== undefined) {
      this.#added ??= {};
      this.#added[element] = added;
    }
    if (removed !== undefined) {
      this.#removed ??= {};
      this.#removed[element] = removed;
    }
    if (modified !== undefined) {
      this.#modified ??= {};
      this.#modified[element] = modified;
    }
  }

  comparison(): Comparison {
    return { added: this.#added, removed: this.#removed, modified: this.#modified };
  }
}
