import { goRegExp } from "../structural-schema/go-regexp.ts";
import { located, typeText, undeclared } from "./compile-errors.ts";
import { goDuration } from "./duration.ts";
import { CelCompileError, type Fault } from "./errors.ts";
import { type CelNode, calleeOf, childrenOf, type NodeType, resolved } from "./syntax.ts";

/** What a literal argument of a function must be, by the function. */
const checks: Readonly<
  Record<string, { readonly name: string; readonly isRight: (text: string) => boolean }>
> = {
  goMatches: { name: "matches", isRight: (text) => faultOfPattern(text) === undefined },
  duration: { name: "duration", isRight: (text) => goDuration(text) !== undefined },
  timestamp: {
    name: "timestamp",
    isRight: (text) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)),
  },
};

/** What expressions may do in some places only. */
export interface Allowances {
  /** Write lists and maps with values of several types. */
  readonly mixesTypes?: boolean;
  /** Give names to values: `cel.bind`. */
  readonly binds?: boolean;
  /** Write the paths of JSON patches: `jsonpatch.escapeKey`. */
  readonly patches?: boolean;
}

const maxInt = 2n ** 63n - 1n;

/** Regular expressions, durations, times, lists and maps that are written out are judged before anything is evaluated. */
export function checkLiterals(node: CelNode, expression: string, allowed: Allowances): void {
  const faults: Fault[] = [];
  collect(node, faults, allowed.mixesTypes === true, allowed);
  accessFaults(node, expression, faults);
  if (faults.length > 0)
    throw new CelCompileError(
      faults
        .toSorted((a, b) => a.position - b.position)
        .map(({ text, position }) => located(text, expression, position))
        .join("\n"),
    );
  checkPatterns(node);
}

/** `isFree`: what `format` takes may be of several types. */
function collect(node: CelNode, faults: Fault[], isFree: boolean, allowed: Allowances): void {
  const each = resolved(node);
  let isInside = isFree;
  if (each.op === "call" || each.op === "rcall") {
    const { name, target, args } = calleeOf(each);
    isInside ||= name === "format";
    if (allowed.binds !== true && name === "bind" && target?.op === "id" && target.args === "cel")
      faults.push(...unknownBinding(target, args));
    if (allowed.patches !== true && name === "jsonpatch.escapeKey") faults.push(...unknownEscape(each));
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    const literal = args.at(-1);
    if (check !== undefined && literal?.op === "value" && typeof literal.args === "string")
      if (!check.isRight(literal.args))
        faults.push({ text: `invalid ${check.name} argument`, position: positionOf(literal) });
  }
  if (each.op === "value" && typeof each.args === "bigint" && each.args > maxInt)
    faults.push({ text: "invalid int literal", position: positionOf(each) });
  if (!isFree && each.op === "list") {
    const other = othersThanFirst(each.args as readonly CelNode[])[0];
    if (other !== undefined) faults.push(other);
  }
  if (!isFree && each.op === "map") {
    const entries = each.args as readonly (readonly [CelNode, CelNode])[];
    faults.push(
      ...othersThanFirst(entries.map(([key]) => key)),
      ...othersThanFirst(entries.map(([, value]) => value)),
    );
  }
  // The smallest number is written as the negative of one that is none.
  const isSmallest = each.op === "-_" && (each.args as CelNode).args === maxInt + 1n;
  if (!isSmallest) for (const child of childrenOf(each)) collect(child, faults, isInside, allowed);
}

/** The library binds names, cel-go's environment for Kubernetes does not: all that belongs to it is unknown. */
function unknownBinding(target: CelNode, [variable, ...others]: readonly CelNode[]): readonly Fault[] {
  if (variable === undefined) return [];
  const uses: CelNode[] = [];
  const find = (node: CelNode): void => {
    if (node.op === "id" && node.args === variable.args) uses.push(node);
    for (const child of childrenOf(resolved(node))) find(child);
  };
  for (const other of others) find(other);
  return [
    { text: undeclared("cel"), position: positionOf(target) },
    { text: undeclared("bind"), position: positionOf(variable) - 1 },
    ...[variable, ...uses].map((node) => ({
      text: undeclared(String(node.args)),
      position: positionOf(node),
    })),
  ];
}

/** As with names, what is not known here is unknown by each of its parts. */
function unknownEscape(call: CelNode): readonly Fault[] {
  const [, target, [key]] = call.args as readonly [string, CelNode, readonly CelNode[]];
  return [
    { text: undeclared("jsonpatch"), position: positionOf(target) },
    { text: undeclared("escapeKey"), position: key === undefined ? 0 : positionOf(key) - 1 },
  ];
}

/** The library takes the name of an object's field as a key, too. */
function accessFaults(node: CelNode, expression: string, faults: Fault[]): void {
  const each = resolved(node);
  if (each.op === "[]") {
    const [from, index] = each.args as readonly [CelNode & { readonly end?: number }, CelNode];
    if (from.checkedType?.kind === "message")
      faults.push({
        text: `found no matching overload for '_[_]' applied to '(${typeText(from.checkedType)}, ${typeText(index.checkedType)})'`,
        position: expression.indexOf("[", from.end ?? positionOf(from)),
      });
  }
  for (const child of childrenOf(each)) accessFaults(child, expression, faults);
}

function othersThanFirst(nodes: readonly CelNode[]): readonly Fault[] {
  const [first] = nodes;
  return nodes.flatMap((node) =>
    isSameType(first?.checkedType, node.checkedType)
      ? []
      : [
          {
            text: `expected type '${typeText(first?.checkedType)}' but found '${typeText(node.checkedType)}'`,
            position: positionOf(node),
          },
        ],
  );
}

const isSameType = (a: NodeType | undefined, b: NodeType | undefined) => textOf(a) === textOf(b);

/** An empty list or map is of any type. */
const textOf = (type: NodeType | undefined) => typeText(type).replace(/\b[A-Z]\b/g, "dyn");

const positionOf = ({ pos, start }: CelNode & { readonly start?: number }): number => pos ?? start ?? 0;

/** Patterns to be found are compiled when the program is made: what is wrong with them is said in other words. */
function checkPatterns(node: CelNode): void {
  const each = resolved(node);
  if (each.op === "rcall") {
    const { name, args } = calleeOf(each);
    const [pattern] = args;
    if ((name === "find" || name === "findAll") && pattern?.op === "value") {
      const fault = faultOfPattern(String(pattern.args));
      if (fault !== undefined) throw new CelCompileError(`instantiation failed: ${fault}`);
    }
  }
  for (const child of childrenOf(each)) checkPatterns(child);
}

function faultOfPattern(text: string): string | undefined {
  try {
    goRegExp(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
