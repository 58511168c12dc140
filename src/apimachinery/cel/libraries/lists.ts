import { type Environment, evaluate } from "@marcbachmann/cel-js";
import { goDuration } from "../duration.ts";
import { runtimeError } from "../errors.ts";
import { define, defineNamespace } from "./define.ts";
import { compareValues, equalValues } from "./values.ts";

interface DurationValue {
  addDuration(other: DurationValue): DurationValue;
}

type List = readonly unknown[];

/** A list that is made at once, before its cost is known, must fit into memory. */
const maxRange = 1_000_000n;

/** Types whose values have an order. */
const comparable = [
  "int",
  "uint",
  "double",
  "bool",
  "string",
  "bytes",
  "google.protobuf.Duration",
  "google.protobuf.Timestamp",
];

export function registerLists(environment: Environment): void {
  defineNamespace(environment, "lists", {
    "range(int): list<int>": (length: bigint) => {
      if (length > maxRange) throw runtimeError(`lists.range: ${length} is more than ${maxRange}`);
      return Array.from({ length: Math.max(0, Number(length)) }, (_, index) => BigInt(index));
    },
  });
  for (const item of comparable)
    define(environment, {
      [`list<${item}>.isSorted(): bool`]: (list: List) =>
        list.every((value, index) => index === 0 || compareValues(list[index - 1], value) <= 0),
      [`list<${item}>.min(): ${item}`]: (list: List) => extreme(list, "min", -1),
      [`list<${item}>.max(): ${item}`]: (list: List) => extreme(list, "max", 1),
    });
  define(environment, {
    "list<int>.sum(): int": (list: readonly bigint[]) => list.reduce((sum, item) => sum + item, 0n),
    "list<uint>.sum(): uint": (list: List) =>
      evaluate("uint(sum)", {
        sum: list.reduce<bigint>((sum, item) => sum + BigInt(String(item)), 0n),
      }) as unknown,
    "list<double>.sum(): double": (list: readonly number[]) => list.reduce((sum, item) => sum + item, 0),
    "list<google.protobuf.Duration>.sum(): google.protobuf.Duration": (list: readonly DurationValue[]) => {
      const [first, ...others] = list;
      return first === undefined
        ? goDuration("0s")
        : others.reduce((sum, item) => sum.addDuration(item), first);
    },
    "list<A>.indexOf(A): int": (list: List, wanted: unknown) =>
      BigInt(list.findIndex((item) => equalValues(item, wanted))),
    "list<A>.lastIndexOf(A): int": (list: List, wanted: unknown) =>
      BigInt(list.findLastIndex((item) => equalValues(item, wanted))),
    "list<A>.distinct(): list<A>": (list: List) =>
      list.filter((item, index) => list.findIndex((other) => equalValues(item, other)) === index),
    "list<A>.reverse(): list<A>": (list: List) => list.toReversed(),
    "list<A>.sort(): list<A>": (list: List) => list.toSorted(compareValues),
    "list<A>.slice(int, int): list<A>": (list: List, from: bigint, to: bigint) =>
      slice(list, Number(from), Number(to)),
    "list.flatten(): list<dyn>": (list: List) => list.flat(1),
    "list.flatten(int): list<dyn>": (list: List, depth: bigint) => {
      if (depth < 0n) throw runtimeError("level must be non-negative");
      return (list as unknown[]).flat(Number(depth));
    },
  });
}

function extreme(list: List, name: string, sign: number): unknown {
  if (list.length === 0) throw runtimeError(`${name} called on empty list`);
  return list.reduce((best, item) => (compareValues(item, best) * sign > 0 ? item : best));
}

function slice(list: List, from: number, to: number): List {
  if (from < 0 || to < 0) throw runtimeError(`cannot slice(${from}, ${to}), negative indexes not supported`);
  if (from > to)
    throw runtimeError(`cannot slice(${from}, ${to}), start index must be less than or equal to end index`);
  if (to > list.length) throw runtimeError(`cannot slice(${from}, ${to}), list is length ${list.length}`);
  return list.slice(from, to);
}
