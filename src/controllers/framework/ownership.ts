import { isApiError } from "../../apimachinery/api-error.ts";
import type { KubeObject, OwnerReference, ResourceType } from "../../apimachinery/meta.ts";
import { controllerOf } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { SharedInformer } from "../../client/informer.ts";
import { type PatchIntent, patch } from "./intent.ts";

/** The reference that makes `owner` the managing controller of an object (`metav1.NewControllerRef`). */
export function controllerReference(owner: KubeObject): OwnerReference {
  const { name = "", uid = "" } = owner.metadata;
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

const byControllerIndex = "byController";

/** The caches that have the index already: several controllers follow the same ones. */
const indexed = new WeakSet<SharedInformer<KubeObject>>();

/** Makes `controlledBy` and `orphansIn` work on this cache. */
export function indexByController<T extends KubeObject>(informer: SharedInformer<T>): void {
  const untyped = informer as unknown as SharedInformer<KubeObject>; // Only metadata is read.
  if (indexed.has(untyped)) return;
  indexed.add(untyped);
  untyped.addIndex(byControllerIndex, (object) => [
    controllerOf(object)?.uid ?? orphanValue(object.metadata.namespace ?? ""),
  ]);
}

function orphanValue(namespace: string): string {
  return `orphan in ${namespace}`;
}

/** The objects that name `owner` as their managing controller. */
export function controlledBy<T extends KubeObject>(
  informer: SharedInformer<T>,
  owner: KubeObject,
): readonly T[] {
  return informer.lister.byIndex(byControllerIndex, owner.metadata.uid ?? "");
}

/** The objects of a namespace that no controller manages. */
export function orphansIn<T extends KubeObject>(
  informer: SharedInformer<T>,
  namespace: string,
): readonly T[] {
  return informer.lister.byIndex(byControllerIndex, orphanValue(namespace));
}

export interface Claim<T> {
  /** Those the owner manages, or will after the intents. */
  readonly claimed: readonly T[];
  /** Adoptions of matching orphans and releases of what matches no more. */
  readonly intents: readonly PatchIntent[];
}

export interface ClaimOptions<T extends KubeObject> {
  readonly type: ResourceType<T>;
  readonly matches: (object: T) => boolean;
  /** Put on what is adopted and taken off what is released (a job's pods carry one). */
  readonly finalizers?: readonly string[];
  /** False where the owner was found to be deleted or replaced: nothing is adopted then. */
  readonly canAdopt?: boolean;
}

/**
 * Sorts out who belongs to `owner`, by its selector and the managing references (upstream's ControllerRefManager): keeps
 * what it manages and matches, adopts matching orphans, releases what matches no more. A deleted owner changes nothing.
 */
export function claim<T extends KubeObject>(
  owner: KubeObject,
  objects: readonly T[],
  { type, matches, finalizers, canAdopt = true }: ClaimOptions<T>,
): Claim<T> {
  const claimed: T[] = [];
  const intents: PatchIntent[] = [];
  const ownerIsDeleted = owner.metadata.deletionTimestamp !== undefined;
  for (const object of objects) {
    const controller = controllerOf(object);
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matches(object)) claimed.push(object);
      else if (!ownerIsDeleted) intents.push(release(owner, type, object, finalizers));
    } else if (
      !ownerIsDeleted &&
      canAdopt &&
      object.metadata.deletionTimestamp === undefined &&
      object.metadata.namespace === owner.metadata.namespace &&
      matches(object)
    ) {
      intents.push(adopt(owner, type, object, finalizers));
      claimed.push(object);
    }
  }
  return { claimed, intents };
}

function adopt<T extends KubeObject>(
  owner: KubeObject,
  type: ResourceType<T>,
  object: T,
  finalizers: readonly string[] = [],
): PatchIntent {
  const metadata = {
    uid: object.metadata.uid,
    ownerReferences: [controllerReference(owner)],
    ...(finalizers.length === 0 ? {} : { finalizers }),
  };
  return patch<KubeObject>(
    type,
    object,
    { type: "strategic", patch: { metadata } },
    { ignore: ["NotFound"] },
  );
}

function release<T extends KubeObject>(
  owner: KubeObject,
  type: ResourceType<T>,
  object: T,
  finalizers: readonly string[] = [],
): PatchIntent {
  const metadata = {
    uid: object.metadata.uid,
    ownerReferences: [{ $patch: "delete", uid: owner.metadata.uid }],
    ...(finalizers.length === 0 ? {} : { "$deleteFromPrimitiveList/finalizers": finalizers }),
  };
  // Invalid: it has no such owner any more, or it is another object by now.
  return patch<KubeObject>(
    type,
    object,
    { type: "strategic", patch: { metadata } },
    { ignore: ["NotFound", "Invalid"] },
  );
}

/**
 * Asks the API server, not the cache, whether `owner` still is the object that may adopt: a cache that has not seen its
 * deletion would adopt what the garbage collector is about to orphan.
 */
export async function mayAdopt<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  owner: T,
): Promise<boolean> {
  const { name = "", namespace, uid } = owner.metadata;
  try {
    const live = await client.get(type, namespace === undefined ? { name } : { namespace, name });
    return live.metadata.uid === uid && live.metadata.deletionTimestamp === undefined;
  } catch (error) {
    if (isApiError(error, "NotFound")) return false;
    throw error;
  }
}
