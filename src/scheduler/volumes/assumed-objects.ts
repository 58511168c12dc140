import { type KubeObject, objectKey } from "../../apimachinery/meta.ts";

interface Assumed<T> {
  readonly object: T;
  /** What the cache held when it was assumed: once the cache holds something else, that counts. */
  readonly seenVersion: string | undefined;
}

/** Objects as they will be once a decision of the scheduler is written (upstream's assume cache). */
export class AssumedObjects<T extends KubeObject> {
  readonly #live: (key: string) => T | undefined;
  readonly #assumed = new Map<string, Assumed<T>>();

  constructor(live: (key: string) => T | undefined) {
    this.#live = live;
  }

  get(key: string): T | undefined {
    const live = this.#live(key);
    const assumed = this.#assumed.get(key);
    if (assumed === undefined) return live;
    if (live !== undefined && live.metadata.resourceVersion === assumed.seenVersion) return assumed.object;
    this.#assumed.delete(key);
    return live;
  }

  /** How the cache's object looks with what was assumed. */
  of(live: T): T {
    return this.get(objectKey(live)) ?? live;
  }

  assume(object: T): void {
    const key = objectKey(object);
    this.#assumed.set(key, { object, seenVersion: this.#live(key)?.metadata.resourceVersion });
  }

  restore(key: string): void {
    this.#assumed.delete(key);
  }
}
