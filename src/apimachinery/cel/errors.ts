import { EvaluationError } from "@marcbachmann/cel-js";

/** An expression that cannot be compiled, in upstream's words: `ERROR: <input>:1:6: undefined field 'x'` and the place. */
export class CelCompileError extends Error {}

/** What does not compile and where cel-go points. */
export interface Fault {
  readonly text: string;
  readonly position: number;
}

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
  return new CelRuntimeError(text.replace(/^((?:unsigned )?integer overflow): .*$/, "$1"));
}
