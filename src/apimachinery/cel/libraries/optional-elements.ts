import { type Environment, Optional } from "@marcbachmann/cel-js";
import { typeText } from "../compile-errors.ts";
import type { NodeType } from "../syntax.ts";

/** Nodes, checker and evaluator of the library, as macros meet them. */
interface Node {
  readonly op: string;
  readonly args: unknown;
  checkedType?: NodeType;
}

interface Checker<Context> {
  check(node: Node, context: Context): NodeType;
  readonly dynType: NodeType;
  readonly registry: {
    getListType(type: NodeType): NodeType;
    getMapType(key: NodeType, value: NodeType): NodeType;
  };
  createError(code: string, message: string, node: Node): Error;
}

interface Macro {
  readonly args: readonly Node[];
}

/** The macro around literals with optional elements (`withOptionalElements`). */
export function registerOptionalElements(environment: Environment): void {
  environment.registerFunction("PRESENT(ast): dyn", ({ args }: Macro) => ({
    args,
    async: false,
    typeCheck<Context>(checker: Checker<Context>, macro: Macro, context: Context) {
      const [literal] = macro.args as [Node];
      const common = (nodes: readonly Node[]) => commonType(nodes, checker, context);
      if (literal.op === "list") return checker.registry.getListType(common(literal.args as readonly Node[]));
      const entries = entriesOf(literal);
      return checker.registry.getMapType(
        common(entries.map(([key]) => key)),
        common(entries.map(([, value]) => value)),
      );
    },
    evaluate<Context>(
      evaluator: { run(node: Node, context: Context): unknown },
      macro: Macro,
      context: Context,
    ) {
      const [literal] = macro.args as [Node];
      /** The value in a list, or nothing. */
      const present = (node: Node): readonly unknown[] => {
        const inner = optionalOf(node);
        const value = evaluator.run(inner ?? node, context);
        if (inner === undefined || !(value instanceof Optional)) return [value];
        return value.hasValue() ? [value.value()] : [];
      };
      if (literal.op === "list") return (literal.args as readonly Node[]).flatMap(present);
      return new Map(
        entriesOf(literal).flatMap(([key, value]) =>
          present(value).map((each) => [evaluator.run(key, context), each] as const),
        ),
      );
    },
  }));
}

const entriesOf = ({ args }: Node) => args as readonly (readonly [Node, Node])[]; // of a map

/** The value that is marked as optional. */
function optionalOf({ op, args }: Node): Node | undefined {
  if (op !== "call") return undefined;
  const [name, [value]] = args as readonly [string, readonly Node[]];
  return name === "OPTIONAL" ? value : undefined;
}

/** The type of the first element that has one: what is not there is of any. */
function commonType<Context>(nodes: readonly Node[], checker: Checker<Context>, context: Context): NodeType {
  const types = nodes.map((node) => checked(node, checker, context));
  const common = types.find(({ kind }) => kind !== "param") ?? checker.dynType;
  for (const node of nodes) if (node.checkedType?.kind === "param") node.checkedType = common;
  return common;
}

/** The type of an element; of an optional one, that of its value. */
function checked<Context>(node: Node, checker: Checker<Context>, context: Context): NodeType {
  const inner = optionalOf(node);
  if (inner === undefined) return checker.check(node, context);
  const type = checker.check(inner, context);
  if (type.kind !== "optional" && type.kind !== "dyn")
    throw checker.createError(
      "invalid_macro_argument",
      `expected type 'optional_type(${typeText(type)})' but found '${typeText(type)}'`,
      inner,
    );
  node.checkedType = type.valueType ?? checker.dynType;
  return node.checkedType;
}
