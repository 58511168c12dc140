import type { Node, Pod } from "../../api/core/types.generated.ts";
import { pods } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Client } from "../../client/client.ts";
import { isMirrorOf, mirrorPodOf } from "./static-pod.ts";

export interface MirrorPodsDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: () => Node | undefined;
  /** A mirror pod came or changed: the status of its static pod can be written there. */
  readonly appeared: (staticPod: Pod) => void;
}

const retryMs = 5000;

/** Keeps one mirror pod in the API for each static pod of the node: made, made anew when it is deleted, removed with it. */
export class MirrorPods {
  readonly #dependencies: MirrorPodsDependencies;
  #wanted = new Map<string, Pod>();
  readonly #present = new Map<string, Pod>();
  #dirty: AbortController = new AbortController();

  constructor(dependencies: MirrorPodsDependencies) {
    this.#dependencies = dependencies;
  }

  /** The static pods that run here. */
  want(staticPods: readonly Pod[]): void {
    this.#wanted = new Map(staticPods.map((pod) => [keyOf(pod), pod]));
    this.#dirty.abort();
  }

  /** A mirror pod as the API has it now. */
  observed(mirror: Pod): void {
    this.#present.set(keyOf(mirror), mirror);
    const pod = this.#wanted.get(keyOf(mirror));
    if (pod !== undefined && isMirrorOf(mirror, pod)) this.#dependencies.appeared(pod);
    else this.#dirty.abort();
  }

  removed(mirror: Pod): void {
    if (this.#present.get(keyOf(mirror))?.metadata.uid === mirror.metadata.uid)
      this.#present.delete(keyOf(mirror));
    this.#dirty.abort();
  }

  /** The pod of the API that shows this static pod, if it is there. */
  mirrorOf(pod: Pod): Pod | undefined {
    const mirror = this.#present.get(keyOf(pod));
    return mirror !== undefined && isMirrorOf(mirror, pod) ? mirror : undefined;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#dependencies;
    while (!signal.aborted) {
      this.#dirty = new AbortController();
      let waitMs: number | undefined;
      try {
        waitMs = (await this.#reconcile(signal)) ? undefined : retryMs;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ error }, "mirror pods could not be brought up to date; trying again");
        waitMs = retryMs;
      }
      const wake = AbortSignal.any([signal, this.#dirty.signal]);
      if (waitMs === undefined) await aborted(wake);
      else await sleep(clock, waitMs, { signal: wake }).catch(() => undefined);
    }
  }

  /** False when it has to be tried again. */
  async #reconcile(signal: AbortSignal): Promise<boolean> {
    const { client, node } = this.#dependencies;
    for (const [key, mirror] of [...this.#present]) {
      const pod = this.#wanted.get(key);
      if (pod === undefined || !isMirrorOf(mirror, pod)) await this.#delete(mirror, signal);
    }
    const here = node()?.metadata;
    for (const [key, pod] of this.#wanted) {
      if (this.#present.has(key)) continue;
      if (here === undefined) return false;
      try {
        const owner = { name: here.name ?? "", uid: here.uid ?? "" };
        this.observed(await client.create(pods, mirrorPodOf(pod, owner), { signal }));
      } catch (error) {
        if (!isApiError(error, "AlreadyExists")) throw error;
        return false;
      }
    }
    return true;
  }

  async #delete(mirror: Pod, signal: AbortSignal): Promise<void> {
    const { name = "", namespace = "", uid = "" } = mirror.metadata;
    const options = { gracePeriodSeconds: 0, preconditions: { uid }, signal };
    try {
      await this.#dependencies.client.delete(pods, { namespace, name }, options);
    } catch (error) {
      if (!isApiError(error, "NotFound") && !isApiError(error, "Conflict")) throw error;
    }
    if (this.#present.get(keyOf(mirror)) === mirror) this.#present.delete(keyOf(mirror));
  }
}

function keyOf({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
