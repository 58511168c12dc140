/**
 * Sets of field paths in the form `metadata.managedFields[].fieldsV1` has them, which is a trie already: each key is a
 * path element (`f:name`, `k:{"name":"web"}`, `v:"x"`), "." says that the path itself is in the set, and `{}` is a path
 * without more below it. Sets are immutable; operations return one of their arguments where it is the answer.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** A path that is in the set, with nothing below. Shared by all sets. */
export const leaf: FieldSet = Object.freeze({});

/** Absent stands for the empty set, so that `{}` always means a leaf. */
export type MaybeSet = FieldSet | undefined;

/** Whether the path this node stands for is in the set itself. */
export function isMember(node: FieldSet): boolean {
  if ("." in node) return true;
  for (const _element in node) return false;
  return true;
}

/** A node from its parts; undefined when there is nothing in it. */
export function makeNode(member: boolean, children: Readonly<Record<string, FieldSet>>): MaybeSet {
  let hasChildren = false;
  for (const _element in children) {
    hasChildren = true;
    break;
  }
  if (!hasChildren) return member ? leaf : undefined;
  return member ? { ".": leaf, ...children } : children;
}

export function union(left: MaybeSet, right: MaybeSet): MaybeSet {
  if (left === undefined || left === right) return right;
  if (right === undefined) return left;
  const children: Record<string, FieldSet> = {};
  let changed = false;
  for (const element in left) if (element !== ".") children[element] = left[element] as FieldSet; // its own key
  for (const element in right) {
    if (element === ".") continue;
    const before = children[element];
    const after = union(before, right[element]);
    if (after === undefined || after === before) continue;
    children[element] = after;
    changed = true;
  }
  const member = isMember(left) || isMember(right);
  if (!changed && member === isMember(left)) return left;
  return makeNode(member, children);
}

/** The paths of `left` that are not in `right`. A path of `right` takes away itself, not what is below it. */
export function difference(left: MaybeSet, right: MaybeSet): MaybeSet {
  if (left === undefined || right === undefined) return left;
  const children: Record<string, FieldSet> = {};
  let changed = false;
  for (const element in left) {
    if (element === ".") continue;
    const before = left[element] as FieldSet; // its own key
    const after = difference(before, right[element]);
    if (after !== before) changed = true;
    if (after !== undefined) children[element] = after;
  }
  const was = isMember(left);
  const member = was && !isMember(right);
  if (!changed && member === was) return left;
  return makeNode(member, children);
}

export function intersection(left: MaybeSet, right: MaybeSet): MaybeSet {
  if (left === undefined || right === undefined) return undefined;
  if (left === right) return left;
  const children: Record<string, FieldSet> = {};
  for (const element in left) {
    if (element === ".") continue;
    const other = right[element];
    const both = other === undefined ? undefined : intersection(left[element], other);
    if (both !== undefined) children[element] = both;
  }
  return makeNode(isMember(left) && isMember(right), children);
}

/** Without these paths and all below them. */
export function withoutBelow(set: MaybeSet, excluded: MaybeSet): MaybeSet {
  if (set === undefined || excluded === undefined) return set;
  if (isMember(excluded)) return undefined;
  const children: Record<string, FieldSet> = {};
  let changed = false;
  for (const element in set) {
    if (element === ".") continue;
    const before = set[element] as FieldSet; // its own key
    const after = withoutBelow(before, excluded[element]);
    if (after !== before) changed = true;
    if (after !== undefined) children[element] = after;
  }
  return changed ? makeNode(isMember(set) && set !== leaf, children) : set;
}

/** The paths in the set as conflicts show them: `.spec.template.spec.containers[name="web"].image`. */
export function pathsOf(set: MaybeSet): readonly string[] {
  const paths: string[] = [];
  if (set !== undefined) collect(set, "", paths);
  return paths;
}

function collect(node: FieldSet, path: string, paths: string[]): void {
  if (path !== "" && isMember(node)) paths.push(path);
  for (const element of Object.keys(node).sort())
    if (element !== ".") collect(node[element] as FieldSet, path + showElement(element), paths); // its own key
}

function showElement(element: string): string {
  const content = element.slice(2);
  switch (element[0]) {
    case "f":
      return `.${content}`;
    case "k": {
      const keys = JSON.parse(content) as Record<string, unknown>; // keyElement wrote it, or it was checked on input
      const parts = Object.entries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      return `[${parts.join(",")}]`;
    }
    case "v":
      return `[=${content}]`;
    default:
      return `[${content}]`;
  }
}

/** `f:name` */
export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** `v:"value"` */
export function valueElement(value: unknown): string {
  return `v:${JSON.stringify(value)}`;
}

/** `k:{"containerPort":80,"protocol":"TCP"}`, the keys in their order. */
export function keyElement(keys: readonly (readonly [name: string, value: unknown])[]): string {
  return `k:${JSON.stringify(Object.fromEntries(keys.toSorted(([left], [right]) => (left < right ? -1 : 1))))}`;
}

/** A set from what a client sent. Throws an Error for what is none. */
export function checkFieldSet(value: unknown): FieldSet {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("a field set must be an object");
  for (const [element, child] of Object.entries(value)) {
    if (element !== ".") checkElement(element);
    checkFieldSet(child);
  }
  return value as FieldSet; // looked through just now
}

function checkElement(element: string): void {
  if (!/^[fkvi]:/.test(element)) throw new Error(`unknown path element ${JSON.stringify(element)}`);
  if (element[0] === "k" || element[0] === "v") JSON.parse(element.slice(2));
}
