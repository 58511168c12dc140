import { isApiError } from "../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { semanticallyEqual } from "../apimachinery/semantic-equality.ts";
import { type BackoffPolicy, backoffDelayMs } from "../base/backoff.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { checkNames, type OptionNames } from "../base/option-names.ts";
import type { Random } from "../base/random.ts";
import { systemClock } from "../base/system-clock.ts";
import { systemRandom } from "../base/system-random.ts";
import type { Client, ObjectName, WriteOptions } from "./client.ts";

/** What createOrUpdate did, and the object as it is now. */
export interface CreatedOrUpdated<T extends KubeObject> {
  readonly object: T;
  readonly outcome: "created" | "updated" | "unchanged";
}

/**
 * Reads the object live, lets `change` say what it should be (from undefined where it is absent), and creates it, updates it,
 * or does nothing where both say the same (controllerutil's CreateOrUpdate). For objects that one writer owns as a whole;
 * where several share one, `apply` is better. Rejects with ApiError: Conflict or AlreadyExists where another was quicker.
 */
export async function createOrUpdate<T extends KubeObject>(
  client: Pick<Client, "get" | "create" | "update">,
  type: ResourceType<T>,
  name: ObjectName,
  change: (current: T | undefined) => T,
  options: WriteOptions = {},
): Promise<CreatedOrUpdated<T>> {
  const reading = options.signal === undefined ? {} : { signal: options.signal };
  const current = await client.get(type, name, reading).catch((error: unknown) => {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  });
  const wanted = change(current);
  if (current === undefined)
    return { object: await client.create(type, wanted, options), outcome: "created" };
  if (semanticallyEqual(current, wanted)) return { object: current, outcome: "unchanged" };
  return { object: await client.update(type, wanted, options), outcome: "updated" };
}

/** How often and how long after each other. */
export interface RetryOptions {
  readonly signal?: AbortSignal;
  /** How often `work` is done at most; 5 unless said. */
  readonly tries?: number;
  readonly backoff?: BackoffPolicy;
  readonly clock?: Clock;
  readonly random?: Random;
}

const retryOptionNames: OptionNames<RetryOptions> = {
  tries: true,
  backoff: true,
  signal: true,
  clock: true,
  random: true,
};

/** client-go's DefaultRetry. */
const defaultBackoff: BackoffPolicy = { initialMs: 10, factor: 1, limitMs: 10, jitter: 0.1 };

/**
 * Does `work` again while it rejects with a Conflict: it must read the object anew each time (client-go's RetryOnConflict).
 * Rejects with the last Conflict, with whatever else `work` rejected with, or with the signal's reason.
 */
export async function retryOnConflict<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  checkNames("retryOnConflict", options, retryOptionNames);
  const { tries = 5, backoff = defaultBackoff, clock = systemClock, random = systemRandom, signal } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isApiError(error, "Conflict") || attempt >= tries) throw error;
      await sleep(
        clock,
        backoffDelayMs(backoff, attempt - 1, random),
        signal === undefined ? {} : { signal },
      );
    }
  }
}
