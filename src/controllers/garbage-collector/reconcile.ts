import type { AnyObject, ObjectMeta, OwnerReference, ResourceType } from "../../apimachinery/meta.ts";
import { apiVersionOf } from "../../apimachinery/meta.ts";
import { type Intent, patch, remove, wake } from "../framework/intent.ts";
import { foregroundFinalizer, type GraphNode, orphanFinalizer, type Place } from "./graph.ts";

/**
 * What became of an owner that an object names: it lives; it is gone (or another object has its name); it is being deleted
 * in the foreground and waits for this very object.
 */
export type OwnerState = "solid" | "dangling" | "waiting";

export interface ItemSnapshot {
  readonly type: ResourceType<AnyObject>;
  /** As the API server has it now. */
  readonly object: AnyObject;
  /** One for each owner reference of the object. */
  readonly owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[];
  readonly dependents: readonly GraphNode[];
}

/** Decides what one object needs: deletion with its owners, or help with its own deletion. */
export function reconcileItem(snapshot: ItemSnapshot): Intent[] {
  const { object } = snapshot;
  if (object.metadata.deletionTimestamp === undefined) return collect(snapshot);
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(orphanFinalizer)) return orphanDependents(snapshot);
  if (finalizers.includes(foregroundFinalizer)) return awaitDependents(snapshot);
  return [];
}

/** An object whose owners are gone follows them. */
function collect({ type, object, owners, dependents }: ItemSnapshot): Intent[] {
  if (owners.length === 0) return [];
  const gone = owners.filter(({ state }) => state !== "solid");
  if (gone.length === 0) return [];
  if (gone.length < owners.length) {
    // A living owner keeps it; the others are forgotten, so that none of them waits for this object for ever.
    const kept = owners.filter(({ state }) => state === "solid").map(({ reference }) => reference);
    return [patchMetadata(type, object, { ownerReferences: kept })];
  }
  if (gone.some(({ state }) => state === "waiting") && dependents.length > 0) {
    return [...breakCycle(type, object, dependents), removeItem(type, object, "Foreground")];
  }
  return [removeItem(type, object, policyOf(object.metadata))];
}

/** Two objects that wait for each other: this one no longer holds its owners back. */
function breakCycle(
  type: ResourceType<AnyObject>,
  object: AnyObject,
  dependents: readonly GraphNode[],
): Intent[] {
  if (!dependents.some(({ waitsForDependents }) => waitsForDependents)) return [];
  const ownerReferences = (object.metadata.ownerReferences ?? []).map((reference) => ({
    ...reference,
    blockOwnerDeletion: false,
  }));
  return [patchMetadata(type, object, { ownerReferences })];
}

function policyOf({ finalizers = [] }: ObjectMeta): "Orphan" | "Foreground" | "Background" {
  if (finalizers.includes(orphanFinalizer)) return "Orphan";
  return finalizers.includes(foregroundFinalizer) ? "Foreground" : "Background";
}

function removeItem(
  type: ResourceType<AnyObject>,
  object: AnyObject,
  propagationPolicy: "Orphan" | "Foreground" | "Background",
): Intent {
  // Someone may adopt it this very moment: then it has changed, and is looked at again.
  return remove<AnyObject>(type, object, { options: { propagationPolicy }, onlyIfUnchanged: true });
}

/** Foreground deletion: goes once nothing is left that blocks it. */
function awaitDependents({ type, object, dependents }: ItemSnapshot): Intent[] {
  const { uid } = object.metadata;
  const blocking = dependents.filter(({ owners }) =>
    owners.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true),
  );
  if (blocking.length === 0) return [withoutFinalizer(type, object, foregroundFinalizer)];
  return blocking
    .filter(({ waitsForDependents }) => !waitsForDependents)
    .map((dependent) => wake(dependent.uid));
}

/** Orphaning deletion: the dependents lose this owner and stay. */
function orphanDependents({ type, object, dependents }: ItemSnapshot): Intent[] {
  const { uid } = object.metadata;
  const releases = dependents.map(({ place, uid: dependentUid, owners }) => {
    const ownerReferences = owners.filter((owner) => owner.uid !== uid);
    const change = { type: "merge", patch: { metadata: { uid: dependentUid, ownerReferences } } } as const;
    return patch<AnyObject>(place.type, objectAt(place, dependentUid), change, { ignore: ["NotFound"] });
  });
  return [...releases, withoutFinalizer(type, object, orphanFinalizer)];
}

function withoutFinalizer(type: ResourceType<AnyObject>, object: AnyObject, finalizer: string): Intent {
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  return patchMetadata(type, object, { finalizers });
}

/** Lists are replaced whole, so the patch must not meet a version it was not made for. */
function patchMetadata(type: ResourceType<AnyObject>, object: AnyObject, change: ObjectMeta): Intent {
  const { resourceVersion } = object.metadata;
  const metadata = { ...change, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  return patch<AnyObject>(type, object, { type: "merge", patch: { metadata } }, { ignore: ["NotFound"] });
}

function objectAt({ type, namespace, name }: Place, uid: string): AnyObject {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: { name, uid, ...(namespace === "" ? {} : { namespace }) },
  };
}
