/**
 * Sets of field paths in the form `metadata.managedFields[].fieldsV1` has them, which is a trie already: each key is a
 * path element (`f:name`, `k:{"name":"web"}`, `v:"x"`, `i:0`), "." says that the path itself is in the set, and `{}` is
 * a path without more below it. Sets are immutable; operations return one of their arguments where it is the answer.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** A path that is in the set, with nothing below. Shared by all sets. */
export const leaf: FieldSet = Object.freeze({});

/** Absent stands for the empty set, so that `{}` always means a path. */
export type MaybeSet = FieldSet | undefined;

/** Whether the path this node stands for is in the set itself. */
export function isMember(node: MaybeSet): boolean {
  return node !== undefined && ("." in node || !hasKeys(node));
}

/** A path that is in the set, with nothing below. */
export function isLeaf(node: FieldSet): boolean {
  return !hasKeys(node);
}

function hasKeys(record: object): boolean {
  for (const _key in record) return true;
  return false;
}

/** The paths below this one that are in the set. */
export function below(set: MaybeSet, element: string): MaybeSet {
  return set === undefined || !Object.hasOwn(set, element) ? undefined : set[element];
}

/** A node from its parts; undefined when there is nothing in it. */
export function makeNode(member: boolean, children: Readonly<Record<string, FieldSet>>): MaybeSet {
  if (!hasKeys(children)) return member ? leaf : undefined;
  return member ? { ".": leaf, ...children } : children;
}

/** The node with its own path in the set. */
export function asMember(node: MaybeSet): FieldSet {
  if (node === undefined) return leaf;
  return isMember(node) ? node : { ".": leaf, ...node };
}

export function union(left: MaybeSet, right: MaybeSet): MaybeSet {
  if (left === undefined || left === right) return right;
  if (right === undefined) return left;
  const children = childrenOf(left);
  let changed = false;
  for (const element in right) {
    if (element === ".") continue;
    const before = children[element];
    const after = union(before, right[element]);
    if (after === undefined || after === before) continue;
    children[element] = after;
    changed = true;
  }
  const was = isMember(left);
  const member = was || isMember(right);
  return !changed && member === was ? left : makeNode(member, children);
}

function childrenOf(set: FieldSet): Record<string, FieldSet> {
  const { ".": _self, ...children } = set;
  return children;
}

/** The paths of `left` that are not in `right`. A path of `right` takes away itself, not what is below it. */
export function difference(left: MaybeSet, right: MaybeSet): MaybeSet {
  if (left === undefined || right === undefined) return left;
  const member = isMember(left) && !isMember(right);
  return mapChildren(left, member, (child, element) => difference(child, below(right, element)));
}

export function intersection(left: MaybeSet, right: MaybeSet): MaybeSet {
  if (left === undefined || right === undefined) return undefined;
  if (left === right) return left;
  const member = isMember(left) && isMember(right);
  return mapChildren(left, member, (child, element) => intersection(child, below(right, element)));
}

/** Without these paths and all below them. */
export function withoutBelow(set: MaybeSet, excluded: MaybeSet): MaybeSet {
  if (set === undefined || excluded === undefined) return set;
  if (isMember(excluded)) return undefined;
  return mapChildren(set, isMember(set), (child, element) => withoutBelow(child, below(excluded, element)));
}

/** The set with each child replaced; the set itself where nothing changes. */
function mapChildren(
  set: FieldSet,
  member: boolean,
  change: (child: FieldSet, element: string) => MaybeSet,
): MaybeSet {
  const children: Record<string, FieldSet> = {};
  let changed = member !== isMember(set);
  for (const [element, child] of Object.entries(set)) {
    if (element === ".") continue;
    const after = change(child, element);
    if (after !== child) changed = true;
    if (after !== undefined) children[element] = after;
  }
  return changed ? makeNode(member, children) : set;
}

/** The set with the elements of each path in order, as it is written; the set itself where they are. */
export function inOrder(set: FieldSet): FieldSet {
  const elements = Object.keys(set);
  let changed = false;
  for (let index = 1; index < elements.length; index++)
    if ((elements[index - 1] as string) > (elements[index] as string)) changed = true; // both below the length
  if (changed) elements.sort();
  const sorted: Record<string, FieldSet> = {};
  for (const element of elements) {
    const child = set[element] as FieldSet; // its own key
    const ordered = child === leaf ? leaf : inOrder(child);
    if (ordered !== child) changed = true;
    sorted[element] = ordered;
  }
  return changed ? sorted : set;
}

/** How many paths are in the set. */
export function countPaths(set: MaybeSet): number {
  if (set === undefined) return 0;
  let count = isMember(set) ? 1 : 0;
  for (const [element, child] of Object.entries(set)) if (element !== ".") count += countPaths(child);
  return count;
}
