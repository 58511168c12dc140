import { isObject } from "./json-schema.ts";

/** The JSON paths of printer columns, scale and selectable fields: `.spec.x`, `.a[0].b`, `.list[?(@.type=="Ready")].status`, `.a['b.c']`, `.list[*].x`. */
export type JsonPath = (root: unknown) => readonly unknown[];

type Step = (values: readonly unknown[]) => readonly unknown[];

/** What a filter cannot compare: upstream's path ends with an error then, which shows as nothing. */
class Incomparable extends Error {}

/** Throws an Error for a path that cannot be read. Fields that are not there give nothing. */
export function parseJsonPath(path: string): JsonPath {
  const steps: Step[] = [];
  let at = 0;
  while (at < path.length) {
    const rest = path.slice(at);
    const [text, step] = nextStep(rest, path);
    steps.push(step);
    at += text.length;
  }
  return (root) => {
    try {
      return steps.reduce((values, step) => step(values), [root] as readonly unknown[]);
    } catch (error) {
      if (error instanceof Incomparable) return [];
      throw error;
    }
  };
}

function nextStep(rest: string, path: string): [string, Step] {
  const recursive = /^\.\.((?:\\.|[^.[\]\\])+)/.exec(rest);
  if (recursive !== null)
    return [recursive[0], (values) => values.flatMap((value) => descend(value, unescaped(recursive[1])))];
  const named = /^\.?((?:\\.|[^.[\]\\*$@])+)/.exec(rest);
  if (named !== null && (rest.startsWith(".") || rest === path))
    return [named[0], member(unescaped(named[1]))];
  const wildcard = /^(?:\.\*|\[\*\])/.exec(rest);
  if (wildcard !== null) return [wildcard[0], (values) => values.flatMap(children)];
  const quoted = /^\[\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\s*\]/.exec(rest);
  if (quoted !== null) return [quoted[0], member(unescaped(quoted[1] ?? quoted[2]))];
  const range = /^\[\s*(-?\d*)\s*(?:(:)\s*(-?\d*)\s*)?\]/.exec(rest);
  if (range !== null) return [range[0], slice(range[1] ?? "", range[2] !== undefined, range[3] ?? "")];
  const union = /^\[([^\][?,]+(?:,[^\][?,]+)+)\]/.exec(rest);
  if (union !== null) {
    const steps = (union[1] ?? "").split(",").map((part) => nextStep(`[${part}]`, path)[1]);
    return [union[0], (values) => steps.flatMap((step) => step(values))];
  }
  const filter =
    /^\[\?\(\s*@((?:\.[\w/-]+|\[['"][^'"]+['"]\])*)\s*(?:(==|!=|<=|>=|<|>)\s*(?:"([^"]*)"|'([^']*)'|([^)\s]+))\s*)?\)\]/.exec(
      rest,
    );
  if (filter !== null) {
    const [text, below = "", operator, double, single, bare] = filter;
    return [text, select(parseJsonPath(below), operator, double ?? single ?? literal(bare))];
  }
  if (rest === ".") return [rest, (values) => values];
  throw new Error(`unrecognized JSON path ${JSON.stringify(path)}`);
}

const unescaped = (text = "") => text.replace(/\\(.)/g, "$1");

function member(name: string): Step {
  return (values) =>
    values.flatMap((value) => (isObject(value) && Object.hasOwn(value, name) ? [value[name]] : []));
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}

function descend(value: unknown, name: string): readonly unknown[] {
  const own = isObject(value) && Object.hasOwn(value, name) ? [value[name]] : [];
  return [...own, ...children(value).flatMap((each) => descend(each, name))];
}

function slice(from: string, isRange: boolean, to: string): Step {
  return (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) return [];
      if (isRange) return value.slice(from === "" ? 0 : Number(from), to === "" ? undefined : Number(to));
      const item: unknown = value.at(Number(from));
      return item === undefined ? [] : [item];
    });
}

function literal(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (text === "true" || text === "false") return text === "true";
  return Number.isNaN(Number(text)) ? text : Number(text);
}

function select(below: JsonPath, operator: string | undefined, wanted: unknown): Step {
  return (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) throw new Incomparable();
      return value.filter((child) => {
        const found = below(child);
        if (operator === undefined) return found.length > 0;
        if (found.length > 1) throw new Incomparable();
        return found.length > 0 && compares(found[0], operator, wanted);
      });
    });
}

function compares(value: unknown, operator: string, wanted: unknown): boolean {
  const kind = goKind(value);
  if (kind === undefined || kind !== goKind(wanted)) throw new Incomparable();
  if (operator === "==") return value === wanted;
  if (operator === "!=") return value !== wanted;
  if (kind === "bool") throw new Incomparable();
  const [left, right] = [value as number | string, wanted as number | string]; // what is left of the kinds
  if (operator === "<") return left < right;
  if (operator === "<=") return left <= right;
  return operator === ">" ? left > right : left >= right;
}

/** Go tells whole numbers from others, and compares neither with the other. */
function goKind(value: unknown): "bool" | "int" | "float" | "string" | undefined {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value !== "number") return undefined;
  return Number.isInteger(value) ? "int" : "float";
}
