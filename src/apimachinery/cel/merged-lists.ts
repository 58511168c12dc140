/** Lists that are sets or maps: they are equal in any order, and adding to them merges (`x-kubernetes-list-type`). */
import { equalValues } from "./libraries/values.ts";
import { type CelNode, childrenOf, resolved } from "./syntax.ts";

type List = readonly unknown[];

/** Whether two items stand for the same: equal ones in a set, those of the same keys in a map. */
type IsSame = (left: unknown, right: unknown) => boolean;

const merged = new WeakMap<List, IsSame>();

/** `keys`: of a map's items; undefined: a set. */
export function asMerged(list: List, keys: readonly string[] | undefined): List {
  merged.set(
    list,
    keys === undefined
      ? equalValues
      : (left, right) => keys.every((key) => equalValues(fieldOf(left, key), fieldOf(right, key))),
  );
  return list;
}

const fieldOf = (item: unknown, key: string): unknown => (item as Readonly<Record<string, unknown>>)[key]; // items of maps have fields

type Handle = (left: unknown, right: unknown, node: unknown, evaluator: unknown) => unknown;

/** Lets the operators of a checked tree know such lists by their left side. */
export function mergeLists(node: CelNode): void {
  const each = resolved(node) as CelNode & { handle?: Handle }; // set by the check
  const { handle, op } = each;
  if (handle !== undefined && (op === "==" || op === "!=" || op === "+"))
    each.handle = (left, right, ...rest) => {
      const isSame = Array.isArray(left) && Array.isArray(right) ? merged.get(left) : undefined;
      if (isSame === undefined) return handle(left, right, ...rest);
      const [first, second] = [left as List, right as List];
      return op === "+" ? sum(first, second, isSame) : equal(first, second, isSame) === (op === "==");
    };
  for (const child of childrenOf(each)) mergeLists(child);
}

function equal(left: List, right: List, isSame: IsSame): boolean {
  return (
    left.length === right.length &&
    left.every((item) => right.some((other) => isSame(item, other) && equalValues(item, other)))
  );
}

function sum(left: List, right: List, isSame: IsSame): List {
  const result = left.map((item) => right.findLast((other) => isSame(item, other)) ?? item);
  result.push(...right.filter((item) => !left.some((other) => isSame(item, other))));
  merged.set(result, isSame);
  return result;
}
