/** Charges evaluations what cel-go's interpreter charges for the same steps on the same values. */
import { Optional } from "@marcbachmann/cel-js";
import { listCost, mapCost } from "./cost-sizes.ts";
import { CelRuntimeError } from "./errors.ts";
import { LoopMeter } from "./loop-cost.ts";
import { callCost, comparisonCost, concatenationCost, sizeOf } from "./runtime-cost.ts";
import { baseOf, type CelNode, calleeOf, childrenOf, isConstant, isStep, resolved } from "./syntax.ts";

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
 * value and cost of each operand are kept until the end of the evaluation, for the costs that depend on them.
 */
export function metered(root: CelNode): <T>(budget: CostBudget, work: () => T) => T {
  let current = new CostBudget(0);
  const last = new LastValues();
  const wrapped = new Set<CelNode>();
  const free = uncharged(root);
  const bodies = new Map<CelNode, LoopMeter>();
  const wrap = (node: CelNode): void => {
    const each = resolved(node);
    if (wrapped.has(each)) return;
    wrapped.add(each);
    if (isConstant(node)) return;
    const loop = LoopMeter.of(each);
    for (const body of loop?.bodies ?? []) bodies.set(body, loop as LoopMeter); // there are bodies, so there is a loop
    for (const child of childrenOf(each)) wrap(child);
    const { macro } = each.meta;
    const holder = (macro ?? each.meta) as { evaluate?: Evaluate };
    const original = holder.evaluate;
    if (original === undefined) return;
    const charge = free.has(each)
      ? nothing
      : loop === undefined
        ? chargeOf(each, last)
        : loopCharge(loop, last);
    const turnsOf = bodies.get(each);
    // Looking for what is not there costs as much, and so does comparing with it.
    const costOfFailure = isStep(each) || isComparison(each) ? 1 : 0;
    const orCharged = <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        current.remaining -= costOfFailure;
        turnsOf?.turn(each, undefined);
        throw error;
      }
    };
    holder.evaluate = (evaluator, ast, context) => {
      const before = current.remaining;
      loop?.begin();
      const result = orCharged(() => original(evaluator, ast, context));
      turnsOf?.turn(each, result);
      current.remaining -= charge(result);
      if (current.remaining < 0) throw new CelRuntimeError("operation cancelled: actual cost limit exceeded");
      last.set(each, result, before - current.remaining);
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
      last.clear();
    }
  };
}

class LastValues {
  readonly #values = new Map<CelNode, unknown>();
  readonly #costs = new Map<CelNode, number>();

  set(node: CelNode, value: unknown, cost: number): void {
    this.#values.set(node, value);
    this.#costs.set(node, cost);
  }

  clear(): void {
    this.#values.clear();
    this.#costs.clear();
  }

  of(operand: CelNode | undefined): unknown {
    if (operand === undefined) return undefined;
    const each = resolved(operand);
    return isConstant(each) ? constantOf(each) : this.#values.get(each);
  }

  costOf(operand: CelNode | undefined): number {
    return operand === undefined ? 0 : (this.#costs.get(resolved(operand)) ?? 0);
  }
}

/** As far as a constant's size is asked for. */
function constantOf(node: CelNode): unknown {
  if (node.op === "value") return node.args;
  if (node.op === "list") return (node.args as readonly CelNode[]).map(constantOf);
  if (node.op === "map")
    return new Map(
      (node.args as readonly (readonly CelNode[])[]).map(
        (entry) => entry.map(constantOf) as [unknown, unknown],
      ),
    );
  if (node.op !== "call") return undefined;
  const { name, args } = calleeOf(node);
  const [value] = args.map(constantOf);
  if (name === "bytes" && typeof value === "string") return new TextEncoder().encode(value);
  return name === "dyn" ? value : name === "string" ? String(value) : undefined;
}

/**
 * Names whose look-up costs nothing: of a chain that is a branch of a choice or the key of an access, only the steps are
 * charged.
 */
function uncharged(node: CelNode, found = new Set<CelNode>()): ReadonlySet<CelNode> {
  const each = resolved(node);
  const parts = each.args as readonly CelNode[];
  const bare = each.op === "?:" ? parts.slice(1) : each.op === "[]" || each.op === "[?]" ? [parts[1]] : [];
  for (const part of bare) {
    const base = part === undefined ? undefined : baseOf(part);
    if (base?.op === "id") found.add(base);
  }
  for (const child of childrenOf(each)) uncharged(child, found);
  return found;
}

function loopCharge(meter: LoopMeter, last: LastValues): Charge {
  return () => meter.cost(last.of(meter.range), last.of(meter.key));
}

function chargeOf(node: CelNode, last: LastValues): Charge {
  const operands = (Array.isArray(node.args) ? node.args : [node.args]) as readonly CelNode[];
  const [left, right] = operands;
  switch (node.op) {
    case "value":
    case "&&":
    case "||":
    case "?:":
    case "accuValue":
      return nothing;
    case "list":
      return () => listCost;
    case "map":
      return () => mapCost;
    case "accuInc":
      return () => 2;
    case "accuPush":
      // The item in a list of its own, and that at the end of what there is.
      return isConstant(node.args as CelNode) ? () => 2 : () => 2 + listCost;
    case "==":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return () => comparisonCost(last.of(left), last.of(right));
    case "in":
      if (right !== undefined && isSetOfConstants(right)) return nothing;
      return () => (Array.isArray(last.of(right)) ? sizeOf(last.of(right)) : 1);
    case "+":
      return () => concatenationCost(last.of(left), last.of(right));
    case ".?":
    case "[?]":
      // What is not there was not looked at.
      return (result) => (isEmpty(result) ? 0 : 1);
    case ".":
    case "[]": {
      const from = resolved(left as CelNode); // what a step leads from
      // What is no name is looked at once more.
      return isLookedUp(from) ? one : () => 2;
    }
    case "call":
    case "rcall":
      return chargeOfCall(node, last);
    default:
      return one;
  }
}

const isLookedUp = (node: CelNode) => isStep(node) || node.op === "id" || node.op === "?:";

function chargeOfCall(node: CelNode, last: LastValues): Charge {
  const { name, target, args } = calleeOf(node);
  if (name === "HAS") {
    const [operand] = resolved(args[0] as CelNode).args as readonly [CelNode]; // a selection, as was checked
    return isLookedUp(resolved(operand)) ? nothing : one;
  }
  if (name === "or" || name === "orValue") return nothing;
  if (name === "optMap" || name === "optFlatMap") {
    const wrapping = name === "optMap" ? 1 : 0;
    // The value is asked for twice: whether it is there, and what it is.
    return () => (isEmpty(last.of(target)) ? 2 : 2 + wrapping + last.costOf(target));
  }
  const all = target === undefined ? args : [target, ...args];
  return (result) =>
    callCost(
      name,
      all.map((each) => last.of(each)),
      result,
    );
}

const isEmpty = (value: unknown) => value instanceof Optional && !value.hasValue();

const isComparison = ({ op }: CelNode) => /^(?:[=!]=|[<>]=?)$/.test(op);

/** Membership in it is looked up, not searched for. */
function isSetOfConstants(node: CelNode): boolean {
  const each = resolved(node);
  return (
    each.op === "list" &&
    (each.args as readonly CelNode[]).every(({ op, args }) => op === "value" && !(args instanceof Uint8Array))
  );
}

const nothing: Charge = () => 0;
const one: Charge = () => 1;
