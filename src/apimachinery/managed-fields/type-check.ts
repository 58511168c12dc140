import { goText } from "../patch/go-text.ts";
import { isMap, itemElement } from "./form.ts";
import type { ListType, MapType, MergeType } from "./merge-type.ts";
import { showElement } from "./path-element.ts";

/** What keeps a configuration from being merged; `path` as conflicts show it. */
export interface TypeProblem {
  readonly path: string;
  readonly message: string;
}

/** One line, or several where there are several problems: the text upstream answers with. */
export function describeProblems(problems: readonly TypeProblem[]): string {
  const lines = problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  return lines.length === 1 ? (lines[0] ?? "") : ["errors:", ...lines.map((line) => `  ${line}`)].join("\n");
}

/** Whether a configuration has its type's shape, each item once. Unlike a decoder it takes no unknown field. */
export function checkType(type: MergeType, value: unknown, path = ""): readonly TypeProblem[] {
  if (value === null || value === undefined) return [];
  switch (type.kind) {
    case "scalar":
      return checkScalar(type.scalar, value, path);
    case "map":
      return isMap(value)
        ? checkMap(type, value, path)
        : [{ path, message: `expected map, got ${goValue(value)}` }];
    case "list":
      if (!Array.isArray(value)) return [{ path, message: `expected list, got ${goValue(value)}` }];
      return checkList(type, value, path);
    default:
      return [];
  }
}

function checkScalar(scalar: string, value: unknown, path: string): readonly TypeProblem[] {
  const is = typeof value;
  switch (scalar) {
    case "numeric":
      if (is === "number") return [];
      return [{ path, message: `expected numeric (int or float), got ${goType(value)}` }];
    case "string":
      if (is === "string") return [];
      return [{ path, message: `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}` }];
    case "boolean":
      return is === "boolean" ? [] : [{ path, message: `expected boolean, got ${goValue(value)}` }];
    default:
      if (is !== "object") return [];
      return [{ path, message: `expected any scalar, got ${goValue(value)}` }];
  }
}

function checkMap(
  type: MapType,
  map: Readonly<Record<string, unknown>>,
  path: string,
): readonly TypeProblem[] {
  const problems: TypeProblem[] = [];
  for (const [name, value] of Object.entries(map)) {
    const child = type.field(name) ?? type.value;
    if (child === undefined) {
      problems.push({ path: `${path}.${name}`, message: "field not declared in schema" });
      break;
    }
    problems.push(...checkType(child, value, `${path}.${name}`));
  }
  return problems;
}

function checkList(type: ListType, items: readonly unknown[], path: string): readonly TypeProblem[] {
  const problems: TypeProblem[] = [];
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    let shown = `[${index}]`;
    if (type.relation !== "atomic") {
      const why = whyNoElement(type, item);
      if (why !== undefined) return [...problems, { path, message: `element ${index}: ${why}` }];
      const element = itemElement(type, item);
      shown = showElement(element);
      if (seen.has(element)) problems.push({ path, message: `duplicate entries for key ${shown}` });
      seen.add(element);
    }
    problems.push(...checkType(type.item, item, path + shown));
  }
  return problems;
}

function whyNoElement({ relation, keys }: ListType, item: unknown): string | undefined {
  if (relation === "set") {
    if (isMap(item)) return "associative list without keys has an element that's a map type";
    if (Array.isArray(item)) return "not supported: associative list with lists as elements";
    return item === null ? "associative list without keys has an element that's an explicit null" : undefined;
  }
  if (item === null) return "associative list with keys may not have a null element";
  if (!isMap(item)) return "associative list with keys may not have non-map elements";
  if (keys.some(({ name, defaultValue }) => defaultValue !== undefined || Object.hasOwn(item, name)))
    return undefined;
  const names = keys.map(({ name }) => JSON.stringify(name)).join(" ");
  return `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`;
}

/** What Go's `%T` says of a JSON value. */
export function goType(value: unknown): string {
  if (value === null) return "<nil>";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
}

/** As Go's `%v` prints the record around the value. */
function goValue(value: unknown): string {
  return `&{${goText(value)}}`;
}

/** As Go's `%#v` prints it. */
function goSyntax(value: unknown): string {
  if (value === null) return "interface {}(nil)";
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (!isMap(value)) return JSON.stringify(value);
  const names = Object.keys(value).toSorted();
  return `map[string]interface {}{${names.map((name) => `${JSON.stringify(name)}:${goSyntax(value[name])}`).join(", ")}}`;
}
