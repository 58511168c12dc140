import { badRequest } from "../../apimachinery/api-error.ts";
import type { AnyObject, ManagedFieldsEntry, ObjectMeta, OwnerReference } from "../../apimachinery/meta.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import { semanticEqual } from "../../apimachinery/validation.ts";
import { rfc3339 } from "../../base/clock.ts";

/** Metadata as the server keeps it: pure functions from an object to a changed copy. */

/** Copies the object with these metadata fields set; undefined removes a field. */
export function withMetadata(
  object: AnyObject,
  changes: { readonly [Name in keyof ObjectMeta]?: ObjectMeta[Name] | undefined },
): AnyObject {
  const metadata: Record<string, unknown> = { ...object.metadata };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete metadata[name];
    else metadata[name] = value;
  }
  return { ...object, metadata };
}

/** An object of a new write: what clients cannot set is gone, the identity is fresh. */
export function withNewIdentity(
  object: AnyObject,
  identity: { readonly uid: string; readonly nowMs: number; readonly namespace: string },
): AnyObject {
  const { selfLink: _selfLink, resourceVersion: _version, deletionTimestamp, ...kept } = object.metadata;
  const { deletionGracePeriodSeconds: _grace, namespace: _namespace, ...rest } = kept;
  void deletionTimestamp;
  return {
    ...object,
    metadata: {
      ...rest,
      ...(identity.namespace === "" ? {} : { namespace: identity.namespace }),
      uid: identity.uid,
      creationTimestamp: rfc3339(identity.nowMs),
    },
  };
}

/** The object in the namespace of the request; refuses one that says otherwise. */
export function inNamespace(object: AnyObject, namespace: string): AnyObject {
  const own = object.metadata.namespace ?? "";
  if (own === namespace) return object;
  if (own === "") return withMetadata(object, { namespace });
  if (namespace === "") return withMetadata(object, { namespace: undefined });
  throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
}

/** What an update may not change is what it was. */
export function withKeptIdentity(object: AnyObject, old: AnyObject): AnyObject {
  const was = old.metadata;
  const metadata = object.metadata;
  return withMetadata(object, {
    selfLink: undefined,
    generation: was.generation,
    uid: metadata.uid === undefined || metadata.uid === "" ? was.uid : metadata.uid,
    creationTimestamp: was.creationTimestamp ?? metadata.creationTimestamp,
    // Nobody takes it back; whoever sets one is told that it is immutable.
    deletionTimestamp: was.deletionTimestamp ?? metadata.deletionTimestamp,
    deletionGracePeriodSeconds:
      was.deletionTimestamp === undefined ? undefined : was.deletionGracePeriodSeconds,
    managedFields: keptManagedFields(metadata, was),
  });
}

/** A write that says nothing of field management keeps it; `[{}]` or `[]` is how a client asks to be rid of it. */
function keptManagedFields(metadata: ObjectMeta, was: ObjectMeta): ObjectMeta["managedFields"] {
  const given = metadata.managedFields;
  if (given === undefined || given === null) return was.managedFields;
  const entries = given.filter((entry) => Object.keys(entry).length > 0);
  return entries.length === 0 ? undefined : entries;
}

/** Drops repeated owner references; the uids of those dropped are returned for a warning. */
export function withoutDuplicateOwners(object: AnyObject): {
  object: AnyObject;
  duplicates: readonly string[];
} {
  const references = object.metadata.ownerReferences;
  if (references === undefined || references === null || references.length < 2)
    return { object, duplicates: [] };
  const kept: OwnerReference[] = [];
  const duplicates: string[] = [];
  for (const reference of references) {
    if (kept.some((other) => semanticEqual(other, reference))) duplicates.push(reference.uid);
    else kept.push(reference);
  }
  if (duplicates.length === 0) return { object, duplicates };
  return { object: withMetadata(object, { ownerReferences: kept }), duplicates };
}

/** Whether one of the fields that count for `metadata.generation` differs. */
export function generationChanges(fields: readonly string[], object: AnyObject, old: AnyObject): boolean {
  return fields.some((field) => !semanticEqual(fieldOf(object, field), fieldOf(old, field)));
}

function fieldOf(object: AnyObject, field: string): unknown {
  const [name = "", inMetadata] = field.split(".");
  return inMetadata === undefined ? object[name] : object.metadata[inMetadata as keyof ObjectMeta]; // as definitions name it
}

/** The same but for what a write that changes nothing would still touch: the times of field management. */
export function isUnchanged(object: AnyObject, old: AnyObject): boolean {
  return hasSameManagers(object, old) && semanticEqual(withoutManagers(object), withoutManagers(old));
}

function withoutManagers(object: AnyObject): AnyObject {
  const { managedFields: _managers, resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Sets of fields are made of empty objects: they are compared as they are, not by what they mean to a reader. */
function hasSameManagers({ metadata }: AnyObject, old: AnyObject): boolean {
  const now = metadata.managedFields ?? [];
  const then = old.metadata.managedFields ?? [];
  if (now === then) return true;
  return (
    now.length === then.length &&
    now.every((entry, index) => {
      const other = then[index];
      return entry === other || (other !== undefined && jsonEqual(timeless(entry), timeless(other)));
    })
  );
}

function timeless({ time: _time, ...entry }: ManagedFieldsEntry): object {
  return entry;
}
