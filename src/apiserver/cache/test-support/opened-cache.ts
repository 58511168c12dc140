import type { AnyObject } from "../../../apimachinery/meta.ts";
import { silentLogger } from "../../../base/log.ts";
import { seededRandom } from "../../../base/random.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { createMemoryStorage } from "../../../storage/memory/memory-storage.ts";
import { type Storage, StoredValue } from "../../../storage/storage.ts";
import { ByteBudget } from "../byte-budget.ts";
import type { CacheEvent } from "../cache-event.ts";
import { createWatchCache } from "../resource-cache.ts";
import type { Selection } from "../selection.ts";
import type { CacheWatchOptions, WatchCache, WatchCacheDependencies } from "../watch-cache.ts";

export const prefix = "/registry/core/pods/";

/** A cache of pods over a store in memory, on a virtual clock. */
export function openCache(overrides: Partial<WatchCacheDependencies> = {}) {
  const clock = new VirtualClock();
  const storage = overrides.storage ?? createMemoryStorage({ clock });
  const cache = createWatchCache({
    storage,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    budget: new ByteBudget(1 << 20),
    prefix,
    namespaced: true,
    apiVersion: "v1",
    kind: "Pod",
    fieldOf: (object, field) => podFields(object)[field] ?? "",
    indexedFields: ["spec.nodeName"],
    ...overrides,
  });
  return { clock, storage, cache };
}

export function podFields(object: AnyObject): Readonly<Record<string, string>> {
  const { nodeName = "" } = (object.spec ?? {}) as { nodeName?: string };
  return {
    "metadata.name": object.metadata.name ?? "",
    "metadata.namespace": object.metadata.namespace ?? "",
    "spec.nodeName": nodeName,
  };
}

/** "namespace/name" with what a test varies. */
export function pod(key: string, labels: Record<string, string> = {}, nodeName?: string): AnyObject {
  const [namespace = "", name = ""] = key.split("/");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels },
    spec: nodeName === undefined ? {} : { nodeName },
  };
}

export async function put(storage: Storage, object: AnyObject): Promise<number> {
  const key = `${prefix}${object.metadata.namespace}/${object.metadata.name}`;
  const write = { type: "put", key, value: StoredValue.ofObject(object) } as const;
  return (await storage.commit({ compare: [], writes: [write] })).revision;
}

export async function remove(storage: Storage, key: string): Promise<number> {
  const write = { type: "delete", key: prefix + key } as const;
  return (await storage.commit({ compare: [], writes: [write] })).revision;
}

/** A write that no cache of pods sees. */
export async function putElsewhere(storage: Storage): Promise<number> {
  const write = { type: "put", key: "/registry/other", value: StoredValue.ofObject({}) } as const;
  return (await storage.commit({ compare: [], writes: [write] })).revision;
}

export const labelled = (key: string, value: string): Selection => ({
  namespace: "",
  matches: (object) => object.metadata.labels?.[key] === value,
});

export const onNode = (nodeName: string): Selection => ({
  namespace: "",
  exactFields: { "spec.nodeName": nodeName },
  matches: (object) => podFields(object)["spec.nodeName"] === nodeName,
});

/** A watch whose events gather by themselves. */
export async function collect(cache: WatchCache, options: Partial<CacheWatchOptions> = {}) {
  const controller = new AbortController();
  const watch = await cache.watch({ selection: { namespace: "" }, signal: controller.signal, ...options });
  const events: CacheEvent[] = [];
  const ended = (async () => {
    for await (const batch of watch) events.push(...batch);
  })();
  return { events, ended, stop: () => controller.abort() };
}

/** "ADDED default/a 7", and the annotations of a bookmark. */
export function told({ type, object }: CacheEvent): string {
  const { namespace, name, resourceVersion, annotations } = object.metadata;
  const what = type === "BOOKMARK" ? Object.keys(annotations ?? {}).join() : `${namespace}/${name}`;
  return [type, what, resourceVersion].filter(Boolean).join(" ");
}
