import type { KubeList } from "../../apimachinery/meta.ts";

/** A list whose members can be had one at a time. */
export interface ListMembers {
  readonly field: "items" | "rows";
  /** All that stands beside the members, and before them. */
  readonly head: object;
  readonly sources: readonly object[];
  readonly show: (source: object) => object;
}

// Not enumerable: copies and JSON see a plain list.
const membersSymbol = Symbol("members");

/**
 * A list whose members are made from their sources as they are wanted: one at a time by whoever streams it, all together by
 * whoever reads the field.
 */
export function lazyList<T extends object>(
  head: object,
  field: ListMembers["field"],
  sources: readonly T[],
  show: (source: T) => object,
): object {
  const list = { ...head };
  let all: readonly object[] | undefined;
  Object.defineProperty(list, field, {
    enumerable: true,
    get() {
      all ??= sources.map(show);
      return all;
    },
  });
  // Its sources are those that `show` takes.
  const members: ListMembers = { field, head, sources, show: show as (source: object) => object };
  Object.defineProperty(list, membersSymbol, { value: members });
  return list;
}

/** The members of a list, made or not; undefined for any other object. */
export function membersOf(object: object): ListMembers | undefined {
  const lazy = (object as { [membersSymbol]?: ListMembers })[membersSymbol];
  if (lazy !== undefined) return lazy;
  if (!isList(object)) return undefined;
  const { items, ...head } = object;
  return { field: "items", head, sources: items, show: itself };
}

const itself = (source: object) => source;

/** Lists as the registry makes them: nothing but these four fields, so no kind of its own with `items` is taken for one. */
function isList(object: object): object is KubeList {
  const { kind, items } = object as { kind?: unknown; items?: unknown };
  return (
    Array.isArray(items) &&
    typeof kind === "string" &&
    kind.endsWith("List") &&
    Object.keys(object).length === 4
  );
}
