import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import type { Clock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import { checkNames, type OptionNames } from "../base/option-names.ts";
import type { Random } from "../base/random.ts";
import { systemClock } from "../base/system-clock.ts";
import { systemRandom } from "../base/system-random.ts";
import type { CallOptions, Client, ObjectName } from "./client.ts";
import { createSharedInformer } from "./shared-informer.ts";

/** How long, and by whose clock. */
export interface WaitOptions extends CallOptions {
  /** 60 s unless said. */
  readonly timeoutMs?: number;
  /** The machine's unless said. */
  readonly clock?: Clock;
  readonly random?: Random;
}

const waitOptionNames: OptionNames<WaitOptions> = {
  timeoutMs: true,
  clock: true,
  random: true,
  signal: true,
};

/**
 * Resolves with the object once the condition holds of it; `undefined` stands for an object that is not there, so that one can
 * wait for its end as well. It watches, and outlasts lost connections. Rejects when the time is over, or with the signal's reason.
 */
export async function waitFor<T extends KubeObject>(
  client: Pick<Client, "list" | "watch">,
  type: ResourceType<T>,
  { namespace, name }: ObjectName,
  condition: (object: T | undefined) => boolean,
  options: WaitOptions = {},
): Promise<T | undefined> {
  checkNames("waitFor", options, waitOptionNames);
  const { timeoutMs = 60_000, clock = systemClock, random = systemRandom, signal } = options;
  signal?.throwIfAborted();
  const stop = new AbortController();
  const selection = {
    fieldSelector: `metadata.name=${name}`,
    ...(namespace === undefined ? {} : { namespace }),
  };
  const informer = createSharedInformer({ client, type, clock, random, logger: silentLogger, selection });
  try {
    return await new Promise<T | undefined>((resolve, reject) => {
      const look = (object: T | undefined) => {
        try {
          if (condition(object)) resolve(object);
        } catch (error) {
          reject(error);
        }
      };
      informer.addHandler({
        added: look,
        updated: (_old, object) => look(object),
        deleted: () => look(undefined),
      });
      const timer = clock.setTimer(timeoutMs, () => {
        const where = namespace === undefined ? name : `${namespace}/${name}`;
        reject(
          new Error(`waited ${timeoutMs} ms for ${type.resource} ${where}: the condition does not hold`),
        );
      });
      const onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      stop.signal.addEventListener("abort", () => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
      });
      informer.run(stop.signal);
      informer.synced().then(() => {
        if (informer.lister.list().length === 0) look(undefined);
      }, reject);
    });
  } finally {
    stop.abort();
  }
}
