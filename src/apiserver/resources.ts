import type { ResourceDefinition } from "../api/definition.ts";
import { type AnyObject, apiVersionOf } from "../apimachinery/meta.ts";
import type { Clock } from "../base/clock.ts";
import { rfc3339 } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { type KeyValue, prefixRange, type Storage } from "../storage/storage.ts";
import { deviceSelectorHooks } from "./admission/device-selector-hooks.ts";
import { expressionHooks } from "./admission/policies/expression-hooks.ts";
import type { ServiceOptions } from "./api-server.ts";
import { ByteBudget } from "./cache/byte-budget.ts";
import type { CacheStats } from "./cache/object-sizes.ts";
import { createWatchCache } from "./cache/resource-cache.ts";
import type { WatchCache } from "./cache/watch-cache.ts";
import { storageVersionOf } from "./content/views.ts";
import { definitionHooks } from "./custom-resources/store-hooks.ts";
import type { StoredObjects } from "./metrics/server-metrics.ts";
import type { StorageMetrics } from "./metrics/storage-metrics.ts";
import { namespaceHooks } from "./namespaces.ts";
import { signingRequestHooks } from "./pki/signing-request-hooks.ts";
import { keyRootOf } from "./registry/keys.ts";
import { fieldValue } from "./registry/select.ts";
import { ResourceStore } from "./registry/store.ts";
import type { StoreHooks } from "./registry/store-calls.ts";
import { ResourceTable } from "./resource-table.ts";
import { AddressObjects } from "./services/address-objects.ts";
import { type AddressRange, parseRange } from "./services/address-range.ts";
import { ServiceAllocations } from "./services/allocations.ts";

/** Encoded objects kept beside their objects, in all. */
const encodedBytesLimit = 64 * 1024 * 1024;
/** Lists of one node's objects, as upstream indexes them. */
const indexedFields = ["spec.nodeName"];
const defaultClusterIpRanges = ["10.96.0.0/12"];
const defaultNodePorts = { first: 30_000, last: 32_767 };

export interface ResourcesDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly definitions: readonly ResourceDefinition[];
  readonly services?: ServiceOptions;
  /** Counts what storage is asked for. */
  readonly metrics: StorageMetrics;
}

/** The stores and caches of every resource. A cache starts with the first request that needs it. */
export class Resources {
  readonly table = new ResourceTable();
  /** Where cluster IPs come from. */
  readonly ranges: readonly AddressRange[];
  /** Of the cluster IPs of services. */
  readonly addressObjects: AddressObjects;
  readonly #dependencies: ResourcesDependencies;
  readonly #ending = new AbortController();
  readonly #budget = new ByteBudget(encodedBytesLimit);
  readonly #caches = new Map<string, WatchCache>();
  readonly #allocations: ServiceAllocations;
  readonly #hooks: Readonly<Record<string, StoreHooks>>;

  constructor(dependencies: ResourcesDependencies) {
    const { random, logger, services } = dependencies;
    this.#dependencies = dependencies;
    this.ranges = (services?.clusterIpRanges ?? defaultClusterIpRanges).map(parseRange);
    this.addressObjects = new AddressObjects({ logger, store: () => this.#networking("ipaddresses") });
    this.#allocations = new ServiceAllocations({
      ranges: this.ranges,
      nodePorts: services?.nodePorts ?? defaultNodePorts,
      random,
      logger,
      signal: this.#ending.signal,
      services: () => this.#cacheOfServices(),
      serviceCidrs: () => this.#networking("servicecidrs")?.cache,
      addressObjects: this.addressObjects,
    });
    this.#hooks = {
      "/namespaces": namespaceHooks,
      "/services": this.#allocations,
      "apiextensions.k8s.io/customresourcedefinitions": definitionHooks({
        now: () => rfc3339(dependencies.clock.now()),
      }),
      "admissionregistration.k8s.io/validatingadmissionpolicies": expressionHooks,
      "admissionregistration.k8s.io/mutatingadmissionpolicies": expressionHooks,
      "admissionregistration.k8s.io/validatingwebhookconfigurations": expressionHooks,
      "admissionregistration.k8s.io/mutatingwebhookconfigurations": expressionHooks,
      "certificates.k8s.io/certificatesigningrequests": signingRequestHooks,
      "resource.k8s.io/deviceclasses": deviceSelectorHooks,
      "resource.k8s.io/resourceclaims": deviceSelectorHooks,
      "resource.k8s.io/resourceclaimtemplates": deviceSelectorHooks,
    };
    for (const definition of dependencies.definitions) this.add(definition);
  }

  add(definition: ResourceDefinition): ResourceStore {
    const { clock, random } = this.#dependencies;
    const storage = this.#storageOf(definition);
    const hooks = this.#hooks[`${definition.group}/${definition.plural}`];
    const cache = this.#cacheOf(definition);
    const store = new ResourceStore({
      definition,
      storage,
      cache,
      clock,
      random,
      ...(hooks === undefined ? {} : { hooks }),
    });
    this.table.add(definition, store);
    return store;
  }

  /** A kind whose versions each see storage in their own way, with a cache and a store for each. */
  addVersions(
    definition: ResourceDefinition,
    viewOf: (version: string, storage: Storage) => VersionView,
  ): ResourceStore {
    const { clock, random } = this.#dependencies;
    const storage = this.#storageOf(definition);
    const stores = new Map<string, ResourceStore>();
    for (const version of new Set([...definition.versions, storageVersionOf(definition)])) {
      const own = definition.custom?.forVersion(version) ?? definition;
      const view = viewOf(version, storage);
      const cache = view.cached(this.#newCache(own, view.storage));
      this.#caches.set(`${keyRootOf(definition)}${version}`, cache);
      stores.set(
        version,
        new ResourceStore({ definition: own, storage: view.storage, cache, clock, random }),
      );
    }
    const store = stores.get(storageVersionOf(definition));
    if (store === undefined) throw new Error(`${definition.plural} has no storage version`);
    this.table.add(definition, store, stores);
    return store;
  }

  /** Ends the resource's watches; what is stored stays. */
  remove(definition: ResourceDefinition): void {
    this.table.remove(definition);
    const prefix = keyRootOf(definition);
    const versions = [...definition.versions, storageVersionOf(definition)];
    for (const key of [prefix, ...versions.map((version) => prefix + version)]) {
      const cache = this.#caches.get(key);
      this.#caches.delete(key);
      cache?.close().catch((error: unknown) => {
        this.#dependencies.logger.warn({ error, prefix }, "a cache did not close");
      });
    }
  }

  /** Resolves when what services hold is known. */
  allocationsReady(): Promise<void> {
    return this.#allocations.ready();
  }

  /** What the cache of a resource knows of its objects. */
  statsOf(group: string, plural: string): CacheStats | undefined {
    return this.table.storeOf({ group, plural })?.cache.stats();
  }

  /** How many objects of each resource are stored. */
  countObjects(): Promise<readonly StoredObjects[]> {
    const stored = [...this.table.definitions()].filter(
      ({ storedAs, verbs }) => storedAs === undefined && (verbs === undefined || verbs.includes("list")),
    );
    return Promise.all(
      stored.map(async (definition) => {
        const range = prefixRange(keyRootOf(definition));
        const { count } = await this.#dependencies.storage.range(range, { countOnly: true });
        return { group: definition.group, resource: definition.plural, count };
      }),
    );
  }

  async close(): Promise<void> {
    this.#ending.abort(new Error("the server is closed"));
    await Promise.all([...this.#caches.values()].map((cache) => cache.close()));
  }

  #storageOf({ group, plural }: ResourceDefinition): Storage {
    const { storage, metrics } = this.#dependencies;
    return metrics.metered(storage, group, plural);
  }

  #networking(plural: string): ResourceStore | undefined {
    return this.table.storeOf({ group: "networking.k8s.io", plural });
  }

  #cacheOfServices(): WatchCache {
    const store = this.table.storeOf({ group: "", plural: "services" });
    if (store === undefined) throw new Error("services are not served");
    return store.cache;
  }

  /** Kinds that share their storage share their cache. */
  #cacheOf(definition: ResourceDefinition): WatchCache {
    const prefix = keyRootOf(definition);
    const known = this.#caches.get(prefix);
    if (known !== undefined) return known;
    const cache = this.#newCache(definition, this.#storageOf(definition));
    this.#caches.set(prefix, cache);
    return cache;
  }

  #newCache(definition: ResourceDefinition, storage: Storage): WatchCache {
    const { clock, random, logger } = this.#dependencies;
    const prefix = keyRootOf(definition);
    const { custom } = definition;
    return createWatchCache({
      // What is stored are objects of the API.
      ...(custom === undefined
        ? {}
        : { decode: ({ value }: KeyValue) => custom.fromStorage(value.object as AnyObject) }),
      storage,
      clock,
      random,
      logger,
      budget: this.#budget,
      prefix,
      namespaced: definition.namespaced,
      apiVersion: apiVersionOf({ group: definition.group, version: storageVersionOf(definition) }),
      kind: definition.kind,
      fieldOf: (object, field) => fieldValue(definition, field, object),
      indexedFields: indexedFields.filter((field) => definition.selectableFields?.[field] !== undefined),
    });
  }
}

/** How one version of a kind sees storage. */
export interface VersionView {
  readonly storage: Storage;
  readonly cached: (cache: WatchCache) => WatchCache;
}
