import { apiServices, customResourceDefinitions } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { type AnyObject, type OwnerReference, parseApiVersion } from "../../apimachinery/meta.ts";
import { LruCache } from "../../base/lru-cache.ts";
import { type Controller, watch } from "../framework/controller.ts";
import type { FollowDependencies } from "../framework/metadata-informer.ts";
import { foregroundFinalizer, OwnershipGraph, type Place } from "./graph.ts";
import { Monitors } from "./monitors.ts";
import { type ItemSnapshot, type OwnerState, reconcileItem } from "./reconcile.ts";

/** The key under which discovery is looked at again; all others are UIDs. */
const discoveryKey = "discovery";

/** Owners known to be gone, so that a thousand dependents ask for one of them once. */
const absentOwnersLimit = 500;

/** Deletes what its owners left behind, and carries out foreground and orphaning deletions. */
export function garbageCollector(dependencies: FollowDependencies): Controller<ItemSnapshot> {
  const { informers } = dependencies;
  const collector = new Collector(dependencies);
  return {
    name: "garbage-collector-controller",
    workers: 20,
    watches: [
      watch(informers.informer(customResourceDefinitions), () => [discoveryKey]),
      watch(informers.informer(apiServices), () => [discoveryKey]),
    ],
    initialKeys: [discoveryKey],
    attach: (wake, signal) => collector.attach(wake, signal),
    observe: (key) => (key === discoveryKey ? collector.discover() : collector.observe(key)),
    reconcile: reconcileItem,
  };
}

class Collector {
  readonly #dependencies: FollowDependencies;
  readonly #graph = new OwnershipGraph();
  readonly #absentOwners = new LruCache<string, true>(absentOwnersLimit);
  #monitors: Monitors | undefined;
  /** UIDs seen while caches still fill: whether their owners live cannot be told yet. Undefined once they are full. */
  #undecided: Set<string> | undefined = new Set();
  #wake: (key: string) => void = () => {};

  constructor(dependencies: FollowDependencies) {
    this.#dependencies = dependencies;
  }

  attach(wake: (key: string) => void, signal: AbortSignal): void {
    this.#wake = wake;
    const events = {
      put: (...[type, object]: Parameters<OwnershipGraph["put"]>) => {
        for (const uid of this.#graph.put(type, object)) this.#wakeIfNeeded(uid);
      },
      removed: ({ metadata: { uid = "" } }: AnyObject) => {
        for (const affected of this.#graph.remove(uid)) wake(affected);
      },
    };
    this.#monitors = new Monitors(this.#dependencies, events, signal);
  }

  /** An object all of whose owners are in the caches needs no look: most objects never cost a request. */
  #wakeIfNeeded(uid: string): void {
    if (this.#undecided !== undefined) {
      this.#undecided.add(uid);
      return;
    }
    const node = this.#graph.node(uid);
    const needsNoLook =
      node !== undefined &&
      !node.waitsForDependents &&
      !node.orphansDependents &&
      node.owners.every((owner) => this.#cachedOwnerState(owner, node.place.namespace) === "solid");
    if (!needsNoLook) this.#wake(uid);
  }

  async discover(): Promise<undefined> {
    await this.#monitors?.sync();
    const undecided = this.#undecided;
    if (undecided === undefined) return undefined;
    await this.#monitors?.synced();
    this.#undecided = undefined;
    for (const uid of undecided) this.#wakeIfNeeded(uid);
    return undefined;
  }

  async observe(uid: string): Promise<ItemSnapshot | undefined> {
    const node = this.#graph.node(uid);
    if (node === undefined) return undefined;
    const object = await this.#live(node.place);
    if (object === undefined || object.metadata.uid !== uid) {
      for (const affected of this.#graph.remove(uid)) this.#wake(affected);
      return undefined;
    }
    const references = object.metadata.ownerReferences ?? [];
    const owners: { reference: OwnerReference; state: OwnerState }[] = [];
    for (const reference of references) {
      const state = await this.#ownerState(reference, node.place.namespace);
      if (state === "invalid") return undefined;
      owners.push({ reference, state });
    }
    return { type: node.place.type, object, owners, dependents: this.#graph.dependentsOf(uid) };
  }

  async #ownerState(reference: OwnerReference, namespace: string): Promise<OwnerState | "invalid"> {
    const absent = `${namespace}/${reference.uid}`;
    if (this.#absentOwners.get(absent) === true) return "dangling";
    const cached = this.#cachedOwnerState(reference, namespace);
    if (cached !== undefined) return cached;
    const { group } = parseApiVersion(reference.apiVersion);
    const type = this.#monitors?.typeOf({ group, kind: reference.kind });
    if (type === undefined) {
      this.#wake(discoveryKey);
      throw new Error(
        `no resource is known for the owner's kind ${reference.kind} of ${reference.apiVersion}`,
      );
    }
    // A cluster-scoped object cannot say in which namespace its owner would be: nothing can be decided.
    if (type.namespaced && namespace === "") return "invalid";
    const live = await this.#live({
      type,
      namespace: type.namespaced ? namespace : "",
      name: reference.name,
    });
    if (live?.metadata.uid === reference.uid) return stateOf(live);
    this.#absentOwners.set(absent, true);
    return "dangling";
  }

  /** Undefined where the cache cannot tell. */
  #cachedOwnerState(reference: OwnerReference, namespace: string): OwnerState | undefined {
    const { group } = parseApiVersion(reference.apiVersion);
    const type = this.#monitors?.typeOf({ group, kind: reference.kind });
    if (type === undefined) return undefined;
    const key = type.namespaced ? `${namespace}/${reference.name}` : reference.name;
    const cached = this.#monitors?.cached(type, key);
    return cached?.metadata.uid === reference.uid ? stateOf(cached) : undefined;
  }

  async #live({ type, namespace, name }: Place): Promise<AnyObject | undefined> {
    try {
      return await this.#dependencies.client.get(type, namespace === "" ? { name } : { namespace, name });
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      throw error;
    }
  }
}

function stateOf({ metadata }: AnyObject): OwnerState {
  const isWaiting =
    metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(foregroundFinalizer);
  return isWaiting ? "waiting" : "solid";
}
