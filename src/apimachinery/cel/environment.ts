/** Environments of Kubernetes' CEL: the language, its libraries, and the variables of a place where expressions are. */
import { Environment } from "@marcbachmann/cel-js";
import { compileError, located, tooDeep, typeFaults } from "./compile-errors.ts";
import { CelCompileError, CelRuntimeError, evaluationError, type Fault } from "./errors.ts";
import { registerLibraries } from "./libraries/register.ts";
import { type Allowances, checkLiterals } from "./literals.ts";
import { mergeLists } from "./merged-lists.ts";
import { CostBudget, metered } from "./metering.ts";
import { withOptionalElements } from "./optional-elements.ts";
import { type CelNode, calleeOf, childrenOf, resolved } from "./syntax.ts";
import type { CelType, ObjectType } from "./types.ts";

export type { CelNode } from "./syntax.ts";

/** Upstream's limit of one evaluation (`PerCallLimit`). */
export const perCallCostLimit = 1_000_000;

export interface Program {
  readonly expression: string;
  /** "bool", "string", "dyn" … */
  readonly resultType: string;
  readonly syntax: CelNode;
  /** Whether the expression mentions a variable. */
  mentions(variable: string): boolean;
  /** Throws CelRuntimeError. */
  evaluate(variables: Readonly<Record<string, unknown>>, budget?: CostBudget): unknown;
}

export interface CelEnvironment {
  /** Throws CelCompileError; also where the result is of none of the wanted types. */
  compile(expression: string, options?: { readonly wanted?: readonly string[] }): Program;
}

let base: Environment | undefined;

/** The language and all libraries, made once. */
function baseEnvironment(): Environment {
  if (base !== undefined) return base;
  base = new Environment({
    enableOptionalTypes: true,
    unlistedVariablesAreDyn: false,
    // What `format` takes is a list of several types.
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 20_000, maxDepth: 250, maxListElements: 10_000, maxMapEntries: 10_000 },
  });
  registerLibraries(base);
  base.registerConstant("net", "map<string, type>", {
    IP: base.evaluate("type(ip('127.0.0.1'))"),
    CIDR: base.evaluate("type(cidr('127.0.0.0/8'))"),
  });
  return base;
}

/** An environment with these variables. */
export function createCelEnvironment(
  variables: Readonly<Record<string, CelType>>,
  allowed: Allowances = {},
): CelEnvironment {
  const environment = baseEnvironment().clone();
  const registered = new Set<string>();
  for (const { objects } of Object.values(variables))
    for (const object of objects)
      if (!registered.has(object.name)) registerObject(environment, object, registered);
  for (const [name, { name: type }] of Object.entries(variables)) environment.registerVariable(name, type);
  // Asked only for the message of what does not compile.
  const isFunction = (name: string) =>
    environment.getDefinitions().functions.some((definition) => definition.name === name);
  const typeErrors = typeErrorsOf(environment, isFunction);
  return {
    compile(expression, { wanted } = {}) {
      const source = withOptionalElements(withOwnMacros(expression));
      const parsed = orCompileError(() => environment.parse(source), expression, isFunction);
      const syntax = parsed.ast as unknown as CelNode; // the nodes as they are at run time
      renameFunctions(syntax);
      if (depthOf(syntax) > maxOperators) throw new CelCompileError(tooDeep);
      const { valid, type = "dyn", error } = parsed.check();
      if (!valid) throw new CelCompileError(typeErrors(error, source, expression));
      checkLiterals(syntax, expression, allowed);
      if (wanted !== undefined && type !== "dyn" && !wanted.includes(type))
        throw new CelCompileError(`must evaluate to ${wanted.join(" or ")}`);
      mergeLists(syntax);
      const meter = metered(syntax);
      return {
        expression,
        resultType: type,
        syntax,
        mentions: (variable) => mentions(syntax, variable),
        evaluate(values, budget = new CostBudget(perCallCostLimit)) {
          return meter(budget, () => {
            try {
              return parsed(values) as unknown;
            } catch (error) {
              if (error instanceof Pending || error instanceof CelRuntimeError) throw error;
              throw evaluationError(error);
            }
          });
        },
      };
    },
  };
}

/** Tells all that the check finds: the library ends with the first, so what is wrong gives way to a value of any type. */
function typeErrorsOf(environment: Environment, isFunction: (name: string) => boolean) {
  let recovering: Environment | undefined;
  const faultIn = (text: string): unknown => {
    recovering ??= environment.clone().registerVariable(anyValue, "dyn");
    try {
      const parsed = recovering.parse(text);
      renameFunctions(parsed.ast as unknown as CelNode); // the nodes as they are at run time
      return parsed.check().error;
    } catch {
      return undefined;
    }
  };
  return (first: unknown, source: string, expression: string): string => {
    const faults: Fault[] = [];
    let error: unknown = first;
    for (let text = source; error !== undefined && faults.length < maxFaults; ) {
      const { range, found } = typeFaults(error, expression, isFunction);
      const [first] = found;
      if (faults.some(({ text, position }) => text === first?.text && position === first.position)) break;
      faults.push(...found);
      if (range === undefined || range.end <= range.start) break;
      text = `${text.slice(0, range.start)}${anyValue.padEnd(range.end - range.start)}${text.slice(range.end)}`;
      error = faultIn(text);
    }
    return faults
      .toSorted((a, b) => a.position - b.position)
      .map(({ text, position }) => located(text, expression, position))
      .join("\n");
  };
}

/** Stands for what does not compile: as short as anything that can be wrong. */
const anyValue = "_";
const maxFaults = 100;

/** Upstream's parser goes no deeper. */
const maxOperators = 251;

/** How deep operators stand in each other; choices and conjunctions are kept flat. */
function depthOf(node: CelNode): number {
  const each = resolved(node);
  const below = childrenOf(each).reduce((deepest, child) => Math.max(deepest, depthOf(child)), 0);
  return flat.has(each.op) ? below : below + 1;
}

const flat = new Set(["&&", "||", "?:", "!_", "-_"]);

function orCompileError<T>(work: () => T, expression: string, isFunction: (name: string) => boolean): T {
  try {
    return work();
  } catch (error) {
    throw compileError(error, expression, isFunction);
  }
}

function registerObject(
  environment: Environment,
  { name, fields, create }: ObjectType,
  registered: Set<string>,
): void {
  registered.add(name);
  environment.registerType(name, { ctor: create, fields });
  environment.registerOperator(`${name} == ${name}`, sameFields(environment));
  environment.registerOperator(`${name} == null`, (left: unknown) => left === null);
}

/** Objects are equal when their fields are; the library asks for the fields' own equality. */
function sameFields(environment: Environment): (left: object, right: object) => boolean {
  let equal: ((values: object) => unknown) | undefined;
  return (left, right) => {
    const a = Object.entries(left);
    if (a.length !== Object.keys(right).length) return false;
    equal ??= environment
      .clone()
      .registerVariable("left", "dyn")
      .registerVariable("right", "dyn")
      .parse("left == right");
    return a.every(([name, value]) => {
      if (!Object.hasOwn(right, name)) return false;
      const other = (right as Record<string, unknown>)[name];
      return value === other || equal?.({ left: value, right: other }) === true;
    });
  };
}

/** What has to be awaited before an expression can be evaluated: it is then evaluated again. */
export class Pending extends Error {
  readonly settled: Promise<unknown>;

  constructor(settled: Promise<unknown>) {
    super("an answer is awaited");
    this.settled = settled;
  }
}

const maxRounds = 100;

/** Runs `work` until nothing it asks for is pending any more. */
export async function whenSettled<T>(work: () => T): Promise<T> {
  for (let round = 0; ; round++) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Pending) || round >= maxRounds) throw error;
      await error.settled;
    }
  }
}

/**
 * The library's `has` takes names and their fields only; ours (`HAS`, as long, so that places in messages stay right) takes what
 * cel-go's does: any expression before the last dot.
 */
function withOwnMacros(expression: string): string {
  if (!expression.includes("has")) return expression;
  const parts =
    /"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|(?<![\w.])has(?=\s*\()/g;
  return expression.replace(parts, (part) => (part === "has" ? "HAS" : part));
}

/** Go's regular expressions are not JavaScript's: the library's own functions over them give way to ours. */
const renamed: Readonly<Record<string, string>> = { matches: "goMatches" };

/** Texts that the library's functions do not take as cel-go's do: offsets without a sign, and no time without a unit. */
const written: readonly (readonly [name: RegExp, text: RegExp, as: string])[] = [
  [/^get(?:FullYear|Month|Date|Day\w+|Hours|Minutes|Seconds|Milliseconds)$/, /^(?=\d\d:\d\d$)/, "+"],
  [/^duration$/, /^0$/, "0s"],
];

function renameFunctions(node: CelNode): void {
  const each = resolved(node);
  if (each.op === "rcall" || each.op === "call") {
    const parts = each.args as unknown[];
    const name = String(parts[0]);
    if (Object.hasOwn(renamed, name)) parts[0] = renamed[name];
    const literal = calleeOf(each).args[0] as { args?: unknown; readonly op: string } | undefined; // written anew here
    const [, text, as] = written.find(([called]) => called.test(name)) ?? [];
    if (text !== undefined && as !== undefined && literal?.op === "value" && typeof literal.args === "string")
      literal.args = literal.args.replace(text, as);
  }
  for (const child of childrenOf(each)) renameFunctions(child);
}

function mentions(node: CelNode, variable: string): boolean {
  const each = resolved(node);
  return (
    (each.op === "id" && each.args === variable) ||
    childrenOf(each).some((child) => mentions(child, variable))
  );
}

export { CelCompileError, CelRuntimeError, CostBudget, located };
