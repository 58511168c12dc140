/**
 * Turns parsed JSON of unknown origin into the object that upstream would have made of it: shapes checked, unknown
 * fields dropped, nulls and zero values left out where Go leaves them out, quantities and times in canonical form,
 * fields in Go's order.
 */
import { canonicalQuantity, QuantityError } from "../quantity.ts";
import { canonicalTime } from "../time.ts";
import { maxJsonDepth } from "./json-text.ts";
import { ShapeError } from "./shape-error.ts";
import { type Field, goTypeName, type Model, type Shape, type UnionKind } from "./tables.ts";
import { timeFault } from "./time-fault.ts";

export interface Normalized {
  readonly object: Readonly<Record<string, unknown>>;
  /** At least one field was dropped because no table knows it; `strictErrors` says which. */
  readonly hasUnknownFields: boolean;
}

type JsonObject = Readonly<Record<string, unknown>>;

interface Context {
  hasUnknownFields: boolean;
}

/** Where a value stands, for messages: linked frames cost nothing until something is wrong. */
interface Place {
  readonly model: Model;
  readonly field: Field;
  readonly parent: Place | undefined;
  readonly depth: number;
}

/**
 * Throws `ShapeError`. The result shares free-form parts with `value`, which must not change afterwards. Parts of `known`, an
 * object of the same model that is in order, are taken as they are where they stand in `value` in the same place.
 */
export function normalize(model: Model, value: unknown, known?: JsonObject): Normalized {
  if (!isObject(value))
    throw new ShapeError(
      `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${goTypeName({ kind: "model", model })}`,
    );
  const context: Context = { hasUnknownFields: false };
  const object = normalizeModel(model, value, undefined, context, known);
  return { object, hasUnknownFields: context.hasUnknownFields };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function normalizeModel(
  model: Model,
  value: JsonObject,
  parent: Place | undefined,
  context: Context,
  like?: unknown,
): JsonObject {
  if (value === like) return value;
  const before = isObject(like) ? like : undefined;
  const result: Record<string, unknown> = {};
  let known = 0;
  for (const field of model.fields) {
    const raw = value[field.name];
    if (raw === undefined || !Object.hasOwn(value, field.name)) {
      writeZero(result, field);
      continue;
    }
    known++;
    if (raw === null) {
      writeZero(result, field);
      continue;
    }
    const place: Place = { model, field, parent, depth: (parent?.depth ?? 0) + 1 };
    if (place.depth > maxJsonDepth) throw new ShapeError("exceeded max depth");
    const normal = normalizeValue(field.shape, raw, place, context, before?.[field.name]);
    if (isOmitted(field, normal)) continue;
    result[field.name] = normal;
  }
  if (known < countOf(value)) context.hasUnknownFields = true;
  return result;
}

/** Of members; without making a list of them. */
function countOf(value: JsonObject): number {
  let count = 0;
  for (const _ in value) count++;
  return count;
}

function writeZero(result: Record<string, unknown>, field: Field): void {
  if (!field.alwaysWritten) return;
  result[field.name] = zeroOf(field.shape);
}

/** What Go writes for a field that was never set. */
export function zeroOf(shape: Shape): unknown {
  switch (shape.kind) {
    case "string":
    case "bytes":
      return "";
    case "bool":
      return false;
    case "int32":
    case "int64":
    case "double":
      return 0;
    case "list":
      return [];
    case "map":
      return {};
    case "model": {
      const result: Record<string, unknown> = {};
      for (const field of shape.model.alwaysWritten) result[field.name] = zeroOf(field.shape);
      return result;
    }
    default:
      return undefined;
  }
}

function isOmitted(field: Field, value: unknown): boolean {
  if (field.pointer || !field.omitEmpty) return value === undefined;
  if (value === "" || value === 0 || value === false || value === undefined) {
    const { kind } = field.shape;
    // Structs in Go: a zero IntOrString or Quantity is written.
    return kind !== "intOrString" && kind !== "quantity";
  }
  // No managers: whoever says that takes away those there are.
  if (Array.isArray(value)) return value.length === 0 && field.name !== "managedFields";
  if (field.shape.kind === "map") {
    for (const _ in value as object) return false;
    return true;
  }
  return false;
}

function normalizeValue(
  shape: Shape,
  value: unknown,
  place: Place,
  context: Context,
  like?: unknown,
): unknown {
  switch (shape.kind) {
    case "model":
      if (!isObject(value)) throw mismatch(value, shape, place);
      return normalizeModel(shape.model, value, place, context, like);
    case "list": {
      if (!Array.isArray(value)) throw mismatch(value, shape, place);
      if (value === like) return value;
      const before: readonly unknown[] = Array.isArray(like) ? like : [];
      return value.map((item: unknown, index) =>
        normalizeItem(shape.item, item, place, context, before[index]),
      );
    }
    case "map":
      if (value === like) return value;
      return normalizeMap(shape, value, place, context);
    case "schemaOrArray":
    case "schemaOrBool":
    case "schemaOrStrings":
      return normalizeUnion(shape, value, place, context);
    default:
      return normalizeScalar(shape, value, place);
  }
}

function normalizeItem(shape: Shape, item: unknown, place: Place, context: Context, like?: unknown): unknown {
  return item === null ? (zeroOf(shape) ?? null) : normalizeValue(shape, item, place, context, like);
}

function normalizeMap(
  shape: Shape & { kind: "map" },
  value: unknown,
  place: Place,
  context: Context,
): JsonObject {
  if (!isObject(value)) throw mismatch(value, shape, place);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (key === "__proto__") throw new ShapeError('the key "__proto__" is not allowed');
    result[key] = normalizeItem(shape.value, value[key], place, context);
  }
  return result;
}

function normalizeScalar(shape: Shape, value: unknown, place: Place): unknown {
  switch (shape.kind) {
    case "string":
      if (typeof value !== "string") throw mismatch(value, shape, place);
      return value;
    case "bool":
      if (typeof value !== "boolean") throw mismatch(value, shape, place);
      return value;
    case "int32":
    case "int64":
      return integer(shape, value, place);
    case "double":
      if (typeof value !== "number") throw mismatch(value, shape, place);
      return value;
    case "bytes":
      return base64(shape, value, place);
    case "quantity":
      return quantity(value);
    case "time":
    case "microTime":
      return time(shape, value, place);
    case "duration":
      if (typeof value !== "string") throw mismatch(value, { kind: "string" }, place);
      return value;
    case "intOrString":
      if (typeof value === "string") return value;
      return integer({ kind: "int32" }, value, place);
    default:
      // Free forms: whatever JSON they hold.
      return value;
  }
}

function integer(shape: Shape, value: unknown, place: Place): number {
  if (typeof value !== "number") throw mismatch(value, shape, place);
  const limit = shape.kind === "int32" ? 2 ** 31 : 2 ** 63;
  if (!Number.isInteger(value) || value < -limit || value >= limit) throw mismatch(value, shape, place);
  return value === 0 ? 0 : value; // no negative zero
}

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function base64(shape: Shape, value: unknown, place: Place): string {
  if (typeof value !== "string") throw mismatch(value, shape, place);
  // Go skips line breaks inside base64.
  const text = value.includes("\n") || value.includes("\r") ? value.replace(/[\r\n]/g, "") : value;
  if (!base64Pattern.test(text)) {
    const at = text.search(/[^A-Za-z0-9+/]/);
    throw new ShapeError(
      `illegal base64 data at input byte ${at < 0 ? text.length - (text.length % 4) : at}`,
    );
  }
  return text;
}

function quantity(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number")
    throw new ShapeError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  try {
    return canonicalQuantity(value);
  } catch (error) {
    if (error instanceof QuantityError) throw new ShapeError(error.message);
    throw error;
  }
}

function time(shape: Shape, value: unknown, place: Place): string {
  if (typeof value !== "string") throw mismatch(value, { kind: "string" }, place);
  const canonical = canonicalTime(value, { micro: shape.kind === "microTime" });
  if (canonical === undefined) {
    const layout =
      shape.kind === "microTime" ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
    throw new ShapeError(timeFault(value, layout));
  }
  return canonical;
}

function normalizeUnion(
  shape: Shape & { kind: UnionKind },
  value: unknown,
  place: Place,
  context: Context,
): unknown {
  if (isObject(value)) return normalizeModel(shape.model, value, place, context);
  if (shape.kind === "schemaOrBool" && typeof value === "boolean") return value;
  if (shape.kind === "schemaOrBool") throw new ShapeError("boolean or JSON schema expected");
  if (!Array.isArray(value)) throw mismatch(value, shape, place);
  const item: Shape =
    shape.kind === "schemaOrArray" ? { kind: "model", model: shape.model } : { kind: "string" };
  return value.map((each: unknown) => normalizeItem(item, each, place, context));
}

function mismatch(value: unknown, shape: Shape, place: Place): ShapeError {
  const path: string[] = [];
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) path.unshift(at.field.name);
  const found = jsonTypeName(value);
  return new ShapeError(
    `json: cannot unmarshal ${found} into Go struct field ${place.model.name}.${path.join(".")} of type ${goTypeName(shape)}`,
  );
}

/** What Go's decoder calls a JSON value. */
export function jsonTypeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? "number" : `number ${value}`;
    default:
      return "object";
  }
}
