import {
  apiVersionOf,
  controllerOf,
  type KubeObject,
  type OwnerReference,
  type ResourceType,
} from "../../apimachinery/meta.ts";

/** The reference by which `owner` becomes the managing controller of an object (upstream's `NewControllerRef`). */
export function controllerReference<T extends KubeObject>(type: ResourceType<T>, owner: T): OwnerReference {
  return { ...ownerReference(type, owner), controller: true, blockOwnerDeletion: true };
}

/** A plain owner: the object goes when all its owners are gone. */
export function ownerReference<T extends KubeObject>(type: ResourceType<T>, owner: T): OwnerReference {
  const { name = "", uid = "" } = owner.metadata;
  return { apiVersion: apiVersionOf(type), kind: type.kind, name, uid };
}

/** Whether `owner` is the managing controller of `object`, by its uid. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  const uid = controllerOf(object)?.uid;
  return uid !== undefined && uid === owner.metadata.uid;
}

export function isOwnedBy(object: KubeObject, ownerUid: string): boolean {
  return object.metadata.ownerReferences?.some(({ uid }) => uid === ownerUid) ?? false;
}
