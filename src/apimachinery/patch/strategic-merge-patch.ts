/**
 * Strategic merge patch: a merge patch that knows from the tables which lists merge by a key, and that obeys
 * directives (`$patch`, `$retainKeys`, `$setElementOrder/x`, `$deleteFromPrimitiveList/x`).
 */
import { badRequest } from "../api-error.ts";
import type { Field, Model, Shape } from "../schema/tables.ts";
import { goText } from "./go-text.ts";
import { isJsonObject, type JsonObject } from "./json-value.ts";
import { inListOrder } from "./list-order.ts";
import { unmergeable, unprocessable } from "./patch-errors.ts";

const directive = "$patch";
const retainKeys = "$retainKeys";
const setElementOrder = "$setElementOrder/";
const deleteFromPrimitiveList = "$deleteFromPrimitiveList/";

/** Fields by name; undefined where nothing is known: then objects merge and lists replace. */
type Fields = Model | undefined;

/** Throws `ApiError`: 400 for a patch that is malformed, 422 for one that does not apply. */
export function applyStrategicMergePatch(original: JsonObject, patch: unknown, model: Model): JsonObject {
  if (!isJsonObject(patch)) throw badRequest("a strategic merge patch is an object");
  return mergeObject(original, patch, { fields: model, values: undefined });
}

/** What is known of an object's members: a model's fields, or one shape for all (a map). */
interface Schema {
  readonly fields: Fields;
  readonly values: Shape | undefined;
}

const unknownSchema: Schema = { fields: undefined, values: undefined };

function schemaOf(shape: Shape | undefined): Schema {
  if (shape?.kind === "model") return { fields: shape.model, values: undefined };
  if (shape?.kind === "map") return { fields: undefined, values: shape.value };
  return unknownSchema;
}

function mergeObject(original: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
  if (Object.hasOwn(patch, directive)) return applyDirective(patch);
  const { [retainKeys]: retained, ...members } = patch;
  const result: Record<string, unknown> =
    retained === undefined ? { ...original } : retain(original, members, retained);
  const ordered = new Set<string>();
  for (const [key, order] of Object.entries(members)) {
    if (!key.startsWith(setElementOrder)) continue;
    const name = key.slice(setElementOrder.length);
    ordered.add(name);
    mergeOrdered(result, name, members, order, schema);
  }
  for (const [key, value] of Object.entries(members)) {
    if (key.startsWith(setElementOrder) || ordered.has(key)) continue;
    if (key.startsWith(deleteFromPrimitiveList)) removePrimitives(result, key, value);
    else mergeMember(result, key, value, schema);
  }
  return result;
}

function applyDirective(patch: JsonObject): JsonObject {
  const { [directive]: kind, ...rest } = patch;
  if (kind === "replace") return rest;
  if (kind === "delete") return {};
  throw unknownDirective(kind, patch);
}

function unknownDirective(kind: unknown, patch: JsonObject) {
  return unmergeable(`unknown patch type: ${String(kind)} in map: ${goText(patch)}`);
}

function retain(original: JsonObject, members: JsonObject, retained: unknown): Record<string, unknown> {
  if (!Array.isArray(retained)) throw badRequest("invalid patch format of retainKeys");
  const keep = new Set<unknown>(retained);
  for (const [key, value] of Object.entries(members)) {
    const isDirective = key.startsWith(setElementOrder) || key.startsWith(deleteFromPrimitiveList);
    if (value !== null && !isDirective && !keep.has(key))
      throw badRequest("invalid patch format of retainKeys");
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => keep.has(key)));
}

function mergeMember(result: Record<string, unknown>, key: string, value: unknown, schema: Schema): void {
  if (value === null) {
    delete result[key];
    return;
  }
  const before = Object.hasOwn(result, key) ? result[key] : undefined;
  const field = schema.fields?.field(key);
  const shape = field?.shape ?? schema.values;
  if (isJsonObject(before) && isJsonObject(value)) {
    result[key] = field?.patchReplace === true ? value : mergeObject(before, value, schemaOf(shape));
  } else if (Array.isArray(before) && Array.isArray(value)) {
    result[key] = field?.patchMerge === true ? mergeList(before, value, field) : value;
  } else {
    const plain = withoutDirectives(value);
    if (plain === undefined) delete result[key];
    else result[key] = plain;
  }
}

function removePrimitives(result: Record<string, unknown>, key: string, value: unknown): void {
  const name = key.slice(deleteFromPrimitiveList.length);
  const before = result[name];
  if (!Array.isArray(before) || !Array.isArray(value)) return;
  result[name] = before.filter((item) => !value.includes(item));
}

/** What is left of a value that meets nothing to merge with: directives and nulls mean nothing there. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isJsonObject(value)) return value;
  if (Object.hasOwn(value, directive)) return undefined;
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member === null || isDirectiveKey(key)) continue;
    const plain = withoutDirectives(member);
    if (plain !== undefined) result[key] = plain;
  }
  return result;
}

/** `$ref` and `$schema` are fields of JSON schemas. */
function isDirectiveKey(key: string): boolean {
  return key === retainKeys || key.startsWith(setElementOrder) || key.startsWith(deleteFromPrimitiveList);
}

function mergeOrdered(
  result: Record<string, unknown>,
  name: string,
  members: JsonObject,
  order: unknown,
  schema: Schema,
): void {
  if (!Array.isArray(order))
    throw unmergeable(`expected a []interface {}, but received a ${goTypeOf(order)}`);
  const field = schema.fields?.field(name);
  if (schema.fields !== undefined && field === undefined)
    throw unmergeable(
      `unable to find api field in struct ${schema.fields.name} for the json field ${JSON.stringify(name)}`,
    );
  const mergeKey = field?.patchMergeKey;
  const before = result[name];
  if (mergeKey !== undefined)
    for (const [index, item] of order.entries()) {
      if (!isJsonObject(item)) throw unmergeable(`value for key ${index} is not a map`);
      keyOf(item, mergeKey);
    }
  const deletions = members[`${deleteFromPrimitiveList}${name}`];
  const patch = members[name];
  if (patch === null) {
    delete result[name];
    return;
  }
  if (patch !== undefined && !Array.isArray(patch))
    throw badRequest("invalid patch format of setElementOrder list");
  if (Array.isArray(patch)) checkOrder(patch, order, mergeKey);
  if (deletions !== undefined && Array.isArray(before))
    removePrimitives(result, `${deleteFromPrimitiveList}${name}`, deletions);
  const current = result[name];
  if (!Array.isArray(current)) {
    if (patch !== undefined) result[name] = withoutDirectives(patch);
    return;
  }
  if (patch !== undefined && field?.patchMerge !== true) {
    result[name] = patch;
    return;
  }
  const merged = patch === undefined ? current : mergeList(current, patch, field);
  result[name] = inListOrder(merged, order, Array.isArray(before) ? before : [], mergeKey);
}

/** What a patch holds must come in the order that it declares. */
function checkOrder(
  patch: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string | undefined,
): void {
  if (order.length === 0) return;
  let at = 0;
  for (const item of patch) {
    if (isJsonObject(item) && Object.hasOwn(item, directive)) continue;
    while (at < order.length && !sameItem(order[at], item, mergeKey)) at++;
    if (at === order.length)
      throw unmergeable(
        `The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
      );
    at++;
  }
}

function sameItem(left: unknown, right: unknown, mergeKey: string | undefined): boolean {
  if (mergeKey === undefined) return left === right;
  return isJsonObject(left) && isJsonObject(right) && left[mergeKey] === right[mergeKey];
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  field: Field | undefined,
): unknown[] {
  const item = field?.shape.kind === "list" ? field.shape.item : undefined;
  const mergeKey = field?.patchMergeKey;
  if ([...original, ...patch].some(Array.isArray)) throw unprocessable("lists of lists are not supported");
  if (item?.kind !== "model") {
    if (new Set([...original, ...patch].map(goTypeOf)).size > 1) throw unlikeItems(original, patch);
    const both = [...new Set([...original, ...patch])];
    return inListOrder(both, patch, original, undefined);
  }
  if (mergeKey === undefined)
    throw unmergeable(`cannot merge lists without merge key for ${item.model.name}`);
  return mergeObjects(original, patch, item, mergeKey);
}

function mergeObjects(
  original: readonly unknown[],
  patch: readonly unknown[],
  item: Shape,
  mergeKey: string,
): unknown[] {
  let kept = [...original];
  const changes: JsonObject[] = [];
  let replace = false;
  for (const change of patch) {
    if (!isJsonObject(change)) throw unlikeItems(original, patch);
    const kind = change[directive];
    if (kind === undefined) changes.push(change);
    else if (kind === "replace") replace = true;
    else if (kind === "delete") {
      const value = keyOf(change, mergeKey);
      kept = kept.filter((entry) => !isJsonObject(entry) || entry[mergeKey] !== value);
    } else throw unknownDirective(kind, change);
  }
  if (replace) return changes;
  const before = [...kept];
  for (const change of changes) {
    const value = keyOf(change, mergeKey);
    const index = kept.findIndex((entry) => isJsonObject(entry) && entry[mergeKey] === value);
    const entry = kept[index];
    if (isJsonObject(entry)) kept[index] = mergeObject(entry, change, schemaOf(item));
    else kept.push(withoutDirectives(change));
  }
  return inListOrder(kept, changes, before, mergeKey);
}

function unlikeItems(...lists: readonly (readonly unknown[])[]): Error {
  return unmergeable(`list element types are not identical: ${goText(lists)}`);
}

function keyOf(change: JsonObject, mergeKey: string): unknown {
  if (!Object.hasOwn(change, mergeKey))
    throw unmergeable(`map: ${goText(change)} does not contain declared merge key: ${mergeKey}`);
  return change[mergeKey];
}

/** As Go names the type of a value that was read from JSON. */
function goTypeOf(value: unknown): string {
  if (isJsonObject(value)) return "map[string]interface {}";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return typeof value === "boolean" ? "bool" : typeof value;
}
