import { type CelNode, childrenOf, resolved } from "./syntax.ts";
import type { SizeBounds } from "./types.ts";

/** What an expression may cost at worst, from the bounds of the values it looks at: upstream's static estimate, simplified. */
export function estimateCost(syntax: CelNode, variables: Readonly<Record<string, SizeBounds>>): number {
  return estimate(syntax, variables).cost;
}

interface Estimate {
  readonly cost: number;
  readonly size: SizeBounds;
}

type Variables = Readonly<Record<string, SizeBounds>>;

const small: SizeBounds = { max: 1 };
const listCost = 10;
const mapCost = 30;
/** Of each character that a function over strings looks at. */
const traversalCost = 0.1;

/** Functions that look at all of their receiver, and those that make something as long. */
const traversing = new Set([
  "contains",
  "startsWith",
  "endsWith",
  "goMatches",
  "find",
  "findAll",
  "replace",
  "split",
  "join",
  "lowerAscii",
  "upperAscii",
  "trim",
  "substring",
  "indexOf",
  "lastIndexOf",
  "sum",
  "min",
  "max",
  "isSorted",
  "reverse",
  "sort",
  "distinct",
  "format",
  "url",
  "isURL",
  "ip",
  "isIP",
  "cidr",
  "isCIDR",
  "quantity",
  "isQuantity",
  "semver",
  "isSemver",
  "validate",
]);

function estimate(node: CelNode, variables: Variables): Estimate {
  const each = resolved(node);
  const parts = Array.isArray(each.args) ? (each.args as readonly unknown[]) : [each.args];
  switch (each.op) {
    case "value":
      return { cost: 0, size: typeof each.args === "string" ? { max: each.args.length } : small };
    case "id":
      return { cost: 1, size: variables[String(each.args)] ?? small };
    case "accuValue":
    case "accuInc":
      return { cost: 0, size: small };
    case ".":
    case ".?": {
      const operand = estimate(parts[0] as CelNode, variables); // of a selection
      const name = String(parts[1]);
      return { cost: operand.cost + 1, size: operand.size.fields?.[name] ?? operand.size.inner ?? small };
    }
    case "[]":
    case "[?]": {
      const operand = estimate(parts[0] as CelNode, variables); // of an access
      return {
        cost: operand.cost + 1 + estimate(parts[1] as CelNode, variables).cost,
        size: operand.size.inner ?? small,
      };
    }
    case "comprehension":
      return comprehension(each.args as Comprehension, variables);
    default:
      return operation(each, parts, variables);
  }
}

/** Calls, operators and literals. */
function operation(node: CelNode, parts: readonly unknown[], variables: Variables): Estimate {
  const operands = parts as readonly CelNode[]; // where a case reads them
  switch (node.op) {
    case "&&":
    case "||":
      return { cost: sum(node, variables), size: small };
    case "rcall":
      return call(String(parts[0]), [parts[1] as CelNode, ...(parts[2] as readonly CelNode[])], variables);
    case "call":
      // Presence of a field costs what its operand does.
      return parts[0] === "HAS"
        ? { cost: sum(resolvedField(parts[1] as readonly CelNode[]), variables), size: small }
        : call(String(parts[0]), parts[1] as readonly CelNode[], variables);
    case "?:": {
      const [condition, yes, no] = operands.map((part) => estimate(part, variables));
      return {
        cost: (condition?.cost ?? 0) + Math.max(yes?.cost ?? 0, no?.cost ?? 0),
        size: larger(yes?.size ?? small, no?.size ?? small),
      };
    }
    case "list":
    case "map":
      return {
        cost: sum(node, variables) + (node.op === "list" ? listCost : mapCost),
        size: { max: parts.length },
      };
    case "==":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return comparison(operands, variables);
    case "in": {
      const [item, list] = operands.map((part) => estimate(part, variables));
      return { cost: (item?.cost ?? 0) + (list?.cost ?? 0) + 1 + (list?.size.max ?? 0), size: small };
    }
    case "+": {
      const [left, right] = operands.map((part) => estimate(part, variables));
      const max = (left?.size.max ?? 0) + (right?.size.max ?? 0);
      const cost = (left?.cost ?? 0) + (right?.cost ?? 0) + 1 + (max > 2 ? max * traversalCost : 0);
      return { cost, size: { ...left?.size, max } };
    }
    default:
      return { cost: 1 + sum(node, variables), size: small };
  }
}

/** The selection that `has` asks for. */
function resolvedField([field]: readonly CelNode[]): CelNode {
  if (field === undefined) throw new Error("has() has no argument");
  return resolved(field);
}

/** As the library's nodes of loops are. */
interface Comprehension {
  readonly iterable: CelNode;
  readonly iterVarName: string;
  readonly step: CelNode;
  /** Of all, exists and exists_one. */
  readonly kind?: string;
}

/** What a turn of a loop costs beside its body: asking whether to go on, and making the list longer. */
const quantifierCost = 3;
const listingCost = 12;

function comprehension({ iterable, iterVarName, step, kind }: Comprehension, variables: Variables): Estimate {
  const range = estimate(iterable, variables);
  const body = estimate(step, { ...variables, [iterVarName]: range.size.inner ?? small });
  return {
    cost: range.cost + 1 + range.size.max * (body.cost + (kind === undefined ? listingCost : quantifierCost)),
    size: { max: range.size.max, inner: body.size },
  };
}

function call(name: string, operands: readonly CelNode[], variables: Variables): Estimate {
  const estimates = operands.map((operand) => estimate(operand, variables));
  const cost = estimates.reduce((total, each) => total + each.cost, 1);
  const [receiver] = estimates;
  const size = receiver?.size ?? small;
  if (name === "size") return { cost, size: small };
  if (!traversing.has(name)) return { cost, size };
  return { cost: cost + Math.ceil(size.max * traversalCost), size };
}

/** Two strings or lists cost what the shorter of them is long. */
function comparison(parts: readonly CelNode[], variables: Variables): Estimate {
  const [left, right] = parts.map((part) => estimate(part, variables));
  const shorter = Math.min(left?.size.max ?? 1, right?.size.max ?? 1);
  return {
    cost: (left?.cost ?? 0) + (right?.cost ?? 0) + 1 + Math.floor(shorter * traversalCost),
    size: small,
  };
}

function sum(node: CelNode, variables: Variables): number {
  return childrenOf(node).reduce((total, child) => total + estimate(child, variables).cost, 0);
}

function larger(left: SizeBounds, right: SizeBounds): SizeBounds {
  return left.max >= right.max ? left : right;
}
