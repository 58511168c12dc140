import { goRegExp } from "../structural-schema/go-regexp.ts";
import { located } from "./compile-errors.ts";
import { goDuration } from "./duration.ts";
import { CelCompileError } from "./errors.ts";
import { type CelNode, calleeOf, childrenOf, resolved } from "./syntax.ts";

/** What a literal argument of a function must be, by the function. */
const checks: Readonly<
  Record<string, { readonly name: string; readonly isRight: (text: string) => boolean }>
> = {
  goMatches: { name: "matches", isRight: (text) => doesNotThrow(() => goRegExp(text)) },
  duration: { name: "duration", isRight: (text) => goDuration(text) !== undefined },
  timestamp: {
    name: "timestamp",
    isRight: (text) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)),
  },
};

/** Regular expressions, durations and times that are written out are judged before anything is evaluated. */
export function checkLiterals(node: CelNode, expression: string): void {
  const each = resolved(node);
  if (each.op === "call" || each.op === "rcall") {
    const { name, args } = calleeOf(each);
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    const literal = args.at(-1);
    if (check !== undefined && literal?.op === "value" && typeof literal.args === "string")
      if (!check.isRight(literal.args))
        throw new CelCompileError(located(`invalid ${check.name} argument`, expression, literal.pos ?? 0));
  }
  for (const child of childrenOf(each)) checkLiterals(child, expression);
}

function doesNotThrow(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
