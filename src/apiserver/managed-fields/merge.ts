import { type FieldSet, fieldElement, isMember, leaf, type MaybeSet, makeNode } from "./field-set.ts";
import type { MergeType } from "./merge-type.ts";
import { type Contents, contentsOf, indexItems, isAbsent, isEmpty } from "./walk.ts";

/** The paths an applied configuration claims. Throws DuplicateItemError. */
export function fieldSetOf(type: MergeType, value: unknown): MaybeSet {
  const contents = contentsOf(type, value);
  if (contents.kind === "leaf") return leaf;
  const children: Record<string, FieldSet> = {};
  if (contents.kind === "list") {
    for (const [element, item] of indexItems(contents, { refuseDuplicates: true }))
      children[element] = asMember(fieldSetOf(contents.item, item));
    return makeNode(false, children);
  }
  for (const name in contents.map) {
    const child = contents.map[name];
    const set = fieldSetOf(contents.typeOf(name), child);
    // Keys of a map are owned themselves; a field of a struct only by what is in it.
    const owned = isWhole(child) || !contents.isStruct ? asMember(set) : set;
    if (owned !== undefined) children[fieldElement(name)] = owned;
  }
  return makeNode(false, children);
}

function isWhole(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object" || Array.isArray(value)) return false;
  for (const _name in value) return false;
  return true;
}

function asMember(set: MaybeSet): FieldSet {
  if (set === undefined || isMember(set)) return set ?? leaf;
  return { ".": leaf, ...set };
}

/** The live value with an applied configuration laid over it. Throws DuplicateItemError for the configuration's lists. */
export function merge(type: MergeType, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  if (isAbsent(live) || live === applied) return applied;
  const left = contentsOf(type, live);
  const right = contentsOf(type, applied);
  if (right.kind === "map" && left.kind === "map") {
    if (isEmpty(left) && isEmpty(right)) return applied;
    const merged: Record<string, unknown> = { ...left.map };
    for (const name in right.map) merged[name] = merge(right.typeOf(name), left.map[name], right.map[name]);
    return merged;
  }
  if (right.kind === "list" && left.kind === "list") return mergeLists(left, right);
  return applied;
}

type ListContents = Contents & { readonly kind: "list" };

/** Items stay where they are in the live list; those that both have take the order of the configuration among themselves. */
function mergeLists(live: ListContents, applied: ListContents): readonly unknown[] {
  const appliedItems = indexItems(applied, { refuseDuplicates: true });
  const liveItems = indexItems(live, { refuseDuplicates: false });
  const appliedOrder = [...appliedItems.keys()];
  const shared = appliedOrder.filter((element) => liveItems.has(element));
  const merged: unknown[] = [];
  const take = (element: string) =>
    merged.push(merge(applied.item, liveItems.get(element), appliedItems.get(element)));
  let next = 0;
  let nextShared = 0;
  for (const item of live.items) {
    if (!appliedItems.has(live.elementOf(item))) {
      merged.push(item);
      continue;
    }
    // A shared item's turn in the live list is the turn of the next shared one of the configuration, and of all
    // that the configuration has before it.
    const turn = shared[nextShared++];
    for (let taken: string | undefined; taken !== turn && next < appliedOrder.length; ) {
      taken = appliedOrder[next++];
      if (taken !== undefined) take(taken);
    }
  }
  for (const element of appliedOrder.slice(next)) take(element);
  return merged;
}

/**
 * What an applier gave up: paths of `last` that nobody in `owned` claims are taken out of the merged value, with all that
 * is below them.
 */
export function prune(type: MergeType, value: unknown, last: FieldSet, owned: MaybeSet): unknown {
  const contents = contentsOf(type, value);
  if (contents.kind === "leaf") return value;
  if (contents.kind === "list")
    return contents.items.filter(stays).map((item) => below(contents.item, contents.elementOf(item), item));
  const kept: Record<string, unknown> = {};
  for (const name in contents.map) {
    const element = fieldElement(name);
    if (!isGivenUp(last[element], owned?.[element], contents.isStruct))
      kept[name] = below(contents.typeOf(name), element, contents.map[name]);
  }
  return kept;

  function stays(item: unknown): boolean {
    const element = contents.kind === "list" ? contents.elementOf(item) : "";
    return !isGivenUp(last[element], owned?.[element], false);
  }
  function below(childType: MergeType, element: string, child: unknown): unknown {
    const lastChild = last[element];
    return lastChild === undefined ? child : prune(childType, child, lastChild, owned?.[element]);
  }
}

/** A struct's field is in a set when anything in it is; an item or a map's key only when it is named itself. */
function isGivenUp(last: MaybeSet, owned: MaybeSet, isStructField: boolean): boolean {
  const contains = (set: MaybeSet) => set !== undefined && (isStructField || isMember(set));
  return contains(last) && !contains(owned);
}
