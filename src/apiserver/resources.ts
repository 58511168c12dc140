import type { ResourceDefinition } from "../api/definition.ts";
import { apiVersionOf } from "../apimachinery/meta.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { prefixRange, type Storage } from "../storage/storage.ts";
import { ByteBudget } from "./cache/byte-budget.ts";
import { createWatchCache } from "./cache/resource-cache.ts";
import type { WatchCache } from "./cache/watch-cache.ts";
import { storageVersionOf } from "./content/views.ts";
import { namespaceHooks } from "./namespaces.ts";
import { keyRootOf } from "./registry/keys.ts";
import { fieldValue } from "./registry/select.ts";
import type { StoreHooks } from "./registry/store.ts";
import { ResourceStore } from "./registry/store.ts";
import { ResourceTable } from "./resource-table.ts";
import type { ServiceOptions } from "./server.ts";
import { parseRange } from "./services/address-range.ts";
import { ServiceAllocations } from "./services/allocations.ts";

/** Encoded objects kept beside their objects, in all. */
const encodedBytesLimit = 64 * 1024 * 1024;

export interface ResourcesDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly definitions: readonly ResourceDefinition[];
  readonly services?: ServiceOptions;
}

export type Resources = ReturnType<typeof openResources>;

const defaultClusterIpRanges = ["10.96.0.0/12"];
const defaultNodePorts = { first: 30_000, last: 32_767 };

/** The stores and caches of every resource. A cache starts with the first request that needs it. */
export function openResources(dependencies: ResourcesDependencies) {
  const { storage, clock, random, logger, definitions } = dependencies;
  const ending = new AbortController();
  const table = new ResourceTable();
  const budget = new ByteBudget(encodedBytesLimit);
  const caches = new Map<string, WatchCache>();
  const ranges = (dependencies.services?.clusterIpRanges ?? defaultClusterIpRanges).map(parseRange);
  const nodePorts = dependencies.services?.nodePorts ?? defaultNodePorts;
  const allocations = new ServiceAllocations({
    ranges,
    nodePorts,
    random,
    logger,
    signal: ending.signal,
    services() {
      const store = table.storeOf({ group: "", plural: "services" });
      if (store === undefined) throw new Error("services are not served");
      return store.cache;
    },
  });
  const hooksOf: Readonly<Record<string, StoreHooks>> = {
    "/namespaces": namespaceHooks,
    "/services": allocations,
  };
  for (const definition of definitions) add(definition);

  function add(definition: ResourceDefinition): ResourceStore {
    const cache = cacheOf(definition);
    const hooks = hooksOf[`${definition.group}/${definition.plural}`];
    const store = new ResourceStore({
      definition,
      storage,
      cache,
      clock,
      random,
      ...(hooks === undefined ? {} : { hooks }),
    });
    table.add(definition, store);
    return store;
  }

  function cacheOf(definition: ResourceDefinition): WatchCache {
    const prefix = keyRootOf(definition);
    const known = caches.get(prefix);
    if (known !== undefined) return known;
    const fields = Object.keys(definition.selectableFields ?? {});
    const cache = createWatchCache({
      storage,
      clock,
      logger,
      random,
      budget,
      prefix,
      namespaced: definition.namespaced,
      apiVersion: apiVersionOf({ group: definition.group, version: storageVersionOf(definition) }),
      kind: definition.kind,
      fieldsOf: (object) =>
        Object.fromEntries(
          ["metadata.name", ...fields].map((field) => [field, fieldValue(definition, field, object)]),
        ),
    });
    caches.set(prefix, cache);
    return cache;
  }

  return {
    table,
    ranges,
    /** How many objects of each resource are stored. */
    countObjects: () =>
      Promise.all(
        [...table.definitions()]
          .filter(
            ({ storedAs, verbs }) =>
              storedAs === undefined && (verbs === undefined || verbs.includes("list")),
          )
          .map(async (definition) => {
            const range = prefixRange(keyRootOf(definition));
            const { count } = await storage.range(range, { countOnly: true });
            const { group, plural } = definition;
            return { resource: group === "" ? plural : `${plural}.${group}`, count };
          }),
      ),
    /** Resolves when what services hold is known. */
    allocationsReady: () => allocations.ready(),
    add,
    async close(): Promise<void> {
      ending.abort(new Error("the server is closed"));
      await Promise.all([...caches.values()].map((cache) => cache.close()));
    },
  };
}
