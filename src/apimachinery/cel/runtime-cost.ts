import { Optional } from "@marcbachmann/cel-js";
import {
  authorizationCost,
  formatRegexLength,
  listCost,
  regexCost,
  selectorCost,
  traversal,
} from "./cost-sizes.ts";
import { CelFormat } from "./libraries/formats.ts";

/** Characters, bytes, items or entries; one for all that has none of them. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return lengthOf(value);
  if (typeof value !== "object" || value === null) return 1;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  if (value instanceof Map || value instanceof Set) return value.size;
  if (value instanceof Optional) return value.hasValue() ? sizeOf(value.value()) : 1;
  const { byteLength } = value as { readonly byteLength?: unknown };
  if (typeof byteLength === "number") return byteLength;
  return Object.getPrototypeOf(value) === Object.prototype ? Object.keys(value).length : 1;
}

/** In characters, not in halves of them. */
function lengthOf(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0xd800 && code < 0xdc00) length--;
  }
  return length;
}

export const comparisonCost = (left: unknown, right: unknown): number =>
  isText(left) || isSized(left) ? traversal(Math.min(sizeOf(left), sizeOf(right))) : 1;

export const concatenationCost = (left: unknown, right: unknown): number =>
  isText(left) ? traversal(sizeOf(left) + sizeOf(right)) : 1;

const isText = (value: unknown) => typeof value === "string" || value instanceof Uint8Array;
const isSized = (value: unknown) => Array.isArray(value) || value instanceof Map;

/** Of the object types of schemas: what has its fields for properties, and no methods. */
const isFields = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  Object.getOwnPropertyNames(Object.getPrototypeOf(value) ?? {}).length === 1;

/** What it costs to look at all that is inside of a value. */
function contents(value: unknown): number {
  if (typeof value === "string") return Math.floor(new TextEncoder().encode(value).length / 10);
  if (value instanceof Uint8Array) return Math.floor(value.length / 10);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + contents(item), 0);
  if (value instanceof Map) return contents([...value]);
  return isFields(value) ? contents(Object.entries(value)) : 1;
}

type Cost = (args: readonly unknown[], result: unknown) => number;

const ofFirst: Cost = ([first]) => traversal(sizeOf(first));
const twice: Cost = ([first]) => Math.ceil(sizeOf(first) * 0.2);
const ofContents: Cost = ([first]) => contents(first);
const ofPattern: Cost = ([text, pattern]) => regexCost(sizeOf(text), sizeOf(pattern));
const ofSelector: Cost = ([, text]) => selectorCost(sizeOf(text));
const ofLists =
  (factor: number): Cost =>
  ([left, right]) =>
    1 + sizeOf(left) * sizeOf(right) * factor;
const making = (units: number) => Math.floor(units) + 1 + listCost;
const ofResult: Cost = (_, result) => making(sizeOf(result));

/** Each item compared with each other. */
const ofPairs: Cost = ([list]) => {
  const items = list as readonly unknown[]; // the receiver of a function of lists
  return making(items.length ** 2 * (isText(items[0]) ? 2.1 : 2));
};

/** Upstream's costs (`library.CostEstimator.CallCost` and those of cel-go's extensions). What is not here costs one. */
const costs: Readonly<Record<string, Cost>> = {
  check: () => authorizationCost,
  fieldSelector: ofSelector,
  labelSelector: ofSelector,
  isSorted: ofContents,
  sum: ofContents,
  max: ofContents,
  min: ofContents,
  indexOf: ofContents,
  lastIndexOf: ofContents,
  url: ofFirst,
  lowerAscii: ofFirst,
  upperAscii: ofFirst,
  substring: ofFirst,
  trim: ofFirst,
  "jsonpatch.escapeKey": ofFirst,
  format: ofFirst,
  replace: twice,
  split: twice,
  join: (_, result) => Math.ceil(sizeOf(result) * 0.2),
  goMatches: ofPattern,
  find: ofPattern,
  findAll: ofPattern,
  startsWith: ofFirst,
  endsWith: ofFirst,
  contains: ([text, part]) => traversal(sizeOf(text)) * traversal(sizeOf(part)),
  bytes: ([value]) => (isText(value) ? traversal(sizeOf(value)) : 1),
  string: ([value]) => (value instanceof Uint8Array ? traversal(value.length) : 1),
  cidr: ofFirst,
  isIP: ofFirst,
  isCIDR: ofFirst,
  ip: ([value]) => (typeof value === "string" ? traversal(sizeOf(value)) : 1),
  "ip.isCanonical": twice,
  containsIP: ([range, other]) => traversal(2 * sizeOf(range)) + ifText(other),
  containsCIDR: ([range, other]) =>
    traversal(2 * sizeOf(range)) + traversal(sizeOf(range)) + 1 + ifText(other),
  quantity: ofFirst,
  isQuantity: ofFirst,
  semver: ofFirst,
  isSemver: ofFirst,
  validate: ([format, text]) =>
    regexCost(sizeOf(text), format instanceof CelFormat ? format.regexLength : formatRegexLength),
  "sets.contains": ofLists(1),
  "sets.intersects": ofLists(1),
  "sets.equivalent": ofLists(2),
  slice: ofResult,
  flatten: ([list, depth = 1n]) => making(sizeOf(list) * Number(depth)),
  reverse: (args, result) => (Array.isArray(result) ? ofResult(args, result) : 1),
  distinct: ofPairs,
  sort: ofPairs,
  "lists.range": ofResult,
  "strings.quote": ofFirst,
};

const ifText = (value: unknown) => (typeof value === "string" ? traversal(sizeOf(value)) : 0);

/** What a call cost beside its operands. */
export function callCost(name: string, args: readonly unknown[], result: unknown): number {
  return Object.hasOwn(costs, name) ? (costs[name]?.(args, result) ?? 1) : 1;
}
