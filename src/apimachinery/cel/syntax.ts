/** The syntax tree of an expression as the library keeps it. */
export interface CelNode {
  /** "id", ".", "[]", "call", "rcall", "list", "map", "comprehension", "value", "?:", "+" … */
  readonly op: string;
  readonly args: unknown;
  readonly pos?: number;
  /** Set by the check. */
  readonly checkedType?: NodeType;
  readonly meta: { readonly alternate?: CelNode; readonly macro?: Readonly<Record<string, unknown>> };
}

/** The type of a node, as far as it is asked for. */
export interface NodeType {
  /** "primitive", "message", "list", "map", "dyn", "optional", "param". */
  readonly kind: string;
  readonly name: string;
  readonly valueType?: NodeType;
}

/** What stands for a node at run time: macros are expanded into others. */
export function resolved(node: CelNode): CelNode {
  return node.meta.alternate === undefined ? node : resolved(node.meta.alternate);
}

/** Whether a node is a number as it is written, without its sign. */
export const isNumber = (node: CelNode | undefined): boolean =>
  node?.op === "value" && (typeof node.args === "bigint" || typeof node.args === "number");

function isNode(value: unknown): value is CelNode {
  return typeof value === "object" && value !== null && "op" in value && "meta" in value;
}

/** The nodes right below one, in no particular order. */
export function childrenOf(node: CelNode): readonly CelNode[] {
  const { macro } = node.meta;
  const found = new Set<CelNode>();
  collect(node.args, found, 0);
  if (macro !== undefined) collect({ ...macro, ast: undefined, parser: undefined }, found, 0);
  found.delete(node);
  return [...found];
}

function collect(value: unknown, found: Set<CelNode>, depth: number): void {
  if (isNode(value)) found.add(value);
  else if (Array.isArray(value)) for (const item of value) collect(item, found, depth);
  else if (
    typeof value === "object" &&
    value !== null &&
    depth === 0 &&
    Object.getPrototypeOf(value) === Object.prototype
  )
    for (const member of Object.values(value)) collect(member, found, depth + 1);
}

/** A loop over a list or a map, of one variable or two: what every macro that loops comes down to. */
export interface LoopNode {
  readonly range: CelNode;
  readonly variables: readonly string[];
  /** What each turn evaluates: the steps. */
  readonly bodies: readonly CelNode[];
  /** What cel-go's expansion of the macro evaluates in a turn beside the bodies, and once. */
  readonly turnCost: number;
  readonly resultCost: number;
  /** What it makes; absent: a single value. */
  readonly makes?: "list" | "map";
  /** Its name; of loops over one variable that make lists: "map". */
  readonly name: string;
}

/** As the library's nodes of loops over one variable are. */
interface Comprehension {
  readonly iterable: CelNode;
  readonly iterVarName: string;
  readonly init: CelNode;
  readonly step: CelNode;
  /** Of all, exists and exists_one. */
  readonly kind?: string;
}

/** all asks whether to go on and joins with what was; exists also negates; exists_one compares its count in the end. */
const quantifiers = new Map<unknown, readonly [turn: number, result: number]>([
  [true, [3, 1]],
  [false, [4, 1]],
]);

/** Of loops over two variables. The transforming ones make their result longer in each turn. */
const loops: Readonly<Record<string, readonly [turn: number, result: number, makes?: "list" | "map"]>> = {
  all: [3, 1],
  exists: [4, 1],
  existsOne: [2, 2],
  exists_one: [2, 2],
  transformList: [12, 11, "list"],
  transformMap: [3, 31, "map"],
  transformMapEntry: [2, 31, "map"],
};

/** The loop that a node is; undefined: it is none. */
export function loopOf(node: CelNode): LoopNode | undefined {
  const each = resolved(node);
  if (each.op === "comprehension") {
    const { iterable, iterVarName, init, step, kind } = each.args as Comprehension;
    const isQuantifier = kind !== undefined;
    const [turnCost, resultCost] = isQuantifier ? (quantifiers.get(init.args) ?? [0, 2]) : [0, 11];
    return {
      range: iterable,
      variables: [iterVarName],
      bodies: [step],
      name: !isQuantifier
        ? "map"
        : init.args === true
          ? "all"
          : init.args === false
            ? "exists"
            : "exists_one",
      turnCost,
      resultCost,
      ...(isQuantifier ? {} : { makes: "list" }),
    };
  }
  if (each.op !== "rcall" || each.meta.macro === undefined) return undefined;
  const [name, range, [first, second, ...bodies]] = each.args as [string, CelNode, readonly CelNode[]];
  const loop = Object.hasOwn(loops, name) ? loops[name] : undefined;
  if (loop === undefined) return undefined;
  const [turnCost, resultCost, makes] = loop;
  return {
    range,
    variables: [String(first?.args), String(second?.args)],
    bodies,
    name,
    turnCost,
    resultCost,
    ...(makes === undefined ? {} : { makes }),
  };
}

/** The function that a call asks for; a name before its dot that is no value belongs to its name: `ip.isCanonical`. */
export function calleeOf(node: CelNode): {
  readonly name: string;
  readonly target?: CelNode;
  readonly args: readonly CelNode[];
} {
  const each = resolved(node);
  if (each.op === "call") {
    const [name, args] = each.args as [string, readonly CelNode[]];
    return { name, args };
  }
  const [name, target, args] = each.args as [string, CelNode, readonly CelNode[]];
  return target.op === "id" && target.meta.alternate !== undefined
    ? { name: `${String(target.args)}.${name}`, args }
    : { name, target, args };
}

/** Selections and accesses by key. */
const steps = new Set([".", ".?", "[]", "[?]"]);

export const isStep = (node: CelNode): boolean => steps.has(node.op);

/** Where a chain of selections begins. */
export function baseOf(node: CelNode): CelNode {
  const each = resolved(node);
  return isStep(each) ? baseOf((each.args as readonly [CelNode])[0]) : each;
}

/** A name that stands for a type: `int`, `google.protobuf.Timestamp`. */
export function isTypeName({ op, args, checkedType }: CelNode): boolean {
  if (op === "id") return checkedType?.name === "type";
  return op === "." && typeNames.test(dotted((args as readonly [CelNode])[0]));
}

const typeNames = /^(?:google\.protobuf|net)$/;

/** The names of a chain of selections; nothing where it is none. */
function dotted({ op, args }: CelNode): string {
  if (op === "id") return String(args);
  if (op !== ".") return "";
  const [from, name] = args as readonly [CelNode, string];
  return `${dotted(from)}.${name}`;
}

const conversions = new Set([
  "bool",
  "bytes",
  "double",
  "duration",
  "dyn",
  "int",
  "string",
  "timestamp",
  "type",
  "uint",
]);

/** What cel-go reckons out before anything is evaluated: literals, also lists and maps of them and what they convert to. */
export function isConstant(node: CelNode): boolean {
  const each = resolved(node);
  if (each.op === "value" || isTypeName(node)) return true;
  const parts = each.args as readonly unknown[];
  switch (each.op) {
    case "-_":
      return isNumber(each.args as CelNode);
    case "list":
    case "map":
      return (parts.flat() as readonly CelNode[]).every(isConstant);
    case "call":
      return conversions.has(String(parts[0])) && (parts[1] as readonly CelNode[]).every(isConstant);
    default:
      return false;
  }
}
