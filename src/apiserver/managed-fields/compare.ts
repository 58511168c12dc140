import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import { type FieldSet, fieldElement, leaf, type MaybeSet, makeNode } from "./field-set.ts";
import type { MergeType } from "./merge-type.ts";
import { type Contents, contentsOf, indexItems, isAbsent, isEmpty } from "./walk.ts";

/** Which paths differ between two values. */
export interface Comparison {
  readonly added: MaybeSet;
  readonly removed: MaybeSet;
  readonly modified: MaybeSet;
}

const same: Comparison = { added: undefined, removed: undefined, modified: undefined };

/** `before` or `after` may be absent, not both. Values that are the same object are not looked into. */
export function compare(type: MergeType, before: unknown, after: unknown): Comparison {
  if (before === after) return same;
  const left = contentsOf(type, before);
  const right = contentsOf(type, after);
  const leftAbsent = isAbsent(before);
  const rightAbsent = isAbsent(after);
  const bothEmpty = (leftAbsent || isEmpty(left)) && (rightAbsent || isEmpty(right));
  // Under a deduced type an absent side has the form of the other.
  const form = rightAbsent ? left : right;
  if (form.kind === "leaf" || bothEmpty) return compareLeaf(before, after, leftAbsent, rightAbsent);
  if (!leftAbsent && !rightAbsent && left.kind !== right.kind)
    return { added: undefined, removed: undefined, modified: leaf };
  return form.kind === "map"
    ? compareMaps(left, right, leftAbsent, rightAbsent)
    : compareLists(left, right, leftAbsent, rightAbsent);
}

function compareLeaf(before: unknown, after: unknown, leftAbsent: boolean, rightAbsent: boolean): Comparison {
  if (leftAbsent) return rightAbsent ? same : { added: leaf, removed: undefined, modified: undefined };
  if (rightAbsent) return { added: undefined, removed: leaf, modified: undefined };
  return jsonEqual(before, after) ? same : { added: undefined, removed: undefined, modified: leaf };
}

function compareMaps(left: Contents, right: Contents, leftAbsent: boolean, rightAbsent: boolean): Comparison {
  const parts = new Parts();
  const before = left.kind === "map" ? left : undefined;
  const after = right.kind === "map" ? right : undefined;
  for (const name in before?.map) {
    const type = before.typeOf(name);
    parts.add(fieldElement(name), compare(type, before.map[name], after?.map[name]));
  }
  for (const name in after?.map)
    if (before === undefined || !Object.hasOwn(before.map, name))
      parts.add(fieldElement(name), compare(after.typeOf(name), undefined, after.map[name]));
  return parts.finish(leftAbsent, rightAbsent);
}

function compareLists(
  left: Contents,
  right: Contents,
  leftAbsent: boolean,
  rightAbsent: boolean,
): Comparison {
  const parts = new Parts();
  const options = { refuseDuplicates: false };
  const before = left.kind === "list" ? indexItems(left, options) : new Map<string, unknown>();
  const after = right.kind === "list" ? indexItems(right, options) : new Map<string, unknown>();
  const item = left.kind === "list" ? left.item : right.kind === "list" ? right.item : undefined;
  if (item === undefined) return same;
  for (const [element, value] of before) parts.add(element, compare(item, value, after.get(element)));
  for (const [element, value] of after)
    if (!before.has(element)) parts.add(element, compare(item, undefined, value));
  return parts.finish(leftAbsent, rightAbsent);
}

/** Gathers what differs below a path. */
class Parts {
  readonly #added: Record<string, FieldSet> = {};
  readonly #removed: Record<string, FieldSet> = {};
  readonly #modified: Record<string, FieldSet> = {};

  add(element: string, { added, removed, modified }: Comparison): void {
    if (added !== undefined) this.#added[element] = added;
    if (removed !== undefined) this.#removed[element] = removed;
    if (modified !== undefined) this.#modified[element] = modified;
  }

  finish(leftAbsent: boolean, rightAbsent: boolean): Comparison {
    return {
      added: makeNode(leftAbsent, this.#added),
      removed: makeNode(rightAbsent, this.#removed),
      modified: makeNode(false, this.#modified),
    };
  }
}
