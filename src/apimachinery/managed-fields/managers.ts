import type { ManagedFieldsEntry } from "../meta.ts";
import { inOrder, type MaybeSet, union } from "./field-set.ts";
import { readFieldSet } from "./path-element.ts";

/** Who wrote: one of these owns one set of fields. Of appliers the version says nothing about who they are. */
export interface ManagerIdentity {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** "" for the object itself. */
  readonly subresource: string;
}

export interface Manager extends ManagerIdentity {
  readonly set: MaybeSet;
  /** RFC 3339; of the last change. */
  readonly time?: string;
  /** What this was read from, where nothing was changed since. */
  readonly entry?: ManagedFieldsEntry;
}

/** By `managerKey`. */
export type Managers = ReadonlyMap<string, Manager>;

export function managerKey({ manager, operation, apiVersion, subresource }: ManagerIdentity): string {
  return JSON.stringify([manager, operation, operation === "Apply" ? "" : apiVersion, subresource]);
}

/** Throws an Error for entries that are not in order. `trusted`: written by this server, their sets are taken as they are. */
export function readManagers(
  entries: readonly ManagedFieldsEntry[] | undefined,
  options: { readonly trusted: boolean },
): Map<string, Manager> {
  const managers = new Map<string, Manager>();
  for (const [index, entry] of (entries ?? []).entries()) {
    const read = readManager(entry, index, options.trusted);
    managers.set(managerKey(read), read);
  }
  return managers;
}

function readManager(entry: ManagedFieldsEntry, index: number, trusted: boolean): Manager {
  const { manager = "", operation, apiVersion = "", subresource = "", time, fieldsType, fieldsV1 } = entry;
  if (operation !== "Apply" && operation !== "Update")
    throw new Error("operation must be `Apply` or `Update`");
  if (apiVersion === "") throw new Error("apiVersion must not be empty");
  if (fieldsType === undefined) throw new Error(`missing fieldsType in managed fields entry ${index}`);
  if (fieldsType !== "FieldsV1")
    throw new Error(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`);
  const set = trusted ? (fieldsV1 as MaybeSet) : readFieldSet(fieldsV1 ?? {}); // this server wrote it
  return {
    manager,
    operation,
    apiVersion,
    subresource,
    set: set === undefined || Object.keys(set).length === 0 ? undefined : set,
    ...(time === undefined ? {} : { time }),
    ...(trusted || set === fieldsV1 ? { entry } : {}),
  };
}

/** The entries as they are stored: appliers first, then by time, name, version and subresource. */
export function writeManagers(managers: Managers): readonly ManagedFieldsEntry[] {
  const sorted = [...managers.values()].filter(({ set }) => set !== undefined);
  if (sorted.length > 1) sorted.sort(compareManagers);
  return sorted.map(writeManager);
}

function writeManager(manager: Manager): ManagedFieldsEntry {
  if (manager.entry !== undefined) return manager.entry;
  const { set = {}, apiVersion, operation, time, subresource } = manager;
  return {
    ...(manager.manager === "" ? {} : { manager: manager.manager }),
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: "FieldsV1",
    fieldsV1: inOrder(set),
    ...(subresource === "" ? {} : { subresource }),
  };
}

function compareManagers(left: Manager, right: Manager): number {
  return (
    compareText(left.operation, right.operation) ||
    compareText(left.time ?? "", right.time ?? "") ||
    compareText(left.manager, right.manager) ||
    compareText(left.apiVersion, right.apiVersion) ||
    compareText(left.subresource, right.subresource)
  );
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The manager with another set. */
export function withSet(manager: Manager, set: MaybeSet): Manager {
  if (set === manager.set) return manager;
  const { entry: _outdated, ...rest } = manager;
  return { ...rest, set };
}

const maxUpdateManagers = 10;
const ancientManager = "ancient-changes";

/** At most ten that update: the oldest of each version are counted as one. */
export function withCappedUpdaters(managers: Managers): Managers {
  const updaters = [...managers].filter(([, { operation }]) => operation === "Update");
  if (updaters.length <= maxUpdateManagers) return managers;
  updaters.sort(
    ([leftKey, left], [rightKey, right]) =>
      compareText(left.time ?? "", right.time ?? "") || compareText(leftKey, rightKey),
  );
  const capped = new Map(managers);
  const firstOf = new Map<string, string>();
  let count = updaters.length;
  for (const [key, manager] of updaters) {
    if (count <= maxUpdateManagers) break;
    const { apiVersion } = manager;
    const bucket: Manager = {
      manager: ancientManager,
      operation: "Update",
      apiVersion,
      subresource: "",
      set: undefined,
    };
    const bucketKey = managerKey(bucket);
    const first = firstOf.get(apiVersion);
    if (first === undefined) {
      firstOf.set(apiVersion, key);
      continue;
    }
    let gathered = capped.get(bucketKey)?.set;
    if (!capped.has(bucketKey)) {
      gathered = capped.get(first)?.set;
      capped.delete(first);
    }
    capped.delete(key);
    capped.set(bucketKey, {
      ...bucket,
      set: union(manager.set, gathered),
      ...(manager.time === undefined ? {} : { time: manager.time }),
    });
    count--;
  }
  return capped;
}
