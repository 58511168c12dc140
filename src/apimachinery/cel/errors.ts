import { EvaluationError, ParseError } from "@marcbachmann/cel-js";

/** An expression that cannot be compiled, in upstream's words: `ERROR: <input>:1:6: undefined field 'x'` and the place. */
export class CelCompileError extends Error {}

/** An expression that failed on the values it got. */
export class CelRuntimeError extends Error {}

/** An error that an expression is to end with, as functions of libraries throw it. */
export function runtimeError(message: string): Error {
  return new EvaluationError(message);
}

interface LibraryError {
  readonly code?: string;
  readonly summary?: string;
  readonly message?: string;
  readonly node?: { readonly pos?: number };
  readonly range?: { readonly start: number };
}

export function compileError(
  error: unknown,
  expression: string,
  isKnown: (name: string) => boolean,
): CelCompileError {
  const { code = "", summary, message = String(error), range } = error as LibraryError;
  const text = summary ?? message;
  const what = error instanceof ParseError ? `Syntax error: ${text}` : checkText(code, text, isKnown);
  // cel-go points at the dot of a selection.
  const position = (range?.start ?? 0) - (code === "no_such_key" ? 1 : 0);
  return new CelCompileError(located(what, expression, Math.max(0, position)));
}

/** What cel-go's checker says. */
function checkText(code: string, text: string, isKnown: (name: string) => boolean): string {
  if (code === "unknown_variable") return undeclared(text.replace(/^Unknown variable: /, ""));
  if (code === "no_such_key") return `undefined field '${text.replace(/^No such key: /, "")}'`;
  const call = /^found no matching overload for '(?:(.+)\.)?([\w]+)\((.*)\)'$/.exec(text);
  if (call !== null) {
    const [, receiver, name = "", argumentTypes = ""] = call;
    if (!isKnown(name)) return undeclared(name);
    const applied = receiver === undefined ? `(${argumentTypes})` : `${receiver}.(${argumentTypes})`;
    return `found no matching overload for '${name}' applied to '${applied}'`;
  }
  const binary = /^no such overload: (.+) (==|!=|<=|>=|<|>|in|[-+*/%]) (.+)$/.exec(text);
  if (binary !== null) {
    const [, left = "", operator = "", right = ""] = binary;
    return `found no matching overload for '${operator === "in" ? "@in" : `_${operator}_`}' applied to '(${left}, ${right})'`;
  }
  return text;
}

const undeclared = (name: string) => `undeclared reference to '${name}' (in container '')`;

/** With the line and a mark below the place, as cel-go prints it. */
export function located(what: string, expression: string, position: number): string {
  const before = expression.slice(0, position).split("\n");
  const line = before.length;
  const column = before.at(-1)?.length ?? 0;
  const source = expression.split("\n")[line - 1] ?? "";
  return `ERROR: <input>:${line}:${column + 1}: ${what}\n | ${source}\n | ${".".repeat(column)}^`;
}

export function evaluationError(error: unknown): CelRuntimeError {
  const { code, summary, message = String(error) } = error as LibraryError;
  const text = summary ?? message;
  if (code === "no_such_key") return new CelRuntimeError(text.replace(/^No such key: /, "no such key: "));
  if (code === "index_out_of_bounds") {
    const index = /index (-?\d+)/.exec(text)?.[1] ?? "";
    return new CelRuntimeError(`index out of bounds: ${index}`);
  }
  if (code === "no_such_overload" || code === "no_matching_overload")
    return new CelRuntimeError("no such overload");
  return new CelRuntimeError(text);
}
