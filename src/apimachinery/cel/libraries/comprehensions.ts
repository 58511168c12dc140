import { type Environment, Optional } from "@marcbachmann/cel-js";
import { runtimeError } from "../errors.ts";
import { compareValues, equalValues } from "./values.ts";

/** Macros beside the library's own: presence of a field, loops over two variables, optional values. */
export function registerComprehensions(environment: Environment): void {
  presence(environment);
  twoVariables(environment, "all", 1, "bool", (turns) => turns.every(([, result]) => result), false);
  twoVariables(environment, "exists", 1, "bool", (turns) => turns.some(([, result]) => result), true);
  for (const name of ["existsOne", "exists_one"])
    twoVariables(
      environment,
      name,
      1,
      "bool",
      (turns) => turns.filter(([, result]) => result === true).length === 1,
    );
  for (const bodies of [1, 2]) {
    twoVariables(environment, "transformList", bodies, "list<dyn>", (turns) =>
      turns.map(([, result]) => result),
    );
    twoVariables(environment, "transformMap", bodies, "map<dyn, dyn>", (turns) => new Map(turns));
    twoVariables(environment, "transformMapEntry", bodies, "map<dyn, dyn>", (turns) =>
      mergedEntries(turns.map(([, result]) => result)),
    );
  }
  sortBy(environment);
  environment.registerFunction(
    "OptionalNamespace.ofNonZeroValue(A): optional<A>",
    (_namespace: unknown, value: unknown) => (isZero(value) ? Optional.none() : Optional.of(value)),
    { async: false },
  );
  environment.registerOperator("optional<dyn> == optional<dyn>", (left: Optional, right: Optional) =>
    left.hasValue() && right.hasValue()
      ? equalValues(left.value(), right.value())
      : left.hasValue() === right.hasValue(),
  );
  optionalMacro(environment, "optMap", (value) => Optional.of(value));
  optionalMacro(environment, "optFlatMap", (value) => value);
}

interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly checkedType?: Type;
}

interface Type {
  readonly kind: string;
  readonly keyType?: Type;
  readonly valueType?: Type;
}

interface Context {
  forkWithVariable(
    name: string,
    type: Type,
  ): Context & {
    reuse(context: Context): Context;
    setIterValue(value: unknown, evaluator: Evaluator): Context;
  };
}

interface Checker {
  check(node: Node, context: Context): Type;
  getType(name: string): Type;
  readonly dynType: Type;
  readonly registry: { getOptionalType(type: Type): Type; getListType(type: Type): Type };
  createError(code: string, message: string, node: Node): Error;
}

interface Evaluator {
  run(node: Node, context: Context): unknown;
}

interface Macro {
  readonly receiver: Node;
  readonly args: readonly Node[];
  inner?: ReturnType<Context["forkWithVariable"]>;
  outer?: ReturnType<Context["forkWithVariable"]>;
}

function variableName(node: Node | undefined): string {
  if (node?.op !== "id") throw runtimeError("the variable of a macro must be a simple name");
  return node.args as string; // of an identifier
}

/** `has(e.f)`; see `withOwnMacros` for its name. */
function presence(environment: Environment): void {
  environment.registerFunction("HAS(ast): bool", ({ args }: Macro) => ({
    args,
    async: false,
    typeCheck(checker: Checker, macro: Macro, context: Context) {
      const [field] = macro.args;
      if (field === undefined || (field.op !== "." && field.op !== ".?"))
        throw checker.createError("invalid_macro_argument", "invalid argument to has() macro", field as Node);
      checker.check(field, context);
      return checker.getType("bool");
    },
    evaluate(evaluator: Evaluator, macro: Macro, context: Context) {
      const [operand, name] = (macro.args[0] as Node).args as readonly [Node, string]; // a selection, as was checked
      return isPresent(evaluator.run(operand, context), name);
    },
  }));
}

function isPresent(value: unknown, name: string): boolean {
  if (value instanceof Optional) return value.hasValue() && isPresent(value.value(), name);
  if (value instanceof Map) return value.has(name);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw runtimeError("no such overload");
  // Fields of policies' variables are getters, which must not be asked for this.
  return Object.hasOwn(value, name) && Object.getOwnPropertyDescriptor(value, name)?.value !== undefined
    ? true
    : Object.getOwnPropertyDescriptor(value, name)?.get !== undefined;
}

/** Each turn's key and what its body gave. */
type Turns = readonly (readonly [unknown, unknown])[];

/** A loop whose last argument is its body; of two, the first says whether a turn counts. */
function twoVariables(
  environment: Environment,
  name: string,
  bodies: number,
  result: string,
  finish: (turns: Turns) => unknown,
  /** What a turn must give for no other to follow. */
  last?: boolean,
): void {
  const parameters = ["ast", "ast", ...Array(bodies).fill("ast")].join(", ");
  environment.registerFunction(`list.${name}(${parameters}): ${result}`, ({ args, receiver }: Macro) => ({
    receiver,
    args,
    async: false,
    typeCheck(checker: Checker, macro: Macro, context: Context) {
      const { key, value } = rangeTypes(checker, macro.receiver, context);
      macro.outer = context.forkWithVariable(variableName(macro.args[0]), key);
      macro.inner = macro.outer.forkWithVariable(variableName(macro.args[1]), value);
      for (const body of macro.args.slice(2)) checker.check(body, macro.inner);
      return checker.getType(result);
    },
    evaluate(evaluator: Evaluator, macro: Macro, context: Context) {
      const { outer, inner } = macro;
      const body = macro.args.at(-1);
      const filter = bodies === 2 ? macro.args[2] : undefined;
      if (outer === undefined || inner === undefined || body === undefined)
        throw runtimeError("a macro was not checked");
      const turns: [unknown, unknown][] = [];
      for (const [key, value] of entriesOf(evaluator.run(macro.receiver, context))) {
        outer.reuse(context);
        outer.setIterValue(key, evaluator);
        inner.reuse(outer);
        inner.setIterValue(value, evaluator);
        if (filter === undefined || evaluator.run(filter, inner) === true)
          turns.push([key, evaluator.run(body, inner)]);
        if (last !== undefined && turns.at(-1)?.[1] === last) break;
      }
      return finish(turns);
    },
  }));
}

/** `list.sortBy(item, key)` */
function sortBy(environment: Environment): void {
  environment.registerFunction("list.sortBy(ast, ast): list<dyn>", ({ args, receiver }: Macro) => ({
    receiver,
    args,
    async: false,
    typeCheck(checker: Checker, macro: Macro, context: Context) {
      const range = checker.check(macro.receiver, context);
      const [variable, key] = macro.args;
      macro.inner = context.forkWithVariable(variableName(variable), range.valueType ?? checker.dynType);
      if (key !== undefined) checker.check(key, macro.inner);
      return range;
    },
    evaluate(evaluator: Evaluator, macro: Macro, context: Context) {
      const { inner } = macro;
      const [, key] = macro.args;
      if (inner === undefined || key === undefined) throw runtimeError("a macro was not checked");
      const keyed = entriesOf(evaluator.run(macro.receiver, context)).map(([, item]) => {
        inner.reuse(context);
        inner.setIterValue(item, evaluator);
        return [evaluator.run(key, inner), item] as const;
      });
      return keyed.toSorted(([a], [b]) => compareValues(a, b)).map(([, item]) => item);
    },
  }));
}

function rangeTypes(
  checker: Checker,
  node: Node,
  context: Context,
): { readonly key: Type; readonly value: Type } {
  const { dynType } = checker;
  const range = checker.check(node, context);
  if (range.kind === "dyn") return { key: dynType, value: dynType };
  if (range.kind === "list") return { key: checker.getType("int"), value: range.valueType ?? dynType };
  if (range.kind === "map") return { key: range.keyType ?? dynType, value: range.valueType ?? dynType };
  throw checker.createError(
    "invalid_comprehension_range",
    "the range of a comprehension must be a list or a map",
    node,
  );
}

function mergedEntries(results: readonly unknown[]): ReadonlyMap<unknown, unknown> {
  const merged = new Map<unknown, unknown>();
  for (const result of results)
    for (const [key, value] of entriesOf(result)) {
      if (merged.has(key)) throw runtimeError(`insert failed: key ${String(key)} already exists`);
      merged.set(key, value);
    }
  return merged;
}

function entriesOf(range: unknown): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(range)) return range.map((item, index) => [BigInt(index), item] as const);
  if (range instanceof Map) return [...range];
  if (typeof range === "object" && range !== null) return Object.entries(range);
  throw runtimeError("the range of a comprehension must be a list or a map");
}

const zeroTime = Date.parse("0001-01-01T00:00:00Z");

/** Zero values are those that a field of their type has where nothing is said. */
function isZero(value: unknown): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === "") return true;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Map) return value.size === 0;
  if (value instanceof Date) return value.getTime() === zeroTime;
  if (typeof value !== "object") return false;
  const primitive: unknown = value.valueOf();
  return primitive === value ? Object.keys(value).length === 0 : Number(primitive) === 0;
}

function optionalMacro(environment: Environment, name: string, wrap: (value: unknown) => unknown): void {
  environment.registerFunction(`optional.${name}(ast, ast): optional<dyn>`, ({ args, receiver }: Macro) => ({
    receiver,
    args,
    async: false,
    typeCheck(checker: Checker, macro: Macro, context: Context) {
      const optional = checker.check(macro.receiver, context);
      macro.inner = context.forkWithVariable(
        variableName(macro.args[0]),
        optional.valueType ?? checker.dynType,
      );
      const [, body] = macro.args;
      const type = body === undefined ? checker.dynType : checker.check(body, macro.inner);
      return name === "optMap" ? checker.registry.getOptionalType(type) : type;
    },
    evaluate(evaluator: Evaluator, macro: Macro, context: Context) {
      const optional = evaluator.run(macro.receiver, context);
      const [, body] = macro.args;
      if (!(optional instanceof Optional)) throw runtimeError("no such overload");
      if (!optional.hasValue() || macro.inner === undefined || body === undefined) return Optional.none();
      const inner = macro.inner.reuse(context) as NonNullable<Macro["inner"]>;
      inner.setIterValue(optional.value(), evaluator);
      return wrap(evaluator.run(body, inner));
    },
  }));
}
