import type {
  AnyObject,
  KubeObject,
  ObjectMeta,
  OwnerReference,
  ResourceType,
} from "../../apimachinery/meta.ts";

export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

/** Where an object is found. */
export interface Place {
  readonly type: ResourceType<AnyObject>;
  readonly namespace: string;
  readonly name: string;
}

/** What the graph keeps of an object that has owners or whose dependents are waited for. */
export interface GraphNode {
  readonly uid: string;
  readonly place: Place;
  readonly owners: readonly OwnerReference[];
  readonly waitsForDependents: boolean;
  readonly orphansDependents: boolean;
}

/**
 * Who depends on whom, over all objects of the cluster, as the caches have it. Objects without owners that are not being
 * deleted take no room in it. Each change answers with the UIDs that are to be looked at because of it.
 */
export class OwnershipGraph {
  readonly #nodes = new Map<string, GraphNode>();
  /** By owner's UID, those that name it. */
  readonly #dependents = new Map<string, Set<string>>();

  node(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  get uids(): Iterable<string> {
    return this.#nodes.keys();
  }

  dependentsOf(uid: string): readonly GraphNode[] {
    const nodes: GraphNode[] = [];
    for (const dependent of this.#dependents.get(uid) ?? []) {
      const node = this.#nodes.get(dependent);
      if (node !== undefined) nodes.push(node);
    }
    return nodes;
  }

  /** An object appeared or changed. */
  put(type: ResourceType<AnyObject>, { metadata }: KubeObject): string[] {
    const { uid = "" } = metadata;
    const before = this.#nodes.get(uid);
    const node = nodeOf(type, metadata);
    const affected = before === undefined ? [] : unblockedOwners(before, node);
    this.#unlink(before);
    if (node === undefined) {
      this.#nodes.delete(uid);
      return affected;
    }
    this.#nodes.set(uid, node);
    for (const { uid: owner } of node.owners) {
      const dependents = this.#dependents.get(owner);
      if (dependents === undefined) this.#dependents.set(owner, new Set([uid]));
      else dependents.add(uid);
    }
    const isNew = before === undefined && node.owners.length > 0;
    const gotOwner = node.owners.some((owner) => !before?.owners.some((old) => old.uid === owner.uid));
    if (isNew || gotOwner) affected.push(uid);
    if (node.waitsForDependents && !before?.waitsForDependents) {
      affected.push(...(this.#dependents.get(uid) ?? []), uid);
    }
    if (node.orphansDependents && !before?.orphansDependents) affected.push(uid);
    return affected;
  }

  /** An object is gone: its dependents lost an owner, its owners may have waited for it. */
  remove(uid: string): string[] {
    const before = this.#nodes.get(uid);
    const affected = [...(this.#dependents.get(uid) ?? [])];
    for (const owner of before?.owners ?? []) {
      if (this.#nodes.get(owner.uid)?.waitsForDependents) affected.push(owner.uid);
    }
    this.#unlink(before);
    this.#nodes.delete(uid);
    return affected;
  }

  #unlink(node: GraphNode | undefined): void {
    for (const { uid: owner } of node?.owners ?? []) {
      const dependents = this.#dependents.get(owner);
      dependents?.delete(node?.uid ?? "");
      if (dependents?.size === 0) this.#dependents.delete(owner);
    }
  }
}

function nodeOf(type: ResourceType<AnyObject>, metadata: ObjectMeta): GraphNode | undefined {
  const { uid = "", namespace = "", name = "", finalizers = [], ownerReferences = [] } = metadata;
  const isDeleted = metadata.deletionTimestamp !== undefined;
  const waitsForDependents = isDeleted && finalizers.includes(foregroundFinalizer);
  const orphansDependents = isDeleted && finalizers.includes(orphanFinalizer);
  if (ownerReferences.length === 0 && !waitsForDependents && !orphansDependents) return undefined;
  return {
    uid,
    place: { type, namespace, name },
    owners: ownerReferences,
    waitsForDependents,
    orphansDependents,
  };
}

/** Owners that this change no longer holds back from being deleted. */
function unblockedOwners(before: GraphNode, after: GraphNode | undefined): string[] {
  return before.owners
    .filter(({ uid, blockOwnerDeletion }) => {
      if (blockOwnerDeletion !== true) return after?.owners.every((owner) => owner.uid !== uid) ?? true;
      return after?.owners.find((owner) => owner.uid === uid)?.blockOwnerDeletion !== true;
    })
    .map(({ uid }) => uid);
}
