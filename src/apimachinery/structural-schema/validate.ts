import type { FieldError } from "../api-error.ts";
import { jsonEqual } from "../patch/json-value.ts";
import * as field from "../validation.ts";
import { hasFormat, isKnownFormat } from "./formats.ts";
import { goRegExp } from "./go-regexp.ts";
import { isObject, itemsOf, type JsonObject, type JsonSchema, propertyOf } from "./json-schema.ts";
import { isInt64, rangeFault } from "./number-range.ts";

/** Values of objects against their schemas, with the messages of upstream's OpenAPI validator. */

export interface ValidateOptions {
  /** Where the value is in its object: "" for the object itself, "status" for its status. */
  readonly root?: string;
  /** What stood there before: what is unchanged stays valid (ratcheting, KEP-4008). */
  readonly old?: unknown;
}

export function validateValue(
  value: unknown,
  schema: JsonSchema,
  options: ValidateOptions = {},
): readonly FieldError[] {
  const result = new Result(options.root ?? "");
  check({ value, schema, path: "", old: options.old }, result);
  return result.errors;
}

/** What was found so far; `matches` says how much of a schema applied, which tells the best of several failures. */
class Result {
  readonly errors: FieldError[] = [];
  readonly root: string;
  matches = 0;

  constructor(root: string) {
    this.root = root;
  }

  /** The path as errors name it. */
  at(path: string): string {
    const relative = path.replace(/^\./, "");
    if (relative === "") return this.root === "" ? "<nil>" : this.root;
    return this.root === "" ? relative : `${this.root}.${relative}`;
  }

  /** Says everything once. */
  add(...errors: readonly FieldError[]): void {
    for (const error of errors)
      if (!this.errors.some(({ field, message }) => field === error.field && message === error.message))
        this.errors.push(error);
  }

  /** A composite fault is of no single field. */
  addComposite(message: string): void {
    this.add(field.invalid(this.root === "" ? "<nil>" : this.root, "", message));
  }

  merge(other: Result): void {
    this.add(...other.errors);
    this.matches += other.matches;
  }
}

interface Subject {
  readonly value: unknown;
  readonly schema: JsonSchema;
  /** As messages name it: "spec.list[0].field". */
  readonly path: string;
  readonly old: unknown;
}

function check(subject: Subject, result: Result): void {
  const { value, schema, old } = subject;
  if (old !== undefined && value !== null && jsonEqual(value, old)) {
    result.matches++;
    return;
  }
  const isTyped = checkType(subject, result);
  if (value === null) {
    if (isTyped) result.matches++;
    checkEnum(subject, result);
    return;
  }
  // A check counts when it applies, the one of types twice when it holds.
  const format = formatOf(schema);
  if (typesOf(schema).length > 0 || format !== undefined) result.matches += isTyped ? 2 : 1;
  checkComposites(subject, result);
  result.matches += 2;
  if (typeof value === "string") {
    checkString(value, subject, result);
    result.matches += format !== undefined && isKnownFormat(format) ? 2 : 1;
  } else if (typeof value === "number") {
    checkNumber(value, subject, result);
    result.matches += 2;
  } else if (Array.isArray(value)) {
    checkList(value, subject, result);
    result.matches += 2;
  }
  checkEnum(subject, result);
  if (isObject(value)) {
    checkMembers(value, subject, result);
    result.matches++;
  }
  result.matches += 2;
}

function typesOf(schema: JsonSchema): readonly string[] {
  if (schema["x-kubernetes-int-or-string"] === true) return ["integer", "string"];
  return schema.type === undefined || schema.type === "" ? [] : [schema.type];
}

/** The format that counts for a schema's type. */
function formatOf({ type = "", format = "" }: JsonSchema): string | undefined {
  if (format === "") return undefined;
  if (type === "" || type === "string") return isKnownFormat(format) ? format : undefined;
  if (type === "integer") return format === "int32" || format === "int64" ? format : undefined;
  return type === "number" && (format === "float" || format === "double") ? format : undefined;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return isInt64(value) ? "integer" : "number";
  return typeof value;
}

/** Whether the value has one of the schema's types. */
function checkType({ value, schema, path }: Subject, result: Result): boolean {
  const types = typesOf(schema);
  const format = formatOf(schema);
  const found = typeName(value);
  if (value === null) {
    const may = types.length === 0 || schema.nullable === true;
    if (!may) result.add(wrongType(result.at(path), path, types.join(","), "null"));
    return may;
  }
  if (types.length === 0 && format === undefined) return true;
  const isNumber = types.includes("number");
  const isOne = types.includes(found) || (found === "integer" && isNumber);
  if (typeof value !== "string" && !Array.isArray(value) && format !== undefined && !isOne) {
    const own = found === "integer" ? "int64" : found === "number" ? "float64" : "";
    result.add(wrongType(result.at(path), path, format, own));
    return false;
  }
  // What has a format and is no number may be any text or list here.
  if (format !== undefined && !isNumber && !types.includes("integer")) return true;
  if (!isOne) result.add(wrongType(result.at(path), path, types.join(","), found));
  return isOne;
}

function wrongType(at: string, path: string, wanted: string, found: unknown): FieldError {
  return field.typeInvalid(
    at,
    found,
    `${path} in body must be of type ${wanted}: ${field.quote(String(found))}`,
  );
}

function checkEnum({ value, schema, path }: Subject, result: Result): void {
  const values = schema.enum;
  if (values === undefined || values.length === 0) return;
  if (values.some((allowed) => jsonEqual(allowed, value))) return;
  const shown = values.map((allowed) => (typeof allowed === "string" ? allowed : JSON.stringify(allowed)));
  result.add(field.notSupported(result.at(path), value, shown));
}

function checkString(value: string, subject: Subject, result: Result): void {
  const { schema, path } = subject;
  const fault = textFault(value, subject, result.at(path));
  if (fault !== undefined) result.add(fault);
  const format = formatOf(schema);
  if (format !== undefined && isKnownFormat(format) && !hasFormat(format, value))
    result.add(
      field.typeInvalid(
        result.at(path),
        value,
        `${path} in body must be of type ${format}: ${field.quote(value)}`,
      ),
    );
}

/** The first of what is wrong with a text. */
function textFault(value: string, { schema, path }: Subject, at: string): FieldError | undefined {
  const { minLength, maxLength, pattern } = schema;
  const length = maxLength === undefined && minLength === undefined ? 0 : [...value].length;
  if (maxLength !== undefined && length > maxLength) return field.tooLong(at, maxLength);
  if (minLength !== undefined && length < minLength)
    return field.invalid(at, value, `${path} in body should be at least ${minLength} chars long`);
  if (pattern !== undefined && pattern !== "" && !matchesPattern(pattern, value))
    return field.invalid(at, value, `${path} in body should match '${pattern}'`);
  return undefined;
}

/** A pattern that cannot be read matches nothing, as upstream has it. */
function matchesPattern(pattern: string, value: string): boolean {
  try {
    return goRegExp(pattern).test(value);
  } catch {
    return false;
  }
}

function checkNumber(value: number, { schema, path }: Subject, result: Result): void {
  const { type, format, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const wrong = (should: string) =>
    result.add(field.invalid(result.at(path), value, `${path} in body should be ${should}`));
  const inRange = (number: number, what: string) => {
    const fault = rangeFault(number, type, format, what, path);
    if (fault !== undefined) result.addComposite(fault);
  };
  inRange(value, "Checked");
  if (multipleOf !== undefined) {
    inRange(multipleOf, "MultipleOf");
    if (multipleOf > 0 && !Number.isInteger(multipleOf < 1 ? (1 / multipleOf) * value : value / multipleOf))
      wrong(`a multiple of ${multipleOf}`);
  }
  if (minimum !== undefined) {
    inRange(minimum, "Minimum boundary");
    if (exclusiveMinimum === true && value <= minimum) wrong(`greater than ${minimum}`);
    if (exclusiveMinimum !== true && value < minimum) wrong(`greater than or equal to ${minimum}`);
  }
  if (maximum !== undefined) {
    inRange(maximum, "Maximum boundary");
    if (exclusiveMaximum === true && value >= maximum) wrong(`less than ${maximum}`);
    if (exclusiveMaximum !== true && value > maximum) wrong(`less than or equal to ${maximum}`);
  }
}

function checkList(list: readonly unknown[], { schema, path, old }: Subject, result: Result): void {
  const { minItems, maxItems, uniqueItems } = schema;
  const items = itemsOf(schema);
  const at = result.at(path);
  if (items !== undefined) {
    const before = correlatedItems(schema, old);
    for (const [index, value] of list.entries())
      check({ value, schema: items, path: `${path}[${index}]`, old: before(value) }, result);
  }
  if (minItems !== undefined && list.length < minItems)
    result.add(field.invalid(at, list.length, `${path} in body should have at least ${minItems} items`));
  if (maxItems !== undefined && list.length > maxItems) result.add(field.tooMany(at, list.length, maxItems));
  if (
    uniqueItems === true &&
    list.some((item, index) => list.slice(0, index).some((other) => jsonEqual(item, other)))
  )
    result.add(field.invalid(at, "", `${path} in body shouldn't contain duplicates`));
}

/** The item that stood there before: known by the keys of a map-like list, in no other list. */
export function correlatedItems(schema: JsonSchema, old: unknown): (item: unknown) => unknown {
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  if (!Array.isArray(old) || schema["x-kubernetes-list-type"] !== "map" || keys.length === 0)
    return () => undefined;
  const items = itemsOf(schema);
  const keyOf = (item: unknown) =>
    isObject(item)
      ? JSON.stringify(keys.map((key) => item[key] ?? propertyOf(items, key)?.default ?? null))
      : undefined;
  const byKey = new Map<string, unknown>();
  for (const item of old as readonly unknown[]) {
    const key = keyOf(item);
    if (key !== undefined) byKey.set(key, item);
  }
  return (item) => {
    const key = keyOf(item);
    return key === undefined ? undefined : byKey.get(key);
  };
}

function checkMembers(object: JsonObject, { schema, path, old }: Subject, result: Result): void {
  const { minProperties, maxProperties, required, properties, additionalProperties } = schema;
  const names = Object.keys(object);
  const at = result.at(path);
  const before = (name: string) => (isObject(old) && Object.hasOwn(old, name) ? old[name] : undefined);
  if (minProperties !== undefined && names.length < minProperties)
    result.add(
      field.invalid(at, names.length, `${path} in body should have at least ${minProperties} properties`),
    );
  if (maxProperties !== undefined && names.length > maxProperties)
    result.add(field.tooMany(at, names.length, maxProperties));
  if (typeof additionalProperties === "object")
    for (const name of names)
      if (propertyOf(schema, name) === undefined)
        check(
          { value: object[name], schema: additionalProperties, path: `${path}.${name}`, old: before(name) },
          result,
        );
  for (const [name, property] of Object.entries(properties ?? {}))
    if (Object.hasOwn(object, name))
      check(
        {
          value: object[name],
          schema: property,
          path: path === "" ? name : `${path}.${name}`,
          old: before(name),
        },
        result,
      );
  for (const name of required ?? [])
    if (!Object.hasOwn(object, name)) result.add(field.required(result.at(`${path}.${name}`)));
}

function checkComposites(subject: Subject, result: Result): void {
  const { schema, path } = subject;
  const { anyOf, oneOf, allOf, not } = schema;
  const outcome = (part: JsonSchema) => {
    const own = new Result(result.root);
    // What was there before counts in the structure alone.
    check({ ...subject, schema: part, old: undefined }, own);
    return own;
  };
  const name = field.quote(path);
  if (anyOf !== undefined && anyOf.length > 0) {
    const best = bestOf(anyOf, outcome, "first");
    if (best.valid === 0) result.addComposite(`${name} must validate at least one schema (anyOf)`);
    if (best.closest !== undefined) result.merge(best.closest);
  }
  if (oneOf !== undefined && oneOf.length > 0) {
    const best = bestOf(oneOf, outcome, "all");
    if (best.valid !== 1) {
      const found = best.valid === 0 ? "Found none valid" : `Found ${best.valid} valid alternatives`;
      result.addComposite(`${name} must validate one and only one schema (oneOf). ${found}`);
    }
    if (best.valid < 2 && best.closest !== undefined) result.merge(best.closest);
  }
  if (allOf !== undefined && allOf.length > 0) {
    const outcomes = allOf.map(outcome);
    for (const own of outcomes) result.merge(own);
    const valid = outcomes.filter(({ errors }) => errors.length === 0).length;
    if (valid < allOf.length)
      result.addComposite(
        `${name} must validate all the schemas (allOf)${valid === 0 ? ". None validated" : ""}`,
      );
  }
  if (not !== undefined && outcome(not).errors.length === 0)
    result.addComposite(`${name} must not validate the schema (not)`);
}

/** How many of the alternatives hold (at most one is looked for with "first"), and the first of them, or what came closest. */
function bestOf(
  alternatives: readonly JsonSchema[],
  outcome: (part: JsonSchema) => Result,
  wanted: "first" | "all",
): { readonly valid: number; readonly closest: Result | undefined } {
  let valid = 0;
  let closest: Result | undefined;
  for (const alternative of alternatives) {
    const own = outcome(alternative);
    if (own.errors.length === 0) {
      if (valid++ === 0) closest = own;
      if (wanted === "first") break;
    } else if (valid === 0 && (closest === undefined || own.matches > closest.matches)) closest = own;
  }
  return { valid, closest };
}
