import type { Environment } from "@marcbachmann/cel-js";
import { defineNamespace } from "./define.ts";
import { equalValues } from "./values.ts";

type List = readonly unknown[];

const has = (list: List, wanted: unknown) => list.some((item) => equalValues(item, wanted));

export function registerSets(environment: Environment): void {
  defineNamespace(environment, "sets", {
    "contains(list<A>, list<A>): bool": (list: List, sublist: List) =>
      sublist.every((item) => has(list, item)),
    "equivalent(list<A>, list<A>): bool": (left: List, right: List) =>
      left.every((item) => has(right, item)) && right.every((item) => has(left, item)),
    "intersects(list<A>, list<A>): bool": (left: List, right: List) => left.some((item) => has(right, item)),
  });
}
