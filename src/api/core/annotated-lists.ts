import type { FieldError } from "../../apimachinery/api-error.ts";
import { jsonSyntaxError } from "../../apimachinery/schema/json-syntax-error.ts";
import * as field from "../../apimachinery/validation.ts";

type Errors = readonly FieldError[];

/** What was written to annotations as JSON before there were fields for it, by key; nothing acts on it, but it is still judged. */
export interface AnnotatedList<T> {
  readonly key: string;
  /** The type in Go's messages. */
  readonly goType: string;
  readonly check: (path: string, list: readonly T[]) => Errors;
}

/** The errors of such an annotation; `path` is that of the annotations. */
export function annotatedListErrors<T>(
  path: string,
  annotations: Readonly<Record<string, string>> | undefined,
  { key, goType, check }: AnnotatedList<T>,
): Errors {
  const text = annotations?.[key] ?? "";
  if (text === "") return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [field.invalid(path, key, jsonSyntaxError(text))];
  }
  const items = value ?? [];
  if (!Array.isArray(items) || !items.every(isObject)) {
    const what = Array.isArray(items) ? "array" : typeof items;
    return [field.invalid(path, key, `json: cannot unmarshal ${what} into Go value of type ${goType}`)];
  }
  // Upstream's path: a child of this name, not a key.
  return check(field.child(path, key), items as readonly T[]); // as far as their fields are what they should be
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
