import { controllerOf, type KubeObject, type OwnerReference, parseApiVersion } from "../apimachinery/meta.ts";

/** The object has another managing controller already: a second one would fight it (upstream's AlreadyOwnedError). */
export class AlreadyOwnedError extends Error {
  override readonly name = "AlreadyOwnedError";
  readonly owner: OwnerReference;

  constructor({ metadata }: KubeObject, owner: OwnerReference) {
    const { namespace = "", name = "" } = metadata;
    super(`Object ${namespace}/${name} is already owned by another ${owner.kind} controller ${owner.name}`);
    this.owner = owner;
  }
}

/** The reference that makes `owner` an object's managing controller (`metav1.NewControllerRef`), for objects that are applied. */
export function controllerReference(owner: KubeObject): OwnerReference {
  return { ...ownerReference(owner), controller: true, blockOwnerDeletion: true };
}

/**
 * The object with `owner` as its managing controller: deleted with it, and a change of it wakes the owner. Throws
 * AlreadyOwnedError where another controller manages it, and an Error where the owner is out of its reach: in another
 * namespace, or in one while the object is cluster-scoped (controllerutil's SetControllerReference).
 */
export function setControllerReference<T extends KubeObject>(owner: KubeObject, object: T): T {
  const current = controllerOf(object);
  if (current !== undefined && current.uid !== owner.metadata.uid)
    throw new AlreadyOwnedError(object, current);
  return withReference(owner, object, controllerReference(owner));
}

/** The object with `owner` among its owners: deleted once all of them are. Throws as setControllerReference does for reach. */
export function setOwnerReference<T extends KubeObject>(owner: KubeObject, object: T): T {
  return withReference(owner, object, ownerReference(owner));
}

function ownerReference({ apiVersion, kind, metadata: { name = "", uid = "" } }: KubeObject): OwnerReference {
  return { apiVersion, kind, name, uid };
}

function withReference<T extends KubeObject>(owner: KubeObject, object: T, reference: OwnerReference): T {
  const ownerNamespace = owner.metadata.namespace ?? "";
  const namespace = object.metadata.namespace ?? "";
  if (ownerNamespace !== "" && namespace === "")
    throw new Error(
      `cluster-scoped resource must not have a namespace-scoped owner, owner's namespace ${ownerNamespace}`,
    );
  if (ownerNamespace !== "" && ownerNamespace !== namespace)
    throw new Error(
      `cross-namespace owner references are disallowed, owner's namespace ${ownerNamespace}, obj's namespace ${namespace}`,
    );
  const others = (object.metadata.ownerReferences ?? []).filter((other) => !sameOwner(other, reference));
  return { ...object, metadata: { ...object.metadata, ownerReferences: [...others, reference] } };
}

/** By group, kind and name, as upstream: a version may have changed, and a uid with a new object of the same name. */
function sameOwner(left: OwnerReference, right: OwnerReference): boolean {
  return (
    left.kind === right.kind &&
    left.name === right.name &&
    parseApiVersion(left.apiVersion).group === parseApiVersion(right.apiVersion).group
  );
}
