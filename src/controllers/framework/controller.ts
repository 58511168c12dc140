import { isApiError } from "../../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Client } from "../../client/client.ts";
import { Expectations, expectationTimeoutMs } from "../../client/expectations.ts";
import type { HandlerRegistration, SharedInformer } from "../../client/informer.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type ReconcileResult, runWorkers } from "../../client/workers.ts";
import { type CarriedOut, carryOut, type RecordEvent } from "./carry-out.ts";

import type { Intent } from "./intent.ts";
import { isNamespaceTerminating } from "./namespace-terminating.ts";

/** One cache a controller follows, and which keys a change in it concerns. */
export interface Watch<T extends KubeObject = KubeObject> {
  readonly informer: SharedInformer<T>;
  /**
   * The keys to look at again. For a change it is asked about the old and the new object, so that an object which moves
   * from one owner to another wakes both.
   */
  keysOf(object: T): Iterable<string>;
  /** Changes that matter to nobody are left out; absent: every change counts. */
  matters?(old: T, object: T): boolean;
  /** New objects wake nobody: only what becomes of them does. */
  readonly ignoresAdded?: boolean;
}

/** What a reconcile may use beside its snapshot. */
export interface ReconcileContext {
  readonly nowMs: number;
}

/**
 * A controller: `observe` reads a snapshot of one key from the caches, `reconcile` decides, the framework acts. `S` is
 * the snapshot; undefined means that there is nothing to do for the key any more.
 */
export interface Controller<S = unknown> {
  /** Upstream's name: "deployment-controller". */
  readonly name: string;
  /** The component that events name as their source; the controller's name unless said. */
  readonly eventSource?: string;
  readonly watches: readonly Watch[];
  observe(key: string): S | undefined | Promise<S | undefined>;
  reconcile(snapshot: S, context: ReconcileContext): readonly Intent[];
  /**
   * Follows what `watches` cannot name before the start; called once, before any key is worked on. What it follows must
   * end with the signal.
   */
  attach?(wake: (key: string) => void, signal: AbortSignal): void;
  /**
   * A key rests so long between two reconciles: a burst of changes costs a few writes, not one each. A single change is
   * still dealt with at once. Keys whose decisions take long rest by themselves.
   */
  readonly pauseMs?: number;
  /** Keys worked on at once; 5 unless said. */
  readonly workers?: number;
  /** Told what became of each key, for metrics: cheap, and never throws. */
  reconciled?(told: Reconciled<S>): void;
  /** Keys to look at once after the start, whatever the caches hold. */
  readonly initialKeys?: readonly string[];
}

/** What became of one key. */
export interface Reconciled<S = unknown> {
  readonly snapshot: S;
  readonly intents: readonly Intent[];
  /** The first intent that could not be carried out. */
  readonly failure: Error | undefined;
  /** Of the observation, the decision and the acts. */
  readonly durationMs: number;
  readonly endedMs: number;
}

/** Ties a watch to its informer's type inside a list of watches of many types. */
export function watch<T extends KubeObject>(
  informer: SharedInformer<T>,
  keysOf: (object: T) => Iterable<string>,
  matters?: (old: T, object: T) => boolean,
  options: Pick<Watch, "ignoresAdded"> = {},
): Watch {
  const typed: Watch<T> = { informer, keysOf, ...options, ...(matters === undefined ? {} : { matters }) };
  // Handlers of an informer only ever get that informer's objects.
  return typed as unknown as Watch;
}

export interface ControllerDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recordEvent: RecordEvent;
  readonly createQueue: (name: string) => WorkQueue;
}

/** A key rests so many times as long as its last decision took. */
const restFactor = 9;

/** Past so many noted rests those that are over are forgotten. */
const restingLimit = 1000;

/** Workers a controller has unless it says otherwise: upstream's ConcurrentDeploymentSyncs and its like. */
const defaultWorkers = 5;

/**
 * Follows the controller's watches and works on its keys until the signal aborts; resolves once every worker has stopped.
 * The informers must be started by the caller; work begins when `synced` resolves.
 */
export async function runController<S>(
  controller: Controller<S>,
  dependencies: ControllerDependencies,
  { signal, synced }: { readonly signal: AbortSignal; readonly synced: Promise<void> },
): Promise<void> {
  const { name, initialKeys = [], workers = defaultWorkers } = controller;
  const { clock, logger } = dependencies;
  const queue = dependencies.createQueue(name);
  const loop = new ReconcileLoop(controller, dependencies, queue, signal);
  const registrations = controller.watches.map((each) => loop.follow(each));
  try {
    controller.attach?.((key) => queue.add(key), signal);
    await synced;
    for (const key of initialKeys) queue.add(key);
    const reconcile = (key: string) => loop.reconcile(key);
    // These say only that the cache is behind: the retry is the normal way.
    const isExpected = (error: unknown) => isApiError(error, "Conflict") || isApiError(error, "NotFound");
    await runWorkers({ name, queue, workers, reconcile, clock, logger, isExpected }, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    queue.shutDown();
    for (const registration of registrations) registration.remove();
  }
}

class ReconcileLoop<S> {
  readonly #controller: Controller<S>;
  readonly #dependencies: ControllerDependencies;
  readonly #queue: WorkQueue;
  readonly #signal: AbortSignal;
  readonly #expectations: Expectations;
  readonly #logger: Logger;
  readonly #restsUntilMs = new Map<string, number>();

  constructor(
    controller: Controller<S>,
    dependencies: ControllerDependencies,
    queue: WorkQueue,
    signal: AbortSignal,
  ) {
    this.#controller = controller;
    this.#dependencies = dependencies;
    this.#queue = queue;
    this.#signal = signal;
    this.#logger = dependencies.logger.child({ controller: controller.name });
    const caches = new Map(controller.watches.map(({ informer }) => [placeOf(informer.type), informer]));
    this.#expectations = new Expectations((type) => caches.get(placeOf(type)));
  }

  follow({ informer, keysOf, matters, ignoresAdded }: Watch): HandlerRegistration {
    // Each key once: a worker that waits has taken the first before the second is added.
    const wake = (keys: ReadonlySet<string>) => {
      for (const key of keys) this.#queue.add(key);
    };
    const waiting = (object: KubeObject): Iterable<string> =>
      this.#expectations.size === 0 ? [] : this.#expectations.waitingFor(informer.type, object);
    return informer.addHandler({
      added: (object) =>
        wake(new Set([...(ignoresAdded === true ? [] : keysOf(object)), ...waiting(object)])),
      updated: (old, object) => {
        const concerned = matters === undefined || matters(old, object);
        const keys = concerned ? [...keysOf(object), ...keysOf(old)] : [];
        wake(new Set([...keys, ...waiting(object)]));
      },
      deleted: (object) => wake(new Set([...keysOf(object), ...waiting(object)])),
    });
  }

  /** Rejects where an intent failed: the key is tried again after its back-off. */
  async reconcile(key: string): Promise<ReconcileResult> {
    const startMs = this.#dependencies.clock.now();
    // The informer's event wakes the key; the delay covers one that never comes.
    if (!this.#expectations.isSatisfied(key, startMs)) return { requeueAfterMs: expectationTimeoutMs };
    const restMs = (this.#restsUntilMs.get(key) ?? 0) - startMs;
    if (restMs > 0) return { requeueAfterMs: restMs };
    const { failure, requeueAfterMs } = await this.#decideAndAct(key, startMs);
    // Nothing can be made there any more, however often it is tried.
    if (failure !== undefined && !isNamespaceTerminating(failure.error)) throw failure.error;
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  async #decideAndAct(key: string, startMs: number): Promise<CarriedOut> {
    const snapshot = await this.#controller.observe(key);
    if (snapshot === undefined) return { writes: 0 };
    const { clock } = this.#dependencies;
    const nowMs = clock.now();
    const intents = this.#controller.reconcile(snapshot, { nowMs });
    this.#rest(key, clock.now(), clock.now() - nowMs);
    const carried = await this.#carryOut(key, intents);
    const endedMs = clock.now();
    const durationMs = endedMs - startMs;
    const failure = carried.failure?.error;
    this.#controller.reconciled?.({ snapshot, intents, failure, durationMs, endedMs });
    return carried;
  }

  /** A decision over thousands of pods is not made anew for each pod that changes: it takes a tenth of the time at most. */
  #rest(key: string, nowMs: number, decidedInMs: number): void {
    const restMs = Math.max(this.#controller.pauseMs ?? 0, decidedInMs * restFactor);
    if (restMs === 0) return;
    if (this.#restsUntilMs.size >= restingLimit) {
      for (const [other, untilMs] of this.#restsUntilMs)
        if (untilMs <= nowMs) this.#restsUntilMs.delete(other);
    }
    this.#restsUntilMs.set(key, nowMs + restMs);
  }

  async #carryOut(key: string, intents: readonly Intent[]): Promise<CarriedOut> {
    if (intents.length === 0) return { writes: 0 };
    const { client, recordEvent, clock } = this.#dependencies;
    return carryOut(intents, {
      client,
      recordEvent,
      wake: (other) => this.#queue.add(other),
      signal: this.#signal,
      completed: (write) => this.#expectations.expect(key, write, clock.now()),
      tolerated: ({ action, error }) =>
        this.#logger.warn({ key, action, error: error.message }, "left undone"),
    });
  }
}

function placeOf(type: ResourceType<KubeObject>): string {
  return `${type.resource}.${type.group}`;
}
