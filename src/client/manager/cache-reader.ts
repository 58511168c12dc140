import { controllerOf, type KubeObject, objectKey, type ResourceType } from "../../apimachinery/meta.ts";
import { checkNames, type OptionNames } from "../../base/option-names.ts";
import type { ObjectName } from "../client.ts";
import type { InformerFactory, Lister, SharedInformer } from "../informer.ts";
import type { Source } from "./source.ts";

/** Which of the cached objects. */
export interface CacheListOptions {
  /** Absent: all that is cached. */
  readonly namespace?: string;
  /** Only those that this object is the managing controller of: one look-up. */
  readonly controlledBy?: KubeObject;
}

/**
 * Reads of local caches: what a manager's delegating client reads. Objects are shared and immutable. A resource that is not
 * followed throws: declare it, or read live through the client.
 */
export interface CacheReader {
  get<T extends KubeObject>(type: ResourceType<T>, name: ObjectName): T | undefined;
  list<T extends KubeObject>(type: ResourceType<T>, options?: CacheListOptions): readonly T[];
  /** The cache itself, for indexes of one's own. */
  lister<T extends KubeObject>(type: ResourceType<T>): Lister<T>;
}

const listOptionNames: OptionNames<CacheListOptions> = { namespace: true, controlledBy: true };

/** "pods" or "deployments.apps": a resource, whatever its version. */
export function resourceName({ group, resource }: ResourceType<KubeObject>): string {
  return group === "" ? resource : `${resource}.${group}`;
}

const byControllerIndex = "k8ts/controller";

/** The caches of a manager's controllers; one informer for each resource and selection. */
export class Caches {
  readonly #informers: InformerFactory;
  readonly #namespace: string | undefined;
  readonly #known = new Map<SharedInformer<KubeObject>, string>();

  constructor(informers: InformerFactory, namespace: string | undefined) {
    this.#informers = informers;
    this.#namespace = namespace;
  }

  /** The informer of a source, asked for now so that it starts with the others. */
  informer(source: Source): SharedInformer<KubeObject> {
    const { resource, options } = source;
    const { when: _when, resyncMs: _resyncMs, ...selection } = options;
    const namespace = this.namespaceOf(source);
    const limited = namespace === undefined ? selection : { ...selection, namespace };
    const informer = this.#informers.informer(resource, limited);
    if (!this.#known.has(informer)) {
      this.#known.set(informer, resourceName(resource));
      informer.addIndex(byControllerIndex, (object) => {
        const uid = controllerOf(object)?.uid;
        return uid === undefined ? [] : [uid];
      });
    }
    return informer;
  }

  /** The one namespace whose objects the cache of a source holds: its own, or the manager's; undefined: all. */
  namespaceOf({ resource, options }: Source): string | undefined {
    return resource.namespaced ? (options.namespace ?? this.#namespace) || undefined : undefined;
  }

  /** Resources whose first list has not come yet. */
  unsynced(): readonly string[] {
    return [...this.#known].filter(([{ hasSynced }]) => !hasSynced).map(([, name]) => name);
  }
}

/** A reader of some caches; where two are of one resource, the first is read. */
export function cacheReader(informers: readonly SharedInformer<KubeObject>[]): CacheReader {
  const byResource = new Map<string, SharedInformer<KubeObject>>();
  for (const informer of informers) {
    const name = resourceName(informer.type);
    if (!byResource.has(name)) byResource.set(name, informer);
  }

  function lister<T extends KubeObject>(type: ResourceType<T>): Lister<T> {
    const informer = byResource.get(resourceName(type));
    if (informer === undefined)
      throw new Error(`${resourceName(type)} is not followed: declare it in for, owns or watches`);
    return informer.lister as unknown as Lister<T>; // an informer of this resource holds its objects
  }

  return {
    lister,
    get(type, { namespace, name }) {
      return lister(type).get(namespace === undefined || namespace === "" ? name : `${namespace}/${name}`);
    },
    list<T extends KubeObject>(type: ResourceType<T>, options: CacheListOptions = {}) {
      checkNames("cache.list", options, listOptionNames);
      const { namespace, controlledBy } = options;
      const cache = lister(type);
      const isEverywhere = namespace === undefined || namespace === "";
      if (controlledBy === undefined) return cache.list(isEverywhere ? {} : { namespace });
      const owned = cache.byIndex(byControllerIndex, controlledBy.metadata.uid ?? objectKey(controlledBy));
      return isEverywhere ? owned : owned.filter(({ metadata }: T) => metadata.namespace === namespace);
    },
  };
}
