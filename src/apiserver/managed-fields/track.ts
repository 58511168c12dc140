import { type ApiError, failure } from "../../apimachinery/api-error.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import { type Comparison, compare } from "./compare.ts";
import {
  difference,
  type FieldSet,
  intersection,
  type MaybeSet,
  pathsOf,
  union,
  withoutBelow,
} from "./field-set.ts";
import { identityOf, type Manager } from "./managers.ts";
import { fieldSetOf, merge, prune } from "./merge.ts";
import type { MergeType } from "./merge-type.ts";
import type { JsonMap } from "./walk.ts";

/** An object in one of its versions. */
export interface Versioned {
  readonly type: MergeType;
  readonly value: JsonMap;
}

export interface Write {
  /** Who writes. */
  readonly manager: string;
  readonly apiVersion: string;
  /** "" for the object itself. */
  readonly subresource: string;
  /** RFC 3339. */
  readonly time: string;
  /** What this endpoint does not write, whatever a request holds of it: nobody comes to own it. */
  readonly ignored: MaybeSet;
}

/** An object in the version of a manager; undefined where that version is no longer served. */
export type Convert = (value: JsonMap, apiVersion: string) => Versioned | undefined;

const identityFields = [
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "clusterName",
  "generation",
  "managedFields",
  "resourceVersion",
] as const;

/** What the server says of an object is owned by nobody. */
const unowned: FieldSet = {
  "f:apiVersion": {},
  "f:kind": {},
  "f:metadata": { ".": {}, ...Object.fromEntries(identityFields.map((name) => [`f:${name}`, {}])) },
};

/**
 * The managers after a create or update: who writes owns what differs from the live object, and who owned it before does
 * not any more (structured-merge-diff's Update, with upstream's managers around it).
 */
export function trackUpdate(
  managers: readonly Manager[],
  live: JsonMap,
  object: JsonMap,
  write: Write,
  convert: Convert,
): readonly Manager[] {
  const compareIn = comparer(live, object, write, convert);
  const own = compareIn(write.apiVersion);
  const written = own === undefined ? undefined : difference(union(own.added, own.modified), unowned);
  const self = {
    name: write.manager,
    operation: "Update",
    apiVersion: write.apiVersion,
    subresource: write.subresource,
  } as const;
  const identity = identityOf(self);
  const after: Manager[] = [];
  let joined = false;
  for (const manager of managers) {
    const comparison = compareIn(manager.apiVersion);
    if (comparison === undefined) continue;
    const kept = without(manager.set, comparison);
    if (identityOf(manager) === identity && written !== undefined) {
      const set = union(kept, written);
      if (set !== undefined) after.push({ ...self, time: write.time, set });
      joined = true;
    } else if (kept !== undefined) {
      after.push(kept === manager.set ? manager : { ...manager, set: kept });
    }
  }
  if (!joined && written !== undefined) after.push({ ...self, time: write.time, set: written });
  return after;
}

function without(set: FieldSet, { added, modified, removed }: Comparison): MaybeSet {
  return difference(difference(set, union(added, modified)), removed);
}

/** Compares the two in any version, once a version. */
function comparer(live: JsonMap, object: JsonMap, write: Write, convert: Convert) {
  const known = new Map<string, Comparison | undefined>();
  return (apiVersion: string): Comparison | undefined => {
    if (known.has(apiVersion)) return known.get(apiVersion);
    const before = convert(live, apiVersion);
    const after = convert(object, apiVersion);
    const comparison =
      before === undefined || after === undefined
        ? undefined
        : ignoring(
            compare(after.type, withoutManagers(before.value), withoutManagers(after.value)),
            write.ignored,
          );
    known.set(apiVersion, comparison);
    return comparison;
  };
}

function ignoring(comparison: Comparison, ignored: MaybeSet): Comparison {
  if (ignored === undefined) return comparison;
  return {
    added: withoutBelow(comparison.added, ignored),
    modified: withoutBelow(comparison.modified, ignored),
    removed: withoutBelow(comparison.removed, ignored),
  };
}

function withoutManagers(object: JsonMap): JsonMap {
  const {
    managedFields: _managers,
    resourceVersion: _version,
    ...metadata
  } = (object.metadata ?? {}) as JsonMap; // metadata is a map
  return { ...object, metadata };
}

export interface Applied {
  /** The live object with the configuration laid over it, in the version of the request. */
  readonly object: JsonMap;
  readonly managers: readonly Manager[];
}

export interface Application {
  readonly live: JsonMap;
  readonly configuration: JsonMap;
  readonly force: boolean;
}

/** Server-side apply. Throws ApiError 409 where another manager owns what would change, and DuplicateItemError. */
export function applyConfiguration(
  managers: readonly Manager[],
  { live, configuration, force }: Application,
  write: Write,
  convert: Convert,
): Applied {
  const current = convert(live, write.apiVersion);
  if (current === undefined) throw new Error(`${write.apiVersion} is not served`);
  const self = {
    name: write.manager,
    operation: "Apply",
    apiVersion: write.apiVersion,
    subresource: write.subresource,
  } as const;
  const identity = identityOf(self);
  const last = managers.find((manager) => identityOf(manager) === identity);
  const others = managers.filter((manager) => manager !== last);
  const claimed = withoutBelow(fieldSetOf(current.type, configuration), write.ignored);

  const merged = merge(current.type, current.value, configuration) as JsonMap; // both are maps
  const pruned = withoutGivenUp(merged, last, claimed, others, write, convert);
  const compareIn = comparer(live, pruned, write, convert);
  const conflicts: Conflict[] = [];
  const kept: Manager[] = [];
  for (const manager of others) {
    const comparison = compareIn(manager.apiVersion);
    if (comparison === undefined) continue;
    const set = intersection(manager.set, union(comparison.modified, comparison.added));
    if (set !== undefined) conflicts.push({ manager, paths: pathsOf(set), set });
    const rest = without(manager.set, comparison);
    if (rest !== undefined) kept.push(rest === manager.set ? manager : { ...manager, set: rest });
  }
  if (conflicts.length > 0 && !force) throw new ApplyConflictError(conflicts);

  const unchanged = jsonEqual(withoutManagers(current.value), withoutManagers(pruned));
  const set = difference(claimed, unowned);
  const time = unchanged && last?.time !== undefined ? last.time : write.time;
  if (set !== undefined) kept.push({ ...self, time, set });
  return { object: unchanged ? current.value : pruned, managers: kept };
}

/** Takes out what the applier owned and no longer names, unless someone else owns it. */
function withoutGivenUp(
  merged: JsonMap,
  last: Manager | undefined,
  claimed: MaybeSet,
  others: readonly Manager[],
  write: Write,
  convert: Convert,
): JsonMap {
  if (last === undefined) return merged;
  const version = convert(merged, last.apiVersion);
  if (version === undefined) return merged;
  const inVersion = others.filter(({ apiVersion }) => apiVersion === last.apiVersion);
  const foreign = others.filter(({ apiVersion }) => apiVersion !== last.apiVersion);
  // Sets of other versions name other paths. Where the names are the same they protect; what they name in their own way
  // is in the merged object still, and conversion brings it back.
  let owned = union(claimed, undefined);
  for (const { set } of [...inVersion, ...foreign]) owned = union(owned, set);
  const pruned = prune(version.type, version.value, last.set, owned) as JsonMap; // of a map, a map
  return convert(pruned, write.apiVersion)?.value ?? merged;
}

interface Conflict {
  readonly manager: Manager;
  readonly paths: readonly string[];
  readonly set: FieldSet;
}

/** Others own what an apply would change. */
export class ApplyConflictError extends Error {
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super("apply conflicts");
    this.name = "ApplyConflictError";
    this.conflicts = conflicts;
  }

  /** All that is in dispute. */
  get set(): MaybeSet {
    return this.conflicts.reduce<MaybeSet>((all, { set }) => union(all, set), undefined);
  }

  /** As upstream says it: 409 with a cause for each field. */
  toApiError(): ApiError {
    const causes = this.conflicts.flatMap(({ manager, paths }) =>
      paths.map((field) => ({
        reason: "FieldManagerConflict",
        message: `conflict with ${show(manager)}`,
        field,
      })),
    );
    return failure(409, "Conflict", this.#describe(causes.length), { causes });
  }

  #describe(count: number): string {
    const [only] = this.conflicts;
    if (count === 1 && only !== undefined)
      return `Apply failed with 1 conflict: conflict with ${show(only.manager)}: ${only.paths[0]}`;
    const lines = this.conflicts.flatMap(({ manager, paths }) => [
      `conflicts with ${show(manager)}:`,
      ...paths.map((path) => `- ${path}`),
    ]);
    return `Apply failed with ${count} conflicts: ${lines.join("\n")}`;
  }
}

function show({ name, subresource, operation, apiVersion, time }: Manager): string {
  const who =
    JSON.stringify(name) + (subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`);
  if (operation === "Apply") return who;
  return time === undefined ? `${who} using ${apiVersion}` : `${who} using ${apiVersion} at ${time}`;
}
