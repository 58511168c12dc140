import { type Environment, Optional } from "@marcbachmann/cel-js";
import { runtimeError } from "../errors.ts";

/** Macros beside the library's own: presence of a field, loops over two variables, optional values. */
export function registerComprehensions(environment: Environment): void {
  presence(environment);
  twoVariables(environment, "all", "bool", (results) => results.every(Boolean));
  twoVariables(environment, "exists", "bool", (results) => results.some(Boolean));
  twoVariables(environment, "existsOne", "bool", (results) => results.filter(Boolean).length === 1);
  twoVariables(environment, "transformList", "list<dyn>", (results) => results);
  twoVariables(
    environment,
    "transformMap",
    "map<dyn, dyn>",
    (results, keys) => new Map(keys.map((key, index) => [key, results[index]])),
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

function twoVariables(
  environment: Environment,
  name: string,
  result: string,
  finish: (results: readonly unknown[], keys: readonly unknown[]) => unknown,
): void {
  environment.registerFunction(`list.${name}(ast, ast, ast): ${result}`, ({ args, receiver }: Macro) => ({
    receiver,
    args,
    async: false,
    typeCheck(checker: Checker, macro: Macro, context: Context) {
      const range = checker.check(macro.receiver, context);
      const isMap = range.kind === "map";
      if (!isMap && range.kind !== "list" && range.kind !== "dyn")
        throw checker.createError(
          "invalid_comprehension_range",
          "the range of a comprehension must be a list or a map",
          macro.receiver,
        );
      const key = isMap
        ? (range.keyType ?? checker.dynType)
        : range.kind === "list"
          ? checker.getType("int")
          : checker.dynType;
      macro.outer = context.forkWithVariable(variableName(macro.args[0]), key);
      macro.inner = macro.outer.forkWithVariable(
        variableName(macro.args[1]),
        range.valueType ?? checker.dynType,
      );
      const [, , body] = macro.args;
      if (body !== undefined) checker.check(body, macro.inner);
      return checker.getType(result);
    },
    evaluate(evaluator: Evaluator, macro: Macro, context: Context) {
      const { outer, inner } = macro;
      const [, , body] = macro.args;
      if (outer === undefined || inner === undefined || body === undefined)
        throw runtimeError("a macro was not checked");
      const entries = entriesOf(evaluator.run(macro.receiver, context));
      const results = entries.map(([key, value]) => {
        outer.reuse(context);
        outer.setIterValue(key, evaluator);
        inner.reuse(outer);
        inner.setIterValue(value, evaluator);
        return evaluator.run(body, inner);
      });
      return finish(
        results,
        entries.map(([key]) => key),
      );
    },
  }));
}

function entriesOf(range: unknown): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(range)) return range.map((item, index) => [BigInt(index), item] as const);
  if (range instanceof Map) return [...range];
  if (typeof range === "object" && range !== null) return Object.entries(range);
  throw runtimeError("the range of a comprehension must be a list or a map");
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
