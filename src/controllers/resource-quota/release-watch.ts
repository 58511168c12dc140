import type { AnyObject, KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { builtInTypeOf } from "../framework/discovery.ts";
import { type FollowDependencies, followMetadata } from "../framework/metadata-informer.ts";

/**
 * Tells of deleted objects of those resources that some quota counts by `count/…` and nothing else of the controller
 * follows: upstream's quota monitor. What no quota names costs nothing.
 */
export class ReleaseWatch {
  readonly #dependencies: FollowDependencies;
  readonly #followed = new Map<string, () => void>();
  #released: (object: KubeObject) => void = () => undefined;
  #signal: AbortSignal | undefined;

  constructor(dependencies: FollowDependencies) {
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
    return followMetadata(this.#dependencies, resource, handler, signal).stop;
  }
}

function placeOf({ resource, group }: ResourceType<AnyObject>): string {
  return `${resource}/${group}`;
}
