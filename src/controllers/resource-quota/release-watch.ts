import type { AnyObject, KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { createSharedInformer } from "../../client/shared-informer.ts";
import { builtInTypeOf } from "../framework/discovery.ts";

export interface ReleaseWatchDependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Tells of deleted objects of those resources that some quota counts by `count/…` and nothing else of the controller
 * follows: upstream's quota monitor. What no quota names costs nothing.
 */
export class ReleaseWatch {
  readonly #dependencies: ReleaseWatchDependencies;
  readonly #followed = new Map<string, () => void>();
  #released: (object: KubeObject) => void = () => undefined;
  #signal: AbortSignal | undefined;

  constructor(dependencies: ReleaseWatchDependencies) {
    this.#dependencies = dependencies;
  }

  start(released: (object: KubeObject) => void, signal: AbortSignal): void {
    this.#released = released;
    this.#signal = signal;
  }

  /** Follows these too. */
  follow(resources: readonly ResourceType<AnyObject>[]): void {
    for (const resource of resources) {
      const place = placeOf(resource);
      if (this.#signal !== undefined && !this.#followed.has(place))
        this.#followed.set(place, this.#followOne(resource, this.#signal));
    }
  }

  /** Ends what is not wanted any more: no quota names it, or its resource is gone. */
  keepOnly(isWanted: (resource: { readonly group: string; readonly resource: string }) => boolean): void {
    for (const [place, stop] of this.#followed) {
      const [resource = "", group = ""] = place.split("/");
      if (isWanted({ resource, group })) continue;
      stop();
      this.#followed.delete(place);
    }
  }

  #followOne(resource: ResourceType<AnyObject>, signal: AbortSignal): () => void {
    const handler = { deleted: (object: KubeObject) => this.#released(object) };
    const shared = builtInTypeOf(resource);
    if (shared !== undefined) {
      const registration = this.#dependencies.informers.informer(shared).addHandler(handler);
      this.#dependencies.informers.start(signal);
      return () => registration.remove();
    }
    const own = new AbortController();
    const informer = createSharedInformer<AnyObject>({
      ...this.#dependencies,
      type: resource,
      selection: { metadataOnly: true },
    });
    informer.addHandler(handler);
    informer.run(AbortSignal.any([signal, own.signal]));
    return () => own.abort();
  }
}

function placeOf({ resource, group }: ResourceType<AnyObject>): string {
  return `${resource}/${group}`;
}
