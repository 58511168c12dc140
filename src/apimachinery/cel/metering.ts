/** Charges evaluations what cel-go's interpreter charges for the same steps on the same values. */
import { listCost, mapCost } from "./cost-sizes.ts";
import { CelRuntimeError } from "./errors.ts";
import { callCost, comparisonCost, concatenationCost, sizeOf } from "./runtime-cost.ts";
import { type CelNode, calleeOf, childrenOf, isNumber, loopOf, resolved } from "./syntax.ts";

/** What is left to spend; evaluations draw on it. */
export class CostBudget {
  remaining: number;

  constructor(units: number) {
    this.remaining = units;
  }
}

type Evaluate = (evaluator: unknown, node: unknown, context: unknown) => unknown;

/** What a step cost, once it and its operands are evaluated. */
type Charge = (result: unknown) => number;

/**
 * Makes a tree charge each step to the budget of the moment: evaluation is synchronous, so that this is one variable. The last
 * value of each operand is kept until the end of the evaluation, for the costs that depend on it.
 */
export function metered(root: CelNode): <T>(budget: CostBudget, work: () => T) => T {
  let current = new CostBudget(0);
  const values = new Map<CelNode, unknown>();
  const wrapped = new Set<CelNode>();
  const turns = turnsOf(root);
  const wrap = (node: CelNode): void => {
    const each = resolved(node);
    if (wrapped.has(each)) return;
    wrapped.add(each);
    for (const child of childrenOf(each)) wrap(child);
    const { macro } = each.meta;
    const holder = (macro ?? each.meta) as { evaluate?: Evaluate };
    const original = holder.evaluate;
    if (original === undefined) return;
    const charge = chargeOf(each, values);
    const turn = turns.get(each) ?? 0;
    const isOperand = !isConstant(each);
    holder.evaluate = (evaluator, ast, context) => {
      const result = original(evaluator, ast, context);
      current.remaining -= turn + charge(result);
      if (current.remaining < 0) throw new CelRuntimeError("operation cancelled: actual cost limit exceeded");
      if (isOperand) values.set(each, result);
      return result;
    };
  };
  wrap(root);
  return (budget, work) => {
    const before = current;
    current = budget;
    try {
      return work();
    } finally {
      current = before;
      values.clear();
    }
  };
}

/** What each turn of a loop costs beside its body, by the body. */
function turnsOf(node: CelNode, turns = new Map<CelNode, number>()): ReadonlyMap<CelNode, number> {
  const each = resolved(node);
  const loop = loopOf(each);
  const [body] = loop?.bodies ?? [];
  if (loop !== undefined && body !== undefined) turns.set(resolved(body), loop.turnCost);
  for (const child of childrenOf(each)) turnsOf(child, turns);
  return turns;
}

const isConstant = (node: CelNode) => node.op === "value";

function chargeOf(node: CelNode, values: ReadonlyMap<CelNode, unknown>): Charge {
  const lastOf = (operand: CelNode | undefined): unknown => {
    if (operand === undefined) return undefined;
    const each = resolved(operand);
    return isConstant(each) ? each.args : values.get(each);
  };
  const loop = loopOf(node);
  if (loop !== undefined) {
    // The list that a loop over one variable begins with is a step of its own.
    const cost = node.op === "comprehension" && loop.makes !== undefined ? 1 : loop.resultCost;
    return () => cost;
  }
  const operands = (Array.isArray(node.args) ? node.args : [node.args]) as readonly CelNode[];
  const [left, right] = operands;
  switch (node.op) {
    case "value":
    case "&&":
    case "||":
    case "?:":
      return free;
    case "-_":
      return isNumber(left) ? free : one;
    case "list":
      return () => listCost;
    case "map":
      return () => mapCost;
    case "accuInc":
      return () => 2;
    case "accuPush":
      return () => 2 + listCost;
    case "==":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return () => comparisonCost(lastOf(left), lastOf(right));
    case "in":
      return () => (Array.isArray(lastOf(right)) ? sizeOf(lastOf(right)) : 1);
    case "+":
      return () => concatenationCost(lastOf(left), lastOf(right));
    case "call":
    case "rcall": {
      const { name, target, args } = calleeOf(node);
      if (name === "HAS") return free;
      const all = target === undefined ? args : [target, ...args];
      return (result) => callCost(name, all.map(lastOf), result);
    }
    default:
      return one;
  }
}

const free: Charge = () => 0;
const one: Charge = () => 1;
