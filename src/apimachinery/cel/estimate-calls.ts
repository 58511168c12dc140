import {
  add,
  addSizes,
  authorizationCost,
  fixed,
  formatRegexLength,
  listCost,
  multiply,
  multiplySizes,
  regexCost,
  regexFactor,
  type Size,
  scale,
  selectorCost,
  traversal,
  unknownSize,
} from "./cost-sizes.ts";

/** An operand of a call, as far as the estimate of the call asks for it. */
export interface Operand {
  /** Undefined: not known. */
  readonly size: Size | undefined;
  /** "string", "bytes", "list", "map", "dyn" …; undefined: not known. */
  readonly type: string | undefined;
  /** Of a list: the type and size of an item. */
  readonly item?: { readonly type: string; readonly size: Size | undefined };
  /** Of a literal. */
  readonly literal?: unknown;
}

export interface CallEstimate {
  /** Without the operands'. */
  readonly cost: number;
  readonly size?: Size;
}

type Estimator = (target: Operand | undefined, args: readonly Operand[]) => CallEstimate | undefined;

const sizeOf = (operand: Operand | undefined): Size => operand?.size ?? unknownSize;
const isText = (type: string | undefined) => type === "string" || type === "bytes";

/** The function looks once at all of its argument, or its receiver. */
const traversesArgument: Estimator = (_, [text]) => ({ cost: traversal(sizeOf(text).max) });
const traversesReceiver: Estimator = (target) => {
  const size = sizeOf(target);
  return target === undefined ? undefined : { cost: traversal(size.max), size };
};

/** Each item is compared once. */
const comparesItems: Estimator = (target) => {
  if (target === undefined) return undefined;
  if (target.item === undefined) return { cost: traversal(sizeOf(target).max) };
  const { type, size = unknownSize } = target.item;
  return { cost: multiply(sizeOf(target).max, isText(type) ? add(1, traversal(size.max)) : 1) };
};

const findsPattern: Estimator = (target, [pattern]) => ({
  cost: regexCost(sizeOf(target).max, sizeOf(pattern).max),
  size: { min: 0, max: sizeOf(target).max },
});

const startsOrEnds: Estimator = (_, [part]) => ({ cost: traversal(sizeOf(part).max) });

/** The function makes a list of this size. */
const makesList = (factor: number, size: Size): CallEstimate => ({
  cost: add(scale(size.max, factor), 1, listCost),
  size,
});

/** Of a list of so many items, whose order is that of keys of this type. */
export const estimateSort = (size: Size, type: string | undefined): CallEstimate =>
  makesList(isText(type) ? 2.1 : 2, multiplySizes(size, size));

const sorts: Estimator = (target) =>
  target === undefined ? undefined : estimateSort(sizeOf(target), target.item?.type);

const comparesLists =
  (factor: number): Estimator =>
  (_, [left, right]) => ({
    cost: add(scale(multiply(sizeOf(left).max, sizeOf(right).max), factor), 1),
  });

const number = (operand: Operand | undefined, otherwise: number): number =>
  typeof operand?.literal === "bigint" ? Math.max(0, Number(operand.literal)) : otherwise;

function replaced(target: Operand | undefined, [from, to]: readonly Operand[]): CallEstimate {
  const size = sizeOf(target);
  const [old, fresh] = [sizeOf(from), sizeOf(to)];
  const most =
    old.min === 0
      ? add(multiply(add(size.max, 1), fresh.max), size.max)
      : fresh.max <= old.min
        ? size.max
        : multiply(Math.ceil(size.max / old.min), fresh.max);
  const least =
    old.max === 0
      ? add(multiply(add(size.min, 1), fresh.min), size.min)
      : old.max <= fresh.min
        ? size.min
        : multiply(Math.ceil(size.min / old.max), fresh.min);
  return { cost: scale(size.max, 0.2), size: { min: least, max: most } };
}

function joined(target: Operand | undefined, [separator]: readonly Operand[]): CallEstimate {
  const list = sizeOf(target);
  const texts = target?.item === undefined ? fixed(0) : multiplySizes(list, target.item.size ?? unknownSize);
  const separators = { min: Math.max(0, list.min - 1), max: Math.max(0, list.max - 1) };
  const size =
    separator === undefined ? texts : addSizes(texts, multiplySizes(sizeOf(separator), separators));
  return { cost: traversal(size.max), size };
}

/** Whether a range holds an address costs a comparison of at most 16 bytes, and reading what is text. */
const holds =
  (own: number): Estimator =>
  (_, [other]) => ({ cost: add(own, other?.type === "string" ? traversal(sizeOf(other).max) : 0) });

const nominal: Estimator = () => ({ cost: 1 });
const selector: Estimator = (_, [text]) => ({ cost: selectorCost(sizeOf(text).max) });

/** Upstream's estimates (`library.CostEstimator` and those of cel-go's extensions). What is not here costs one. */
const estimators: Readonly<Record<string, Estimator>> = {
  check: () => ({ cost: authorizationCost }),
  fieldSelector: selector,
  labelSelector: selector,
  isSorted: comparesItems,
  sum: comparesItems,
  max: comparesItems,
  min: comparesItems,
  indexOf: comparesItems,
  lastIndexOf: comparesItems,
  url: (_, [text]) => ({ cost: traversal(sizeOf(text).max), size: sizeOf(text) }),
  "jsonpatch.escapeKey": (_, [text]) => ({ cost: traversal(sizeOf(text).max), size: sizeOf(text) }),
  lowerAscii: traversesReceiver,
  upperAscii: traversesReceiver,
  substring: traversesReceiver,
  trim: traversesReceiver,
  format: (target) => ({ cost: traversal(sizeOf(target).max) }),
  replace: replaced,
  split: (target, args) => ({
    cost: scale(sizeOf(target).max, 0.2),
    size: { min: 0, max: number(args[1], sizeOf(target).max) },
  }),
  join: joined,
  goMatches: (target, args) => {
    const [text, pattern] = target === undefined ? args : [target, args[0]];
    return { cost: regexCost(sizeOf(text).max, sizeOf(pattern).max) };
  },
  find: findsPattern,
  findAll: findsPattern,
  startsWith: startsOrEnds,
  endsWith: startsOrEnds,
  contains: (target, [part]) => ({
    cost: multiply(traversal(sizeOf(target).max), traversal(sizeOf(part).max)),
  }),
  bytes: (_, [text]) =>
    text?.type === "string"
      ? {
          cost: traversal(sizeOf(text).max),
          size: { min: sizeOf(text).min, max: multiply(sizeOf(text).max, 4) },
        }
      : undefined,
  string: (_, [bytes]) =>
    bytes?.type === "bytes"
      ? {
          cost: traversal(sizeOf(bytes).max),
          size: { min: Math.floor(sizeOf(bytes).min / 4), max: sizeOf(bytes).max },
        }
      : undefined,
  cidr: traversesArgument,
  isIP: traversesArgument,
  isCIDR: traversesArgument,
  ip: (target, args) => (target === undefined ? traversesArgument(target, args) : { cost: 1 }),
  "ip.isCanonical": (_, [text]) => ({ cost: scale(sizeOf(text).max, 0.2) }),
  containsIP: holds(traversal(32)),
  containsCIDR: holds(add(traversal(32), traversal(16), 1)),
  quantity: traversesArgument,
  isQuantity: traversesArgument,
  semver: traversesArgument,
  isSemver: traversesArgument,
  validate: (_, [text]) => ({
    cost: scale(traversal(sizeOf(text).max), formatRegexLength * regexFactor),
  }),
  "sets.contains": comparesLists(1),
  "sets.intersects": comparesLists(1),
  "sets.equivalent": comparesLists(2),
  slice: (target, [from, to]) => {
    const length = number(to, sizeOf(target).max) - number(from, 0);
    // Less than nothing is, without a sign, very much.
    return makesList(1, fixed(length < 0 ? largestDepth : length));
  },
  flatten: (target, [depth]) =>
    makesList(depth === undefined ? 1 : number(depth, largestDepth), sizeOf(target)),
  reverse: (target) => (target?.type === "list" ? makesList(1, sizeOf(target)) : undefined),
  distinct: (target) => {
    const size = sizeOf(target);
    return makesList(2, multiplySizes(size, size));
  },
  "lists.range": (_, [length]) => makesList(1, fixed(number(length, largestDepth))),
  sort: sorts,
  "strings.quote": (_, [text]) => ({
    cost: traversal(sizeOf(text).max),
    size: { min: add(sizeOf(text).min, 2), max: add(multiply(sizeOf(text).max, 2), 2) },
  }),
};

const largestDepth = unknownSize.max;

/** What a call costs at worst beside its operands, and how large its result may be. */
export function estimateCall(
  name: string,
  target: Operand | undefined,
  args: readonly Operand[],
): CallEstimate {
  const estimator = Object.hasOwn(estimators, name) ? estimators[name] : undefined;
  return estimator?.(target, args) ?? nominal(target, args) ?? { cost: 1 };
}
