import { badRequest, failure } from "../api-error.ts";
import type { AnyObject, ManagedFieldsEntry } from "../meta.ts";
import { parseApiVersion } from "../meta.ts";
import { jsonEqual } from "../patch/json-value.ts";
import { applyConflict, type Conflict } from "./conflicts.ts";
import { isMap } from "./form.ts";
import { type LastApplied, lastAppliedOf } from "./last-applied.ts";
import {
  type Manager,
  type Managers,
  managerKey,
  readManagers,
  withCappedUpdaters,
  writeManagers,
} from "./managers.ts";
import { applyConfiguration, type OwnershipRules, ownedAfterUpdate } from "./ownership.ts";
import { checkType, describeProblems } from "./type-check.ts";

/** Who writes, in which version, through which subresource, and when. */
export interface TrackedWrite {
  readonly manager: string;
  /** The request's. */
  readonly apiVersion: string;
  /** "" for the object itself. */
  readonly subresource: string;
  /** RFC 3339. */
  readonly time: string;
}

export interface TrackedChange {
  /** What stands there; undefined: nothing does. In the write's version, like `next`. */
  readonly live: AnyObject | undefined;
  readonly next: AnyObject;
  /** What an object of the kind is before anything is set. */
  readonly empty: AnyObject;
}

/**
 * The managers as they are after a create, update or patch. An object whose managers were taken away stays without until
 * somebody applies. What cannot be read is forgotten rather than failing every write from now on.
 */
export function managedAfterUpdate(
  { live, next, empty }: TrackedChange,
  write: TrackedWrite,
  rules: OwnershipRules,
): readonly ManagedFieldsEntry[] {
  const managers = managersBefore(live, next, write);
  if (managers.size === 0 && live !== undefined) return [];
  const writer = { ...write, operation: "Update" } as const;
  // Managers are owned by nobody: they are not compared.
  const managedFields = (live ?? empty).metadata.managedFields;
  const compared = { ...next, metadata: { ...next.metadata, managedFields } };
  const { managers: owned, changed } = ownedAfterUpdate(
    { live: live ?? empty, next: compared },
    managers,
    identityOf(writer),
    rules,
  );
  return writeManagers(changed ? withCappedUpdaters(withTime(owned, writer)) : owned);
}

function identityOf({
  manager,
  operation,
  apiVersion,
  subresource,
}: TrackedWrite & { readonly operation: "Apply" | "Update" }) {
  return { manager, operation, apiVersion, subresource };
}

function withTime(
  managers: Managers,
  writer: TrackedWrite & { readonly operation: "Apply" | "Update" },
): Managers {
  const key = managerKey(writer);
  const manager = managers.get(key);
  if (manager === undefined) return managers;
  const { entry: _outdated, ...rest } = manager;
  return new Map(managers).set(key, { ...rest, time: writer.time });
}

/** A client may set the managers of an object, or take them all away; through a subresource it may not. */
function managersBefore(
  live: AnyObject | undefined,
  next: AnyObject,
  { subresource }: TrackedWrite,
): Map<string, Manager> {
  const standing = live?.metadata.managedFields;
  const given = subresource === "" ? next.metadata.managedFields : undefined;
  if (given === undefined || given === null || given === standing) return readTrusted(standing);
  if (given.every((entry) => Object.keys(entry).length === 0) && given.length < 2) return new Map();
  if (jsonEqual(given, standing)) return readTrusted(standing);
  try {
    const managers = readManagers(given, { trusted: false });
    if (managers.size > 0) return managers;
  } catch {
    // As if they had not been given.
  }
  return readTrusted(standing);
}

function readTrusted(entries: readonly ManagedFieldsEntry[] | undefined): Map<string, Manager> {
  try {
    return readManagers(entries, { trusted: true });
  } catch {
    return new Map();
  }
}

const beforeFirstApply = "before-first-apply";

export interface Application {
  readonly live: AnyObject | undefined;
  readonly empty: AnyObject;
  /** What the client sent, decoded and not more. */
  readonly configuration: unknown;
  /** Takes over what others own. */
  readonly force: boolean;
}

/**
 * Server-side apply: the live object with the configuration laid over it, what the applier gave up taken out, and the
 * managers as they are then. Throws ApiError: 400 for a configuration of another version or kind, 409 for conflicts, 500 (as
 * upstream) for one that has not its type's shape.
 */
export function apply(
  { live, empty, configuration, force }: Application,
  write: TrackedWrite,
  rules: OwnershipRules,
): AnyObject {
  const config = checkConfiguration(configuration, empty, write, rules);
  const standing = live ?? empty;
  let managers: Managers = readStored(standing);
  if (managers.size === 0 && live !== undefined) {
    const first = { ...write, manager: beforeFirstApply, operation: "Update" } as const;
    managers = withTime(
      ownedAfterUpdate({ live: empty, next: live }, managers, identityOf(first), rules).managers,
      first,
    );
  }
  const applier = { ...write, operation: "Apply" } as const;
  const attempt = (forced: boolean) =>
    applyConfiguration({ live: standing, configuration: config }, managers, identityOf(applier), {
      rules,
      force: forced,
    });
  let outcome = attempt(force);
  const last = lastAppliedOf(standing, write);
  if ("conflicts" in outcome) {
    const disputed =
      last === undefined ? outcome.conflicts : disputedOf(outcome.conflicts, last, standing, rules);
    if (disputed.length > 0) throw applyConflict(disputed);
    outcome = attempt(true);
    if ("conflicts" in outcome) throw applyConflict(outcome.conflicts);
  }
  const changed = outcome.object !== standing;
  const managedFields = writeManagers(changed ? withTime(outcome.managers, applier) : outcome.managers);
  const object = outcome.object as AnyObject; // an object of the kind with parts of another laid over it
  const applied = last === undefined ? object : last.withConfiguration(object, config);
  return { ...applied, metadata: { ...applied.metadata, managedFields } };
}

function readStored(object: AnyObject): Managers {
  try {
    return readManagers(object.metadata.managedFields, { trusted: true });
  } catch (error) {
    throw failure(
      500,
      "",
      `failed to decode managed fields: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function disputedOf(
  conflicts: readonly Conflict[],
  last: LastApplied,
  live: AnyObject,
  rules: OwnershipRules,
): readonly Conflict[] {
  return last.notCovering(conflicts, live, rules);
}

function checkConfiguration(
  configuration: unknown,
  empty: AnyObject,
  { apiVersion }: TrackedWrite,
  rules: OwnershipRules,
): AnyObject {
  const config = (isMap(configuration) ? configuration : {}) as AnyObject; // checked from here on
  if (config.apiVersion !== apiVersion || config.kind !== empty.kind)
    throw badRequest(`invalid object type: ${showKind(config)}`);
  const metadata: unknown = config.metadata;
  if (isMap(metadata) && metadata.managedFields !== undefined && metadata.managedFields !== null)
    throw badRequest("metadata.managedFields must be nil");
  const problems = checkType(rules.typeOf(apiVersion), config);
  if (problems.length > 0) {
    const { namespace, name } = isMap(metadata) ? metadata : {};
    const object = `${text(namespace)}/${text(name)}; ${showKind(config)}`;
    throw failure(500, "", `failed to create typed patch object (${object}): ${describeProblems(problems)}`);
  }
  return config;
}

/** As Go prints a GroupVersionKind. */
function showKind({ apiVersion, kind }: Readonly<Record<string, unknown>>): string {
  const { group, version } = parseApiVersion(text(apiVersion));
  return `${group}/${version}, Kind=${text(kind)}`;
}

/** Nothing for what is no text: the configuration is anything yet. */
function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
