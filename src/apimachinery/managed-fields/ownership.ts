import { jsonEqual } from "../patch/json-value.ts";
import type { Comparison } from "./compare.ts";
import { compare } from "./compare.ts";
import { configuredSet, reconciledWithType, withDeclaredFields } from "./configured-set.ts";
import type { Conflict } from "./conflicts.ts";
import { difference, intersection, type MaybeSet, union, withoutBelow } from "./field-set.ts";
import type { Manager, ManagerIdentity, Managers } from "./managers.ts";
import { managerKey, withSet } from "./managers.ts";
import { merge, removeItems } from "./merge.ts";
import type { MergeType } from "./merge-type.ts";

/** An object as one version shows it; parts of objects, too. */
export type Versioned = Readonly<Record<string, unknown>>;

/** What must be known of a kind to say who owns what. */
export interface OwnershipRules {
  /** The type of the kind's objects in a version that is served. */
  typeOf(apiVersion: string): MergeType;
  /** The object in another version; undefined where that version is not served any more. */
  convert(object: Versioned, apiVersion: string): Versioned | undefined;
  /** What a write of this kind cannot change: nobody comes to own it, with all below. */
  readonly ignored: MaybeSet;
}

/** What is never owned: the server's own, and what tells the object apart. Entries, not what is below them. */
const neverOwned = setOfFields({
  apiVersion: {},
  kind: {},
  metadata: {
    name: {},
    namespace: {},
    creationTimestamp: {},
    selfLink: {},
    uid: {},
    clusterName: {},
    generation: {},
    managedFields: {},
    resourceVersion: {},
  },
});

interface FieldNames {
  readonly [name: string]: FieldNames;
}

function setOfFields(names: FieldNames): MaybeSet {
  const entries = Object.entries(names).map(
    ([name, fields]) => [`f:${name}`, { ".": {}, ...setOfFields(fields) }] as const,
  );
  return Object.fromEntries(entries);
}

/** Both objects in the version of the write. */
export interface Change {
  readonly live: Versioned;
  readonly next: Versioned;
}

export interface UpdateOutcome {
  readonly managers: Managers;
  /** The writer came to own something: its time is now. */
  readonly changed: boolean;
}

/** Who owns what after an object was written: what changed is the writer's, and nobody else's. */
export function ownedAfterUpdate(
  { live, next }: Change,
  managers: Managers,
  writer: ManagerIdentity,
  rules: OwnershipRules,
): UpdateOutcome {
  const comparisons = comparisonsOf({ live, next }, writer.apiVersion, rules);
  const own = comparisons.of(writer.apiVersion);
  const taken = difference(union(own?.modified, own?.added), neverOwned);
  const key = managerKey(writer);
  const { owned } = withoutTaken(managers, comparisons, key);
  const before = owned.get(key);
  // What it changes stays its own: a writer that sets the same fields over and over keeps the very same set.
  const set = union(difference(before?.set, own?.removed), taken);
  if (set === undefined) owned.delete(key);
  else if (taken !== undefined) owned.set(key, { ...writer, set });
  else if (before !== undefined) owned.set(key, withSet(before, set));
  return { managers: owned, changed: taken !== undefined };
}

export type ApplyOutcome =
  /** `object` is the live one, itself, where nothing changes. */
  { readonly object: Versioned; readonly managers: Managers } | { readonly conflicts: readonly Conflict[] };

/** A configuration laid over the live object. `live` and `configuration` in the version of the applier. */
export function applyConfiguration(
  { live, configuration }: { readonly live: Versioned; readonly configuration: Versioned },
  managers: Managers,
  applier: ManagerIdentity,
  { rules, force }: { readonly rules: OwnershipRules; readonly force: boolean },
): ApplyOutcome {
  const type = rules.typeOf(applier.apiVersion);
  const known = reconciled(live, managers, rules);
  const key = managerKey(applier);
  const last = known.get(key);
  const set = withoutBelow(configuredSet(type, configuration), rules.ignored);
  const claimed = new Map(known).set(key, { ...applier, set });
  const merged = merge(type, live, configuration) as Versioned; // a map laid over a map
  const next = prune(merged, { last, managers: claimed, applier, rules });
  const comparisons = comparisonsOf({ live, next }, applier.apiVersion, rules);
  const { owned, conflicts } = withoutTaken(claimed, comparisons, key);
  if (!force && conflicts.length > 0) return { conflicts };
  const kept = difference(set, neverOwned);
  if (kept === undefined) owned.delete(key);
  else owned.set(key, ownedAgain(last, { ...applier, set: kept }));
  return { object: jsonEqual(live, next) ? live : next, managers: owned };
}

/** What the manager had before, itself, when it claims the same again. */
function ownedAgain(last: Manager | undefined, claim: Manager): Manager {
  if (last === undefined) return claim;
  const time = last.time === undefined ? {} : { time: last.time };
  if (last.apiVersion !== claim.apiVersion || !jsonEqual(last.set, claim.set)) return { ...claim, ...time };
  return last;
}

interface Comparisons {
  /** Undefined where the version is not served. */
  of(apiVersion: string): Comparison | undefined;
}

function comparisonsOf(
  { live, next }: Change,
  apiVersion: string,
  { typeOf, convert, ignored }: OwnershipRules,
): Comparisons {
  const known = new Map<string, Comparison | undefined>();
  const compareIn = (version: string): Comparison | undefined => {
    const before = version === apiVersion ? live : convert(live, version);
    const after = version === apiVersion ? next : convert(next, version);
    if (before === undefined || after === undefined) return undefined;
    const { added, removed, modified } = compare(typeOf(version), before, after);
    return {
      added: withoutBelow(added, ignored),
      removed: withoutBelow(removed, ignored),
      modified: withoutBelow(modified, ignored),
    };
  };
  return {
    of(version) {
      if (!known.has(version)) known.set(version, compareIn(version));
      return known.get(version);
    },
  };
}

/** The managers without what changed, and what that took from whom. Those of versions no longer served are left out. */
function withoutTaken(
  managers: Managers,
  comparisons: Comparisons,
  except: string | undefined,
): { owned: Map<string, Manager>; conflicts: readonly Conflict[] } {
  const owned = new Map<string, Manager>();
  const conflicts: Conflict[] = [];
  for (const [key, manager] of managers) {
    if (key === except) {
      owned.set(key, manager);
      continue;
    }
    const comparison = comparisons.of(manager.apiVersion);
    if (comparison === undefined) continue;
    const taken = intersection(manager.set, union(comparison.modified, comparison.added));
    if (taken !== undefined) conflicts.push({ manager, set: taken });
    const left = withSet(manager, difference(difference(manager.set, taken), comparison.removed));
    if (left.set !== undefined) owned.set(key, left);
  }
  return { owned, conflicts };
}

function reconciled(live: Versioned, managers: Managers, rules: OwnershipRules): Managers {
  const result = new Map<string, Manager>();
  for (const [key, manager] of managers) {
    if (rules.convert(live, manager.apiVersion) === undefined) continue;
    result.set(key, withSet(manager, reconciledWithType(rules.typeOf(manager.apiVersion), manager.set)));
  }
  return result;
}

interface Pruning {
  readonly last: Manager | undefined;
  /** With the applier's new claim. */
  readonly managers: Managers;
  readonly applier: ManagerIdentity;
  readonly rules: OwnershipRules;
}

/** The merged object without what the applier claimed last time, does not claim now, and nobody else does. */
function prune(merged: Versioned, { last, managers, applier, rules }: Pruning): Versioned {
  if (last?.set === undefined) return merged;
  const { apiVersion } = last;
  const lastMerged = rules.convert(merged, apiVersion);
  if (lastMerged === undefined) return merged;
  const type = rules.typeOf(apiVersion);
  const removed = withDeclaredFields(type, last.set);
  const pruned = asObject(removeItems(type, lastMerged, removed));
  const kept = withOwned(lastMerged, pruned, { managers, apiVersion, rules });
  const left = withoutDangling(lastMerged, kept, last, rules);
  return rules.convert(left, applier.apiVersion) ?? merged;
}

function asObject(value: unknown): Versioned {
  return (value ?? {}) as Versioned; // what is left of a map
}

/** Puts back what somebody claims: the version the object is in first, for what a conversion needs. */
function withOwned(
  merged: Versioned,
  pruned: Versioned,
  { managers, apiVersion, rules }: { managers: Managers; apiVersion: string; rules: OwnershipRules },
): Versioned {
  const claims = new Map<string, MaybeSet>([[apiVersion, undefined]]);
  for (const manager of managers.values())
    claims.set(manager.apiVersion, union(claims.get(manager.apiVersion), manager.set));
  let result = pruned;
  for (const [version, claimed] of claims) {
    const whole = rules.convert(merged, version);
    const part = rules.convert(result, version);
    if (whole === undefined || part === undefined) continue;
    const type = rules.typeOf(version);
    const present = withDeclaredFields(type, configuredSet(type, whole));
    const wanted = union(
      withDeclaredFields(type, configuredSet(type, part)),
      withDeclaredFields(type, claimed),
    );
    const next = asObject(removeItems(type, whole, difference(present, wanted)));
    result = rules.convert(next, apiVersion) ?? result;
  }
  return result;
}

/** Puts back what went with something that was pruned, though it never was the applier's. */
function withoutDangling(
  merged: Versioned,
  pruned: Versioned,
  last: Manager,
  rules: OwnershipRules,
): Versioned {
  const type = rules.typeOf(last.apiVersion);
  const present = withDeclaredFields(type, configuredSet(type, merged));
  const left = withDeclaredFields(type, configuredSet(type, pruned));
  const claimed = withDeclaredFields(type, last.set);
  return asObject(removeItems(type, merged, intersection(difference(present, left), claimed)));
}
