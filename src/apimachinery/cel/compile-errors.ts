import { ParseError } from "@marcbachmann/cel-js";
import { CelCompileError, type Fault } from "./errors.ts";
import type { CelNode, NodeType } from "./syntax.ts";
import { syntaxFault } from "./syntax-faults.ts";

/** What the library says of an expression that it refuses. */
interface LibraryError {
  readonly code?: string;
  readonly summary?: string;
  readonly message?: string;
  readonly node?: CelNode & { readonly start?: number; readonly end?: number };
  readonly range?: { readonly start: number; readonly end: number };
}

type Span = CelNode & { readonly start: number; readonly end: number };

/** What does not compile, in cel-go's words. */
export function compileError(
  error: unknown,
  expression: string,
  isKnown: (name: string) => boolean,
): CelCompileError {
  const given = error as LibraryError;
  const position = given.range?.start ?? 0;
  const summary = given.summary ?? given.message ?? String(error);
  if (/^Exceeded maxDepth/.test(summary)) {
    const isChain =
      /^[.[]/.test(expression.slice(position)) && /[\w)\]"']\s*$/.test(expression.slice(0, position));
    return new CelCompileError(isChain ? tooDeep : unlocated("expression recursion limit exceeded: 250"));
  }
  const { text, position: at } =
    error instanceof ParseError
      ? syntaxFault(summary, expression, position)
      : faultOf(given, expression, isKnown);
  return new CelCompileError(located(text, expression, at));
}

/** What has no place in the text. */
const unlocated = (what: string) => `ERROR: <input>:-1:0: ${what}`;

export const tooDeep = unlocated("max recursion depth exceeded");

/** What the check finds wrong first, in one place, and from where to where in the text. */
export function typeFaults(
  error: unknown,
  expression: string,
  isKnown: (name: string) => boolean,
): {
  readonly found: readonly Fault[];
  readonly range: { readonly start: number; readonly end: number } | undefined;
} {
  const given = error as LibraryError;
  const { node, range } = given;
  const span =
    node?.start === undefined || node.end === undefined ? range : { start: node.start, end: node.end };
  const operands =
    node?.op === "&&" || node?.op === "||" ? noBools(node.args as readonly Span[], expression) : [];
  return { found: operands.length > 0 ? operands : [faultOf(given, expression, isKnown)], range: span };
}

/** What is joined and is no condition, where cel-go points at it. */
function noBools(operands: readonly Span[], expression: string): readonly Fault[] {
  return operands
    .filter(({ checkedType }) => checkedType?.name !== "bool" && checkedType?.kind !== "dyn")
    .map((operand) => noBool(operand, expression));
}

const noBool = (node: Span, expression: string): Fault => ({
  text: `expected type 'bool' but found '${typeText(node.checkedType)}'`,
  position: pointOf(node, expression),
});

/** The dot of a selection, the parenthesis of a call, the sign of an operation; else where a value begins. */
function pointOf(node: Span, expression: string): number {
  const [from, receiver] = (Array.isArray(node.args) ? node.args : []) as readonly (Span | undefined)[];
  if (node.op === ".") return expression.indexOf(".", from?.end ?? node.start);
  if (node.op === "[]") return expression.indexOf("[", from?.end ?? node.start);
  if (node.op === "call") return expression.indexOf("(", node.start);
  if (node.op === "rcall") return expression.indexOf("(", receiver?.end ?? node.start);
  const isOperation = /^(?:[-+*/%<>]|<=|>=|==|!=|in)$/.test(node.op);
  return isOperation ? expression.indexOf(node.op, from?.end ?? node.start) : node.start;
}

function faultOf(given: LibraryError, expression: string, isKnown: (name: string) => boolean): Fault {
  const summary = given.summary ?? given.message ?? String(given);
  return (
    checkFault(given, summary, expression, isKnown) ?? { text: summary, position: given.range?.start ?? 0 }
  );
}

/** What cel-go's checker says; undefined: nothing that is known here. */
function checkFault(
  { code = "", node, range }: LibraryError,
  summary: string,
  expression: string,
  isKnown: (name: string) => boolean,
): Fault | undefined {
  const start = range?.start ?? 0;
  if (code === "unknown_variable")
    return { text: undeclared(summary.replace(/^Unknown variable: /, "")), position: start };
  // cel-go points at the dot of a selection.
  if (code === "no_such_key" && node !== undefined && (node.op === "[]" || node.op === "[?]"))
    return accessFault(node as Span, expression); // as nodes of the library are
  if (code === "no_such_key")
    return {
      text: `undefined field '${summary.replace(/^No such key: /, "")}'`,
      position: inPresence(expression, range?.end ?? start) ?? Math.max(0, start - 1),
    };
  const ranged = /^Expression of type '(.*)' cannot be range/.exec(summary);
  if (ranged !== null)
    return {
      text: `expression of type '${celName(ranged[1] ?? "")}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      position: start,
    };
  if (code === "invalid_macro_argument") return { text: summary, position: start };
  if (node === undefined) return undefined;
  const span = node as Span; // as nodes of the library are
  const [, optional] = /^optional\.(orValue|or)\(.*got '(.*)' and '(.*)'$/.exec(summary) ?? [];
  if (optional !== undefined) {
    const [, own = "", other = ""] = /got '(.*)' and '(.*)'$/.exec(summary) ?? [];
    return {
      text: `found no matching overload for '${optional}' applied to 'optional_type(${celName(own)}).(${celName(other)})'`,
      position: expression.lastIndexOf("(", span.start),
    };
  }
  if (code === "no_matching_overload") return callFault(span, expression, isKnown);
  if (code === "cannot_index_type" || code === "invalid_index_type") return accessFault(span, expression);
  return operatorFault(span, summary, expression);
}

/** Of what `has` asks for cel-go points at the parenthesis. */
function inPresence(expression: string, end: number): number | undefined {
  const before = /\bhas(\(\s*[\w.]+)$/.exec(expression.slice(0, end));
  return before?.[1] !== undefined && /^\s*\)/.test(expression.slice(end))
    ? end - before[1].length
    : undefined;
}

function callFault(node: Span, expression: string, isKnown: (name: string) => boolean): Fault {
  const parts = node.args as readonly unknown[];
  const isMember = node.op === "rcall";
  const receiver = isMember ? (parts[1] as Span) : undefined;
  const args = parts[isMember ? 2 : 1] as readonly CelNode[];
  const position = expression.indexOf("(", receiver?.end ?? node.start);
  // Its own name for ours, which takes Go's regular expressions.
  const name = parts[0] === "goMatches" ? "matches" : String(parts[0]);
  if (receiver?.op === "id" && receiver.meta.alternate !== undefined) {
    const qualified = `${String(receiver.args)}.${name}`;
    return { text: isKnown(name) ? overload(qualified, args) : undeclared(name), position };
  }
  if (!isKnown(name) && name !== "matches") return { text: undeclared(name), position };
  return { text: overload(name, args, receiver), position };
}

function overload(name: string, args: readonly CelNode[], receiver?: CelNode): string {
  const types = `(${args.map(({ checkedType }) => typeText(checkedType)).join(", ")})`;
  const applied = receiver === undefined ? types : `${typeText(receiver.checkedType)}.${types}`;
  return `found no matching overload for '${name}' applied to '${applied}'`;
}

function accessFault(node: Span, expression: string): Fault {
  const [from, index] = node.args as readonly [Span, CelNode];
  if (node.op === "[]" || node.op === "[?]")
    return {
      text: overload(node.op === "[]" ? "_[_]" : "_[?_]", [from, index]),
      position: expression.indexOf("[", from.end),
    };
  return {
    text: `type '${typeText(from.checkedType)}' does not support field selection`,
    position: expression.indexOf(".", from.end),
  };
}

/** The library's labels of what macros join as conditions. */
const predicate = /^(?:all|exists)\(/;

function operatorFault(node: Span, summary: string, expression: string): Fault | undefined {
  if (predicate.test(summary)) return noBool(node, expression);
  if (node.op === "?:" || /condition must be bool/.test(summary)) return conditionFault(node, expression);
  const filter = /^(filter|map|exists_one)\(.*got '(.*)'$/.exec(summary);
  if (filter !== null) {
    const [, macro, type = ""] = filter;
    const rest = macro === "exists_one" ? "int, int" : "list(dyn), list(dyn)";
    return {
      text: `found no matching overload for '_?_:_' applied to '(${celName(type)}, ${rest})'`,
      position: node.start,
    };
  }
  const operands = (Array.isArray(node.args) ? node.args : [node.args]) as readonly Span[];
  const [left] = operands;
  if (left === undefined || typeof left !== "object" || !("op" in left)) return undefined;
  if (node.op === "!_" || node.op === "-_")
    return { text: overload(node.op, operands), position: node.start };
  if (!/^(==|!=|<=|>=|<|>|in|&&|\|\||[-+*/%])$/.test(node.op)) return undefined;
  return {
    text: overload(node.op === "in" ? "@in" : `_${node.op}_`, operands),
    position: expression.indexOf(node.op, left.end),
  };
}

/** The condition of a choice is no bool, or its two values are of different types. */
function conditionFault(node: Span, expression: string): Fault | undefined {
  if (node.op === "?:") {
    const operands = node.args as readonly Span[];
    return {
      text: overload("_?_:_", operands),
      position: expression.indexOf("?", operands[0]?.end ?? node.start),
    };
  }
  return {
    text: `found no matching overload for '_?_:_' applied to '(${typeText(node.checkedType)}, dyn, dyn)'`,
    position: expression.indexOf("?", node.end),
  };
}

export const undeclared = (name: string) => `undeclared reference to '${name}' (in container '')`;

/** As cel-go writes types: `list(string)`. */
export function typeText(type: NodeType | undefined): string {
  return celName(type?.name ?? "dyn");
}

function celName(name: string): string {
  return (
    name
      .replace(/\boptional\b/g, "optional_type")
      .replace(/\bparam:?\w*/g, "dyn")
      // The type of what a rule is about, and of what is inside of it. Upstream adds a number of the moment.
      .replace(
        /\bobject((?:\.\w+)*)/g,
        (_, inside: string) =>
          `selfType${inside.replaceAll("._item", ".@idx").replaceAll("._value", ".@elem")}`,
      )
      .replaceAll("<", "(")
      .replaceAll(">", ")")
  );
}

/** With the line and a mark below the place, as cel-go prints it. */
export function located(what: string, expression: string, position: number): string {
  const before = expression.slice(0, Math.max(0, position)).split("\n");
  const line = before.length;
  const characters = [...(before.at(-1) ?? "")];
  const source = expression.split("\n")[line - 1] ?? "";
  // What takes more than a byte is held for wide.
  const dots = characters.map((character) => (character < "\x80" ? "." : "．")).join("");
  return `ERROR: <input>:${line}:${characters.length + 1}: ${what}\n | ${source.replaceAll("\t", " ")}\n | ${dots}^`;
}
