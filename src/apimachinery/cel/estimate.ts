import {
  add,
  addSizes,
  fixed,
  listCost,
  mapCost,
  multiply,
  type Size,
  traversal,
  union,
  unknownSize,
} from "./cost-sizes.ts";
import { type CallEstimate, estimateCall, estimateSort, type Operand } from "./estimate-calls.ts";
import { type CelNode, calleeOf, isNumber, isTypeName, type LoopNode, loopOf, resolved } from "./syntax.ts";
import type { SizeBounds } from "./types.ts";

/**
 * What an expression may cost at worst, given how large the values are that it looks at: cel-go's static estimate, figure by
 * figure, since it decides which rules may be written. `root` bounds every variable: `self` and `oldSelf`, or `device`.
 */
export function estimateCost(syntax: CelNode, root: SizeBounds): number {
  return new Estimator(root).estimate(syntax, {}).cost;
}

interface Estimate {
  readonly cost: number;
  /** How large the value may be; undefined: not known. */
  readonly size: Size | undefined;
  /** Of what is inside a list or map that the expression makes. */
  readonly inner?: Size | undefined;
  /** Where in the object the value lies; absent: it does not lie there. */
  readonly place?: Place | undefined;
}

/** A place in the object; "lost": one of which nothing is known. */
type Place = SizeBounds | "lost";

/** Local variables. */
type Scope = Readonly<Record<string, Pick<Estimate, "size" | "inner" | "place">>>;

const scalars = new Set([
  "bool",
  "int",
  "uint",
  "double",
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
]);

class Estimator {
  readonly #root: SizeBounds;

  constructor(root: SizeBounds) {
    this.#root = root;
  }

  estimate(node: CelNode, scope: Scope): Estimate {
    if (node.op === "." && isTypeName(node)) return { cost: 1, size: { min: 0, max: this.#root.max } };
    if (node.op === "id") return this.#identifier(node, scope);
    const loop = loopOf(node);
    if (loop !== undefined) return this.#loop(loop, scope);
    const each = resolved(node);
    const { args } = each;
    const parts = Array.isArray(args) ? (args as readonly CelNode[]) : [args as CelNode]; // where a case reads them
    switch (each.op) {
      case "value":
        return { cost: 0, size: sizeOfLiteral(each.args) };
      case "-_":
        // cel-go reads a negative number as one literal.
        if (isNumber(each.args as CelNode)) return { cost: 0, size: fixed(1) };
        return this.#operator(each, scope);
      case "accuValue":
        return { cost: 1, size: undefined };
      case "accuInc":
        return { cost: 2, size: undefined };
      case "accuPush":
        return { cost: add(2, listCost, this.estimate(each.args as CelNode, scope).cost), size: undefined };
      case ".":
        return this.#selection(node, parts[0] as CelNode, String(parts[1]), scope);
      case "[]":
        return this.#access(parts[0] as CelNode, parts[1] as CelNode, node, scope);
      case ".?":
      case "[?]":
        return {
          cost: add(
            1,
            this.estimate(parts[0] as CelNode, scope).cost,
            each.op === "[?]" ? this.estimate(parts[1] as CelNode, scope).cost : 0,
          ),
          size: undefined,
        };
      case "list":
        return this.#literal(parts, listCost, parts.length, scope);
      case "map":
        return this.#literal(parts.flat() as readonly CelNode[], mapCost, parts.length, scope);
      case "call":
      case "rcall":
        return this.#call(node, scope);
      default:
        return this.#operator(each, scope);
    }
  }

  /** How large a value may be, in the order in which cel-go asks: by its place, then its type, then what is known of a variable. */
  #sized(node: CelNode, place: Place | undefined, otherwise?: Size): Size | undefined {
    if (place !== undefined && place !== "lost") return { min: 0, max: place.max };
    const name = node.checkedType?.name ?? "";
    return scalars.has(name.replace(/^optional<(.*)>$/, "$1")) ? fixed(1) : otherwise;
  }

  #identifier(node: CelNode, scope: Scope): Estimate {
    const name = String(node.args);
    const local = Object.hasOwn(scope, name) ? scope[name] : undefined;
    const place = local === undefined ? this.#root : local.place;
    return { cost: 1, size: this.#sized(node, place, local?.size), inner: local?.inner, place };
  }

  /** What does not lie in the object is looked up from its root, as upstream does. */
  #below(place: Place | undefined, step: (bounds: SizeBounds) => SizeBounds | undefined): Place {
    if (place === undefined) return this.#root;
    return place === "lost" ? "lost" : (step(place) ?? "lost");
  }

  #selection(node: CelNode, from: CelNode, name: string, scope: Scope): Estimate {
    const operand = this.estimate(from, scope);
    const kind = from.checkedType?.kind;
    const place = this.#below(operand.place, ({ fields, anyField }) => fields?.[name] ?? anyField);
    return {
      cost: add(operand.cost, kind === "map" || kind === "message" || kind === "param" ? 1 : 0),
      size: this.#sized(node, place),
      place,
    };
  }

  #access(from: CelNode, index: CelNode, node: CelNode, scope: Scope): Estimate {
    const operand = this.estimate(from, scope);
    const place =
      from.checkedType?.kind === "dyn" ? undefined : this.#below(operand.place, ({ inner }) => inner);
    return {
      cost: add(operand.cost, 1, this.estimate(index, scope).cost),
      size: operand.inner ?? this.#sized(node, place),
      place,
    };
  }

  #literal(items: readonly CelNode[], base: number, length: number, scope: Scope): Estimate {
    const estimates = items.map((item) => this.estimate(item, scope));
    return {
      cost: add(base, ...estimates.map(({ cost }) => cost)),
      size: fixed(length),
      inner: estimates.map(({ size }) => size ?? unknownSize).reduce(union, estimates[0]?.size ?? fixed(0)),
    };
  }

  #operand(node: CelNode, { size, place }: Estimate): Operand {
    const type = node.checkedType;
    const each = resolved(node);
    const itemType = type?.kind === "list" ? type.valueType : undefined;
    return {
      size,
      type: type?.kind === "primitive" ? type.name : type?.kind,
      ...literalOf(each),
      ...(itemType === undefined ? {} : { item: { type: itemType.name, size: this.#itemSize(place) } }),
    };
  }

  #itemSize(place: Place | undefined): Size | undefined {
    const inner = place === undefined || place === "lost" ? undefined : place.inner;
    return inner === undefined ? undefined : { min: 0, max: inner.max };
  }

  #call(node: CelNode, scope: Scope): Estimate {
    const { name, target, args } = calleeOf(node);
    if (name === "HAS") {
      // Presence itself is free; what it is asked of is not.
      const [operand] = resolved(args[0] as CelNode).args as readonly [CelNode];
      return { cost: this.estimate(operand, scope).cost, size: fixed(1) };
    }
    if ((name === "optMap" || name === "optFlatMap") && target !== undefined)
      return this.#optional(name, target, args, scope);
    if (name === "sortBy" && target !== undefined) return this.#sortBy(target, args, scope);
    const estimates = args.map((arg) => this.estimate(arg, scope));
    const receiver = target === undefined ? undefined : this.estimate(target, scope);
    const operands = args.map((arg, index) => this.#operand(arg, estimates[index] as Estimate));
    const costs = add(receiver?.cost ?? 0, ...estimates.map(({ cost }) => cost));
    if (name === "dyn" && estimates[0] !== undefined)
      return { cost: add(1, costs), size: estimates[0].size, inner: estimates[0].inner };
    const { cost, size } = estimateCall(
      name,
      target === undefined || receiver === undefined ? undefined : this.#operand(target, receiver),
      operands,
    );
    return { cost: add(cost, costs), size: size ?? this.#sized(node, undefined) };
  }

  /** `bind(list, target, list.sortByAssociatedKeys(list.map(variable, key)))` */
  #sortBy(target: CelNode, [variable, key]: readonly CelNode[], scope: Scope): Estimate {
    const range = this.estimate(target, scope);
    const size = range.size ?? unknownSize;
    const place = this.#below(range.place, ({ inner }) => inner);
    const inside = this.estimate(key as CelNode, {
      ...scope,
      [String(variable?.args)]: { size: range.inner, place },
    });
    const keys = add(1, listCost, 1, multiply(size.max, add(inside.cost, 2, listCost)));
    const call = estimateSort(size, (key as CelNode).checkedType?.name);
    return { cost: add(listCost, range.cost, 1, keys, call.cost), size: call.size };
  }

  /** `target.hasValue() ? optional.of(bind(variable, target.value(), body)) : optional.none()` */
  #optional(name: string, target: CelNode, [variable, body]: readonly CelNode[], scope: Scope): Estimate {
    const receiver = this.estimate(target, scope).cost;
    const inside = this.estimate(body as CelNode, {
      ...scope,
      [String(variable?.args)]: { size: undefined },
    });
    const bound = add(listCost, 1, receiver, inside.cost, name === "optMap" ? 1 : 0);
    return { cost: add(1, receiver, bound), size: undefined };
  }

  #operator(node: CelNode, scope: Scope): Estimate {
    const nodes = (Array.isArray(node.args) ? node.args : [node.args]) as readonly CelNode[];
    const estimates = nodes.map((each) => this.estimate(each, scope));
    const costs = add(...estimates.map(({ cost }) => cost));
    const [first, second, third] = estimates;
    if (node.op === "&&" || node.op === "||") return { cost: costs, size: fixed(1) };
    if (node.op === "?:")
      return {
        cost: add(first?.cost ?? 0, Math.max(second?.cost ?? 0, third?.cost ?? 0)),
        size: union(second?.size ?? unknownSize, third?.size ?? unknownSize),
        inner:
          second?.inner === undefined || third?.inner === undefined
            ? undefined
            : union(second.inner, third.inner),
      };
    const types = nodes.map(({ checkedType }) => (checkedType?.kind === "list" ? "list" : checkedType?.name));
    const { cost, size } = operatorCost(node.op, types, first?.size, second?.size);
    const inner =
      size !== undefined && first?.inner !== undefined && second?.inner !== undefined
        ? union(first.inner, second.inner)
        : undefined;
    return { cost: add(cost, costs), size: size ?? this.#sized(node, undefined), inner };
  }

  #loop(loop: LoopNode, scope: Scope): Estimate {
    const range = this.estimate(loop.range, scope);
    const isMap = loop.range.checkedType?.kind === "map";
    const keys: Place = this.#below(range.place, () => (isMap ? noText : undefined));
    const values: Place = this.#below(range.place, ({ inner }) => inner);
    const variable = (place: Place) => ({ size: range.inner, place });
    const [one, two] = loop.variables;
    const inside: Scope = {
      ...scope,
      ...(two === undefined
        ? { [String(one)]: variable(isMap ? keys : values) }
        : { [String(one)]: variable(keys), [two]: variable(values) }),
    };
    const turn = add(loop.turnCost, ...loop.bodies.map((body) => this.estimate(body, inside).cost));
    const size = range.size ?? unknownSize;
    return {
      cost: add(range.cost, loop.resultCost, multiply(size.max, turn)),
      size: loop.makes === undefined ? fixed(1) : size,
    };
  }
}

/** Keys of maps count as empty. */
const noText: SizeBounds = { max: 0 };

function sizeOfLiteral(value: unknown): Size | undefined {
  if (typeof value === "string") return fixed([...value].length);
  if (value instanceof Uint8Array) return fixed(value.length);
  return typeof value === "object" && value !== null ? undefined : fixed(1);
}

function literalOf(node: CelNode): { readonly literal?: unknown } {
  if (node.op === "value") return { literal: node.args };
  const [number] = [node.args as CelNode];
  return node.op === "-_" && isNumber(number) && typeof number.args === "bigint"
    ? { literal: -number.args }
    : {};
}

/** Types whose values are compared at one go; formats have names that are compared. */
const comparedCost: Readonly<Record<string, number>> = {
  "net.IP": 1,
  "net.CIDR": 1,
  "kubernetes.Quantity": 1,
  "kubernetes.Semver": 1,
  "kubernetes.NamedFormat": 7,
};

const mayBeText = (types: readonly (string | undefined)[]) =>
  types.every((type) => type === undefined || type === "dyn" || type === "string" || type === "bytes");

function operatorCost(
  operator: string,
  types: readonly (string | undefined)[],
  left: Size = unknownSize,
  right: Size = unknownSize,
): CallEstimate {
  switch (operator) {
    case "==":
      if (types[0] === types[1] && Object.hasOwn(comparedCost, types[0] ?? ""))
        return { cost: comparedCost[types[0] ?? ""] ?? 1 };
      if (types[0] === types[1] && types[0] === "kubernetes.URL")
        return { cost: right === unknownSize ? 1 : traversal(right.max) };
      return { cost: traversal(Math.min(left.max, right.max)) };
    case "!=":
      return { cost: traversal(Math.min(left.max, right.max)) };
    case "<":
    case "<=":
    case ">":
    case ">=":
      return { cost: mayBeText(types) ? traversal(Math.min(left.max, right.max)) : 1 };
    case "in":
      return { cost: types[1] === "list" || types[1] === "dyn" ? right.max : 1 };
    case "+": {
      if (types.includes("list")) return { cost: 1, size: addSizes(left, right) };
      if (!mayBeText(types)) return { cost: 1 };
      const size = addSizes(left, right);
      return { cost: traversal(size.max), size };
    }
    default:
      return { cost: 1 };
  }
}
