import type { WatchCache } from "../cache/watch-cache.ts";
import type { ConvertingStorage } from "./converting-storage.ts";

/** A cache over converted objects: while they cannot be converted, readers are told so and do not wait. */
export function convertedCache(cache: WatchCache, storage: ConvertingStorage): WatchCache {
  const orFailure = <T>(work: Promise<T>): Promise<T> => {
    work.catch(() => {}); // it may fail after the answer was given
    return Promise.race([work, storage.failure]);
  };
  return {
    get revision() {
      return cache.revision;
    },
    begin: () => cache.begin(),
    ready: (options) => orFailure(cache.ready(options)),
    get: (key, options) => orFailure(cache.get(key, options)),
    list: (options) => orFailure(cache.list(options)),
    watch: (options) => orFailure(cache.watch(options)),
    waitUntilFresh: (revision, options) => orFailure(cache.waitUntilFresh(revision, options)),
    hold: (keyValue) => cache.hold(keyValue),
    stats: () => cache.stats(),
    close: () => cache.close(),
  };
}
