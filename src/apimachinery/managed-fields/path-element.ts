import type { FieldSet, MaybeSet } from "./field-set.ts";
import { isMember } from "./field-set.ts";

/** One step of a path, as a key of `fieldsV1`. */

/** `f:name` */
export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** `v:"value"` */
export function valueElement(value: unknown): string {
  return `v:${goJson(value)}`;
}

/** `k:{"containerPort":80,"protocol":"TCP"}`: the keys in their order. */
export function keyElement(keys: readonly (readonly [name: string, value: unknown])[]): string {
  const sorted =
    keys.length < 2 ? keys : keys.toSorted(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
  return `k:{${sorted.map(([name, value]) => `${goJson(name)}:${goJson(value)}`).join(",")}}`;
}

const escapedByGo = /[<>&\u2028\u2029]/g;

/** Go's encoder escapes what could end a script or a line. */
function goJson(value: unknown): string {
  const text = JSON.stringify(value);
  // A test is much cheaper than a replacement, and nearly always says no.
  if (typeof value !== "string" || text.search(escapedByGo) < 0) return text;
  return text.replace(
    escapedByGo,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** As messages show it: `.name`, `[name="web"]`, `[="x"]`, `[0]`. */
export function showElement(element: string): string {
  const content = element.slice(2);
  switch (element[0]) {
    case "f":
      return `.${content}`;
    case "k": {
      const keys = JSON.parse(content) as Record<string, unknown>; // keyElement wrote it, or it was checked on input
      return `[${Object.entries(keys)
        .map(([name, value]) => `${name}=${showValue(value)}`)
        .join(",")}]`;
    }
    case "v":
      return `[=${showValue(JSON.parse(content))}]`;
    default:
      return `[${content}]`;
  }
}

function showValue(value: unknown): string {
  return JSON.stringify(value);
}

/**
 * The paths in the set as messages show them: `.spec.template.spec.containers[name="web"].image`. At each level first what
 * is in the set itself, then what is below.
 */
export function pathsOf(set: MaybeSet): readonly string[] {
  const paths: string[] = [];
  if (set !== undefined) collect(set, "", paths);
  return paths;
}

function collect(node: FieldSet, prefix: string, paths: string[]): void {
  const elements = Object.keys(node)
    .filter((element) => element !== ".")
    .sort();
  for (const element of elements) if (isMember(node[element])) paths.push(prefix + showElement(element));
  for (const element of elements) {
    const child = node[element];
    if (child !== undefined) collect(child, prefix + showElement(element), paths);
  }
}

/** A set that a client sent, its elements in canonical form. Throws an Error for what is none. */
export function readFieldSet(value: unknown): FieldSet {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("a field set must be an object");
  let changed = false;
  const entries = Object.entries(value).map(([element, child]: [string, unknown]) => {
    const canonical = element === "." ? "." : canonicalElement(element);
    const read = readFieldSet(child);
    if (canonical !== element || read !== child) changed = true;
    return [canonical, read] as const;
  });
  return changed ? Object.fromEntries(entries) : (value as FieldSet); // looked through just now
}

function canonicalElement(element: string): string {
  if (element.length < 2) throw new Error("key must be 2 characters long:");
  if (element[1] !== ":") throw new Error(`missing colon: ${element}`);
  const content = element.slice(2);
  switch (element[0]) {
    case "f":
      return element;
    case "i":
      if (!/^-?\d{1,9}$/.test(content))
        throw new Error(`strconv.Atoi: parsing ${JSON.stringify(content)}: invalid syntax`);
      return element;
    case "v":
      return valueElement(JSON.parse(content));
    case "k": {
      const keys: unknown = JSON.parse(content);
      if (typeof keys !== "object" || keys === null || Array.isArray(keys))
        throw new Error(`the keys of a list item must be an object: ${element}`);
      return keyElement(Object.entries(keys));
    }
    default:
      throw new Error("unknown path element type");
  }
}
