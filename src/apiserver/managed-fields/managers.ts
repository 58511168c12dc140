import type { ManagedFieldsEntry } from "../../apimachinery/meta.ts";
import { checkFieldSet, type FieldSet, type MaybeSet, union } from "./field-set.ts";

/** Who owns what, one record for each manager, operation, version and subresource. */
export interface Manager {
  readonly name: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** "" for the object itself. */
  readonly subresource: string;
  /** RFC 3339; absent where an entry came without one. */
  readonly time?: string;
  readonly set: FieldSet;
}

/** Upstream's bound on entries of updates; the oldest become one. */
const maxUpdateManagers = 10;
const oldUpdatesName = "ancient-changes";

/** Throws an Error where an entry makes no sense. */
export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined): readonly Manager[] {
  return (entries ?? []).map((entry) => {
    const known = decoded.get(entry);
    if (known !== undefined) return known;
    const { manager = "", operation, apiVersion = "", subresource = "", time, fieldsType, fieldsV1 } = entry;
    if (operation !== "Apply" && operation !== "Update")
      throw new Error("operation must be `Apply` or `Update`");
    if (apiVersion === "") throw new Error("apiVersion must not be empty");
    if (fieldsType !== "FieldsV1") throw new Error(`invalid fieldsType ${JSON.stringify(fieldsType ?? "")}`);
    const set = checkFieldSet(fieldsV1 ?? {});
    const record = { name: manager, operation, apiVersion, subresource, set };
    const result: Manager = time === undefined || time === null ? record : { ...record, time };
    decoded.set(entry, result);
    return result;
  });
}

// Entries are immutable and mostly stay as they are from one write to the next.
const decoded = new WeakMap<ManagedFieldsEntry, Manager>();
const encoded = new WeakMap<Manager, ManagedFieldsEntry>();

/** In the order upstream writes them: appliers first, then by time and name. Empty: there are none. */
export function encodeManagers(managers: readonly Manager[]): readonly ManagedFieldsEntry[] {
  return capped(managers)
    .toSorted(
      (left, right) =>
        order(left.operation, right.operation) ||
        order(left.time ?? "", right.time ?? "") ||
        order(left.name, right.name) ||
        order(left.apiVersion, right.apiVersion) ||
        order(left.subresource, right.subresource),
    )
    .map(encodeManager);
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function encodeManager(manager: Manager): ManagedFieldsEntry {
  const known = encoded.get(manager);
  if (known !== undefined) return known;
  const { name, operation, apiVersion, subresource, time, set } = manager;
  const entry: ManagedFieldsEntry = {
    manager: name,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: "FieldsV1",
    fieldsV1: shared(set),
    ...(subresource === "" ? {} : { subresource }),
  };
  encoded.set(manager, entry);
  decoded.set(entry, manager);
  return entry;
}

/** What tells managers apart: an applier is the same whatever version it applies. */
export function identityOf(manager: Omit<Manager, "set" | "time">): string {
  const { name, operation, apiVersion, subresource } = manager;
  return JSON.stringify([name, operation, operation === "Apply" ? "" : apiVersion, subresource]);
}

function capped(managers: readonly Manager[]): readonly Manager[] {
  const updates = managers.filter(({ operation }) => operation === "Update");
  if (updates.length <= maxUpdateManagers) return managers;
  const oldest = updates
    .toSorted((left, right) => order(left.time ?? "", right.time ?? "") || order(left.name, right.name))
    .slice(0, updates.length - maxUpdateManagers + 1);
  const merged = new Map<string, Manager>();
  for (const manager of oldest) {
    const before = merged.get(manager.apiVersion);
    const set: MaybeSet = union(before?.set, manager.set);
    if (set === undefined) continue;
    merged.set(manager.apiVersion, { ...manager, name: oldUpdatesName, subresource: "", set });
  }
  return [...managers.filter((manager) => !oldest.includes(manager)), ...merged.values()];
}

/** The pods of a set have the same fields from the same managers: one set in memory serves them all. */
const sharedSets = new Map<string, FieldSet>();
const sharedSetsLimit = 2000;

function shared(set: FieldSet): FieldSet {
  const key = JSON.stringify(set);
  const known = sharedSets.get(key);
  if (known !== undefined) return known;
  if (sharedSets.size >= sharedSetsLimit) sharedSets.clear();
  sharedSets.set(key, set);
  return set;
}
