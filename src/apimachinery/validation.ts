/**
 * Field errors: what is wrong with an object and where. Paths and messages are those of apimachinery's
 * `util/validation/field`. Import as a namespace: `import * as field from "…/validation.ts"`.
 */
import type { FieldError } from "./api-error.ts";
import { dns1123Subdomain } from "./names.ts";

export type FieldErrors = readonly FieldError[];

/** `spec` + `containers` → `spec.containers`. */
export function child(path: string, ...names: readonly string[]): string {
  const tail = names.length === 1 ? names[0] : names.join(".");
  return path === "" ? `${tail}` : `${path}.${tail}`;
}

/** `spec.containers` + 0 → `spec.containers[0]`; a map key is written the same way. */
export function at(path: string, indexOrKey: number | string): string {
  return `${path}[${indexOrKey}]`;
}

export function required(path: string, detail = ""): FieldError {
  return { type: "FieldValueRequired", field: path, message: withDetail("Required value", detail) };
}

export function invalid(path: string, value: unknown, detail = ""): FieldError {
  const message = withDetail(`Invalid value: ${renderValue(value)}`, detail);
  return { type: "FieldValueInvalid", field: path, message };
}

/** What is wrong is not one value: parts that do not go together. */
export function invalidState(path: string, detail: string): FieldError {
  return { type: "FieldValueInvalid", field: path, message: withDetail("Invalid value", detail) };
}

/** The value has the wrong shape: what the schema says, not what a rule says. */
export function typeInvalid(path: string, value: unknown, detail = ""): FieldError {
  return { ...invalid(path, value, detail), type: "FieldValueTypeInvalid" };
}

export function notSupported(path: string, value: unknown, supported: readonly string[]): FieldError {
  const detail = supported.length === 0 ? "" : `supported values: ${supported.map(quote).join(", ")}`;
  const message = withDetail(`Unsupported value: ${renderValue(value)}`, detail);
  return { type: "FieldValueNotSupported", field: path, message };
}

export function forbidden(path: string, detail: string): FieldError {
  return { type: "FieldValueForbidden", field: path, message: withDetail("Forbidden", detail) };
}

export function duplicate(path: string, value: unknown): FieldError {
  return { type: "FieldValueDuplicate", field: path, message: `Duplicate value: ${renderValue(value)}` };
}

export function notFound(path: string, value: unknown): FieldError {
  return { type: "FieldValueNotFound", field: path, message: `Not found: ${renderValue(value)}` };
}

export function tooLong(path: string, maxBytes: number): FieldError {
  const unit = maxBytes === 1 ? "byte" : "bytes";
  return {
    type: "FieldValueTooLong",
    field: path,
    message: `Too long: may not be more than ${maxBytes} ${unit}`,
  };
}

export function tooMany(path: string, actual: number, maxItems: number): FieldError {
  const unit = maxItems === 1 ? "item" : "items";
  const message = `Too many: ${actual}: must have at most ${maxItems} ${unit}`;
  return { type: "FieldValueTooMany", field: path, message };
}

export function internalError(path: string, detail: string): FieldError {
  return { type: "InternalError", field: path, message: withDetail("Internal error", detail) };
}

export const immutableMessage = "field is immutable";

/** One error when the two differ; absent, null and empty collections count as the same. */
export function immutable(path: string, value: unknown, old: unknown): FieldErrors {
  return semanticEqual(value, old) ? [] : [invalid(path, value, immutableMessage)];
}

export function nonNegative(path: string, value: number | undefined): FieldErrors {
  if (value === undefined || value >= 0) return [];
  return [invalid(path, value, "must be greater than or equal to 0")];
}

export function positive(path: string, value: number | undefined): FieldErrors {
  if (value === undefined || value > 0) return [];
  return [invalid(path, value, "must be greater than zero")];
}

/** An `Invalid value` for each message, as the name checks of `names.ts` return them. */
export function invalidEach(path: string, value: unknown, messages: readonly string[]): FieldErrors {
  return messages.map((message) => invalid(path, value, message));
}

/** Nothing when `value` is one of `supported`; Required when it is absent or "". */
export function oneOf(
  path: string,
  value: string | undefined,
  supported: readonly string[],
  /** "present": the empty text is a value like others, as where Go has a pointer. */
  options: { readonly required?: boolean | "present" } = {},
): FieldErrors {
  const { required: isRequired = false } = options;
  if (value === undefined || (value === "" && isRequired === true)) return isRequired ? [required(path)] : [];
  return notOneOf(path, value, supported);
}

function notOneOf(path: string, value: string, supported: readonly string[]): FieldErrors {
  return supported.includes(value) ? [] : [notSupported(path, value, supported)];
}

/**
 * Equality as the API sees it (upstream's `apiequality.Semantic`, without its quantities): absent, null, empty
 * list and empty object are one; the order of keys does not matter.
 */
export function semanticEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isEmptyValue(left) || isEmptyValue(right)) return isEmptyValue(left) && isEmptyValue(right);
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, position) => semanticEqual(item, right[position]));
  }
  const a = left as Readonly<Record<string, unknown>>;
  const b = right as Readonly<Record<string, unknown>>;
  for (const name in a) if (!semanticEqual(a[name], b[name])) return false;
  for (const name in b) if (!(name in a) && !isEmptyValue(b[name])) return false;
  return true;
}

function isEmptyValue(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const name in value) if (!isEmptyValue((value as Record<string, unknown>)[name])) return false;
  return true;
}

/** A string as Go's %q prints it. */
export function quote(text: string): string {
  const quoted = JSON.stringify(text);
  return plainText.test(text) ? quoted : quoted.replace(escapedOrUnprintable, escapedAsGo);
}

const plainText = /^[ -~]*$/;
/** JSON's escapes, and what it leaves as it is though nobody could see it. */
const escapedOrUnprintable = /\\(?:u[0-9a-f]{4}|.)|[\p{C}\p{Zl}\p{Zp}]|[^\P{Zs} ]/gu;
const goEscapes: Readonly<Record<string, string>> = { "\u0007": "\\a", "\u000b": "\\v" };

function escapedAsGo(found: string): string {
  if (found.startsWith("\\") && !found.startsWith("\\u")) return found;
  const character = found.startsWith("\\") ? String.fromCharCode(Number.parseInt(found.slice(2), 16)) : found;
  const code = character.codePointAt(0) ?? 0;
  const digits = (length: number) => code.toString(16).padStart(length, "0");
  if (code < 0x80) return goEscapes[character] ?? `\\x${digits(2)}`;
  return code < 0x10000 ? `\\u${digits(4)}` : `\\U${digits(8)}`;
}

function withDetail(summary: string, detail: string): string {
  return detail === "" ? summary : `${summary}: ${detail}`;
}

// Go's JSON encoder escapes these three; messages carry its output.
const htmlEscapes: Readonly<Record<string, string>> = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026" };

function renderValue(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (value === undefined || value === null) return "null";
  if (typeof value !== "object") return String(value);
  return JSON.stringify(value).replace(/[<>&]/g, (character) => htmlEscapes[character] ?? character);
}

/** The errors of every item of a list, each at its own path. */
export function each<T>(
  path: string,
  list: readonly T[] | undefined,
  check: (item: T, path: string, index: number) => FieldErrors,
): FieldErrors {
  if (list === undefined) return none;
  let errors: FieldError[] | undefined;
  for (const [index, item] of list.entries()) {
    const found = check(item, at(path, index), index);
    if (found.length === 0) continue;
    errors ??= [];
    errors.push(...found);
  }
  return errors ?? none;
}

/** Nearly every list of every object that is written: not worth an array of its own. */
const none: FieldErrors = [];

/** `Duplicate value` for every item whose key an earlier one has. */
export function unique<T>(
  list: readonly T[] | undefined,
  keyOf: (item: T) => string | undefined,
  duplicateAt: (index: number, item: T) => FieldError,
): FieldErrors {
  if (list === undefined) return none;
  const seen = new Set<string>();
  return list.flatMap((item, index) => {
    const key = keyOf(item);
    if (key === undefined) return [];
    if (seen.has(key)) return [duplicateAt(index, item)];
    seen.add(key);
    return [];
  });
}

/** Upstream's `IsDomainPrefixedPath`: `example.com/path`. */
export function domainPrefixedPathErrors(key: string, path: string): FieldError[] {
  if (key === "") return [required(path)];
  const slash = key.indexOf("/");
  const domain = key.slice(0, slash);
  const rest = key.slice(slash + 1);
  if (slash < 0 || domain === "" || rest === "")
    return [invalid(path, key, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const reasons = dns1123Subdomain(domain);
  if (reasons.length > 0) return reasons.map((reason) => invalid(path, domain, reason));
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(rest))
    return [
      invalid(path, rest, "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"),
    ];
  return [];
}
