import { isApiError } from "../../apimachinery/api-error.ts";
import {
  controllerOf,
  type KubeObject,
  objectKey,
  parseApiVersion,
  type ResourceType,
  splitObjectKey,
} from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../client.ts";
import { createEventRecorder } from "../event-recorder.ts";
import { type CompletedWrite, Expectations, expectationTimeoutMs } from "../expectations.ts";
import type { HandlerRegistration, SharedInformer } from "../informer.ts";
import { createWorkQueue, type WorkQueue } from "../work-queue.ts";
import { type ReconcileResult, runWorkers } from "../workers.ts";
import { type CacheReader, type Caches, cacheReader, resourceName } from "./cache-reader.ts";
import type { Controller, MappedRequest, ReconcileContext, ReconcileRequest } from "./controller.ts";
import type { ManagerMetrics } from "./metrics.ts";
import type { Change } from "./predicates.ts";
import { recordingClient } from "./recording-client.ts";
import { type Source, sourceOf } from "./source.ts";

/** What is in a cache when a controller starts comes after what changes now (controller-runtime's LowPriority). */
const initialPriority = -100;
/** How long a controller that has stopped goes on writing events. */
const flushLimitMs = 2000;

export interface RunControllerDependencies {
  readonly client: Client;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ManagerMetrics | undefined;
  /** False once another may lead, even before any signal has told so. */
  readonly isLeader: () => boolean;
}

/** A controller tied to its caches: made before they start, run after they have synced. */
export class ControllerRun {
  readonly name: string;
  readonly needsLeader: boolean;
  readonly #controller: Controller;
  readonly #dependencies: RunControllerDependencies;
  readonly #followed: readonly Followed[];
  readonly #cache: CacheReader;
  readonly #expectations: Expectations;

  constructor(controller: Controller, dependencies: RunControllerDependencies) {
    const { caches } = dependencies;
    this.name = controller.name;
    this.needsLeader = controller.needsLeader !== false;
    this.#controller = controller;
    this.#dependencies = dependencies;
    this.#followed = followedBy(controller).map((each) => ({
      ...each,
      informer: caches.informer(each.source),
    }));
    this.#cache = cacheReader(this.#followed.map(({ informer }) => informer));
    this.#expectations = new Expectations((type) => this.#wholeCache(type));
  }

  /** Reconciles until the signal aborts; resolves once every reconcile has ended. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { name, concurrency = 1, rateLimit, timeoutMs } = this.#controller;
    const { clock, random, logger, metrics } = this.#dependencies;
    const queueMetrics = metrics?.queue(name);
    const queue = createWorkQueue({
      ...{ name, clock, random },
      ...(rateLimit === undefined ? {} : { rateLimit }),
      ...(queueMetrics === undefined ? {} : { metrics: queueMetrics }),
    });
    const recorder = new AbortController();
    const events = createEventRecorder({ ...this.#dependencies, component: name, signal: recorder.signal });
    const workersMetrics = metrics?.controller(name, concurrency);
    const registrations = this.#followed.map((followed) => this.#follow(followed, queue));
    try {
      await runWorkers(
        {
          ...{ name, queue, clock, logger, workers: concurrency },
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
          ...(workersMetrics === undefined ? {} : { metrics: workersMetrics }),
          // It says only that something was read before another wrote it: the retry is the normal way.
          isExpected: (error) => isApiError(error, "Conflict"),
          reconcile: (key, { signal }) => this.#reconcile(key, { signal, events }),
        },
        { signal },
      );
    } finally {
      for (const registration of registrations) registration.remove();
      // What was recorded last is still told, unless the server does not answer.
      const limit = clock.setTimer(flushLimitMs, () => recorder.abort());
      await events.flush();
      limit.cancel();
      recorder.abort();
    }
  }

  async #reconcile(
    key: string,
    { signal, events }: Pick<ReconcileContext, "signal" | "events">,
  ): Promise<ReconcileResult | undefined> {
    const { client, clock, logger } = this.#dependencies;
    // The informer's event wakes the key; the delay covers one that never comes.
    if (!this.#expectations.isSatisfied(key, clock.now())) return { requeueAfterMs: expectationTimeoutMs };
    const recorded = recordingClient({
      ...{ client, signal },
      mayWrite: () => this.#assertLeader(),
      completed: (write) => this.#expect(key, write),
    });
    this.#assertLeader();
    const result = await this.#controller.reconcile(nameOfKey(key), {
      ...{ signal, events, clock },
      client: recorded,
      cache: this.#cache,
      logger: logger.child({ controller: this.name, key }),
    });
    return result ?? undefined; // void is undefined
  }

  #assertLeader(): void {
    if (this.needsLeader && !this.#dependencies.isLeader())
      throw new Error("this process is not the leader any more");
  }

  #follow({ source, informer, wakes }: Followed, queue: WorkQueue): HandlerRegistration {
    const { when, resyncMs } = source.options;
    const take = (change: Change, initial?: number) => {
      // Each key once: a worker that waits has taken the first before the second is added.
      const keys = new Map<string, number | undefined>();
      if (when === undefined || when(change)) {
        for (const request of wakes(change.object, this.#cache))
          keys.set(keyOf(request), request.priority ?? initial);
        if (change.type === "updated")
          for (const request of wakes(change.old, this.#cache))
            keys.set(keyOf(request), request.priority ?? initial);
      }
      if (this.#expectations.size > 0)
        for (const key of this.#expectations.waitingFor(informer.type, change.object))
          keys.set(key, undefined);
      for (const [key, priority] of keys) queue.add(key, priority === undefined ? {} : { priority });
    };
    return informer.addHandler(
      {
        added: (object, { isInInitialList }) =>
          take({ type: "added", object }, isInInitialList ? initialPriority : undefined),
        updated: (old, object) =>
          take({ type: "updated", old, object }, old === object ? initialPriority : undefined),
        deleted: (object) => take({ type: "deleted", object }),
      },
      { name: this.name, ...(resyncMs === undefined ? {} : { resyncMs }) },
    );
  }

  #expect(key: string, write: CompletedWrite): void {
    const followed = this.#followed.find(({ informer }) => isOf(informer, write.type));
    const namespace = followed && this.#dependencies.caches.namespaceOf(followed.source);
    // What a cache leaves out it will never show.
    if (namespace !== undefined && namespace !== write.object.metadata.namespace) return;
    this.#expectations.expect(key, write, this.#dependencies.clock.now());
  }

  /** The cache of a resource, if it holds all its objects: one with a selector may never show what was written. */
  #wholeCache(type: ResourceType<KubeObject>): SharedInformer<KubeObject> | undefined {
    return this.#followed.find(
      ({ informer, source: { options } }) =>
        isOf(informer, type) && options.labelSelector === undefined && options.fieldSelector === undefined,
    )?.informer;
  }
}

interface Followed {
  readonly source: Source;
  readonly informer: SharedInformer<KubeObject>;
  readonly wakes: (object: KubeObject, cache: CacheReader) => Iterable<MappedRequest>;
}

function followedBy(controller: Controller): readonly Omit<Followed, "informer">[] {
  const primary = sourceOf(controller.for);
  const { resource } = primary;
  return [
    { source: primary, wakes: (object) => [nameOfKey(objectKey(object))] },
    ...(controller.owns ?? []).map((owned) => ({
      source: sourceOf(owned),
      wakes: (object: KubeObject) => ownersOf(object, resource),
    })),
    ...(controller.watches ?? []).map((watched) => ({
      source: watched,
      wakes: (object: KubeObject, cache: CacheReader) => watched.map(object, { cache }),
    })),
  ];
}

/** The object of `type` that manages this one, if one does. */
function ownersOf(object: KubeObject, type: ResourceType<KubeObject>): readonly MappedRequest[] {
  const owner = controllerOf(object);
  if (owner === undefined || owner.kind !== type.kind) return [];
  if (parseApiVersion(owner.apiVersion).group !== type.group) return [];
  const { namespace } = object.metadata;
  return [
    type.namespaced && namespace !== undefined ? { namespace, name: owner.name } : { name: owner.name },
  ];
}

function isOf({ type }: SharedInformer<KubeObject>, other: ResourceType<KubeObject>): boolean {
  return resourceName(type) === resourceName(other);
}

function keyOf({ namespace, name }: MappedRequest): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

function nameOfKey(key: string): ReconcileRequest {
  const { namespace, name } = splitObjectKey(key);
  return namespace === "" ? { name } : { namespace, name };
}
