import type { AnyObject, ResourceType } from "../../apimachinery/meta.ts";
import { sleep } from "../../base/clock.ts";
import type { SharedInformer } from "../../client/informer.ts";
import { builtInTypeOf, type DiscoveredResource, discoverResources } from "../framework/discovery.ts";
import { type FollowDependencies, followMetadata } from "../framework/metadata-informer.ts";

/** Too many, too short-lived, and never owners (upstream's ignored resources). */
const ignored = new Set(["events.", "events.events.k8s.io"]);

/** How long collecting waits for caches at the start: upstream's initialSyncTimeout. */
const syncPatienceMs = 30_000;

export interface MonitorEvents {
  put(type: ResourceType<AnyObject>, object: AnyObject): void;
  removed(object: AnyObject): void;
}

interface Monitor {
  readonly informer: SharedInformer<AnyObject>;
  readonly synced: () => Promise<void>;
  readonly stop: () => void;
}

/**
 * One cache for each resource that can be deleted, built-in or custom. Those of built-in resources are shared with the
 * other controllers; a custom resource's holds metadata only and ends when the resource does.
 */
export class Monitors {
  readonly #dependencies: FollowDependencies;
  readonly #events: MonitorEvents;
  readonly #signal: AbortSignal;
  readonly #monitors = new Map<string, Monitor>();
  readonly #typeOfKind = new Map<string, ResourceType<AnyObject>>();

  constructor(dependencies: FollowDependencies, events: MonitorEvents, signal: AbortSignal) {
    this.#dependencies = dependencies;
    this.#events = events;
    this.#signal = signal;
  }

  /** Follows what there is to follow now, and stops following what is gone. */
  async sync(): Promise<void> {
    const { resources, failures } = await discoverResources(this.#dependencies.client, {
      signal: this.#signal,
    });
    const wanted = new Map<string, DiscoveredResource>();
    for (const resource of resources) {
      this.#typeOfKind.set(kindKey(resource), resource);
      const canFollow = ["list", "watch", "delete"].every((verb) => resource.verbs.includes(verb));
      if (canFollow && !ignored.has(placeOf(resource))) wanted.set(placeOf(resource), resource);
    }
    for (const [place, monitor] of this.#monitors) {
      // A group that cannot be asked just now may well be there still.
      if (wanted.has(place) || failures.size > 0) continue;
      monitor.stop();
      this.#monitors.delete(place);
    }
    for (const [place, resource] of wanted) {
      if (!this.#monitors.has(place)) this.#monitors.set(place, this.#follow(resource));
    }
    this.#dependencies.informers.start(this.#signal);
  }

  /**
   * Resolves when every cache has its first list, or after a while: a resource that cannot be listed (an aggregated API
   * server that is away) must not keep all others from being collected.
   */
  async synced(): Promise<void> {
    const { informers, clock } = this.#dependencies;
    const patience = new AbortController();
    const all = [...this.#monitors.values()].map(({ synced }) => synced());
    await Promise.race([
      Promise.all([...all, informers.waitForSync({ signal: this.#signal })]),
      sleep(clock, syncPatienceMs, { signal: AbortSignal.any([patience.signal, this.#signal]) }).catch(
        () => {},
      ),
    ]);
    patience.abort();
  }

  /** The resource of a kind, undefined where discovery knows none. */
  typeOf(kind: { readonly group: string; readonly kind: string }): ResourceType<AnyObject> | undefined {
    return this.#typeOfKind.get(kindKey(kind));
  }

  /** What the cache has, which may be nothing for an object that is there. */
  cached(type: ResourceType<AnyObject>, key: string): AnyObject | undefined {
    return this.#monitors.get(placeOf(type))?.informer.lister.get(key);
  }

  #follow(resource: DiscoveredResource): Monitor {
    const handler = {
      added: (object: AnyObject) => this.#events.put(resource, object),
      updated: (_: AnyObject, object: AnyObject) => this.#events.put(resource, object),
      deleted: (object: AnyObject) => this.#events.removed(object),
    };
    const builtInType = builtInTypeOf(resource);
    if (builtInType !== undefined) {
      const informer = this.#dependencies.informers.informer(builtInType);
      const registration = informer.addHandler(handler);
      return { informer, synced: async () => {}, stop: () => registration.remove() };
    }
    const { informer, stop: end } = followMetadata(this.#dependencies, resource, handler, this.#signal);
    const stop = () => {
      end();
      for (const object of informer.lister.list()) this.#events.removed(object);
    };
    return { informer, synced: () => informer.synced(), stop };
  }
}

function placeOf(type: { readonly resource: string; readonly group: string }): string {
  return `${type.resource}.${type.group}`;
}

function kindKey({ group, kind }: { readonly group: string; readonly kind: string }): string {
  return `${kind}.${group}`;
}
