/** Objects in the hands of their definitions, as tests write and read them. */
import assert from "node:assert/strict";
import type { FieldError } from "../../apimachinery/api-error.ts";
import { type AnyObject, parseApiVersion } from "../../apimachinery/meta.ts";
import type { ResourceDefinition } from "../definition.ts";
import { builtInDefinitions } from "../registry.ts";

/** 2026-01-01T12:00:00Z, when tests look at objects. */
export const nowMs = Date.parse("2026-01-01T12:00:00Z");

/** A timestamp so many seconds before `nowMs`. */
export function secondsAgo(seconds: number): string {
  return new Date(nowMs - seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** Frozen through and through: definitions must copy, not change. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

export function definitionOf(apiVersion: string, kind: string): ResourceDefinition {
  const { group } = parseApiVersion(apiVersion);
  const found = builtInDefinitions.find((one) => one.group === group && one.kind === kind);
  assert.ok(found, `${apiVersion} ${kind} is a built-in kind`);
  return found;
}

export interface Parts {
  readonly metadata?: AnyObject["metadata"];
  readonly [field: string]: unknown;
}

/** An object as the registry hands it to a definition. */
export function objectOf(apiVersion: string, kind: string, parts: Parts = {}): AnyObject {
  const metadata = { name: "one", namespace: "ns", uid: "uid-1", ...parts.metadata };
  return frozen({ apiVersion, kind, ...parts, metadata });
}

export function withDefaults(object: AnyObject): AnyObject {
  const { strategy } = definitionOf(object.apiVersion ?? "", object.kind ?? "");
  const full = frozen(strategy.defaults?.(object) ?? object);
  assert.deepEqual(strategy.defaults?.(full) ?? full, full, "defaults change nothing the second time");
  return full;
}

/** The object after a POST: defaults filled and prepared. */
export function created(apiVersion: string, kind: string, parts: Parts = {}): AnyObject {
  const object = withDefaults(objectOf(apiVersion, kind, parts));
  return frozen(definitionOf(apiVersion, kind).strategy.prepareForCreate?.(object) ?? object);
}

/** What is wrong with a new object, one line an error. */
export function createErrors(apiVersion: string, kind: string, parts: Parts = {}): readonly string[] {
  return lines(definitionOf(apiVersion, kind).strategy.validate?.(created(apiVersion, kind, parts)) ?? []);
}

/** What is wrong with a change from one state of an object to another. */
export function updateErrors(
  apiVersion: string,
  kind: string,
  before: Parts,
  after: Parts,
): readonly string[] {
  const { strategy } = definitionOf(apiVersion, kind);
  const old = created(apiVersion, kind, before);
  const changed = withDefaults(objectOf(apiVersion, kind, { ...after, status: after.status ?? old.status }));
  const prepared = frozen(strategy.prepareForUpdate?.(changed, old) ?? changed);
  return lines(strategy.validateUpdate?.(prepared, old) ?? []);
}

export function lines(errors: readonly FieldError[]): readonly string[] {
  return errors.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
}

/** The printed row: column name → cell, the age left out. */
export function rowOf(
  object: AnyObject,
  when = nowMs,
): Readonly<Record<string, string | number | boolean | null>> {
  const { columns } = definitionOf(object.apiVersion ?? "", object.kind ?? "");
  const cells = columns.filter(({ name }) => name !== "Name" && name !== "Age");
  return Object.fromEntries(cells.map(({ name, value }) => [name, value(object, { nowMs: when })]));
}

/** As `deepEqual` of lines; a pattern stands for a line that matches it. */
export function assertLines(actual: readonly string[], wanted: readonly (string | RegExp)[]): void {
  const shown = actual.map((line, index) => {
    const want = wanted[index];
    return want instanceof RegExp && want.test(line) ? want : line;
  });
  assert.deepEqual(shown, wanted);
}

/** A row of a table of what is wrong with new objects. */
export interface RefusedCase {
  readonly name: string;
  readonly spec?: object;
  readonly parts?: Parts;
  readonly want: readonly (string | RegExp)[];
}

/** A row of a table of what is wrong with changes. */
export interface ChangeCase {
  readonly name: string;
  readonly before?: object;
  readonly after?: object;
  readonly want: readonly (string | RegExp)[];
}
