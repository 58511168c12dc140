import { ApiError } from "../apimachinery/api-error.ts";
import { type KubeObject, objectKey, type ResourceType } from "../apimachinery/meta.ts";
import type { HeldObjects } from "../apimachinery/protobuf/older-versions.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { Turns } from "../base/turns.ts";
import type { Client, ListOptions, WatchedEvent } from "./client.ts";
import { classifyFailure, type ReflectorFailure } from "./reflector-failure.ts";
import {
  defaultReflectorPolicy,
  initialReflectorState,
  type ReflectorEffect,
  type ReflectorInput,
  type ReflectorPolicy,
  type ReflectorState,
  stepReflector,
} from "./reflector-machine.ts";

/** Marks the bookmark that ends the initial events of a watch. */
export const initialEventsEndAnnotation = "k8s.io/initial-events-end";

/** Where a reflector puts what it sees. */
export interface ReflectorStore<T extends KubeObject> {
  /** These are all objects there are, by key; what is held beyond them was deleted unseen. The map is the store's. */
  replace(objects: Map<string, T>, version: string): void;
  added(object: T, key: string): void;
  updated(object: T, key: string): void;
  deleted(object: T): void;
  /** Everything up to `version` has been handed over. */
  seen(version: string): void;
  /** Resolves when more can be taken; undefined: at once. */
  ready(): Promise<void> | undefined;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Pick<Client, "list" | "watch">;
  readonly type: ResourceType<T>;
  readonly selection: Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector" | "metadataOnly">;
  /** What the store has: what comes shares with it. */
  readonly held?: HeldObjects;
  readonly store: ReflectorStore<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly policy?: Partial<ReflectorPolicy>;
}

/**
 * client-go's Reflector: keeps a store equal to what an API server holds of one resource. The decisions are
 * `stepReflector`'s; this shell carries them out. It lives until the signal given to `run` aborts.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #policy: ReflectorPolicy;
  #state: ReflectorState = initialReflectorState;
  /** Inputs of a request that is no longer the current one are dropped. */
  #request: AbortController | undefined;
  #watchdog: Timer | undefined;
  #wait: Timer | undefined;
  /** The list in the making, by key. */
  #staged = new Map<string, T>();

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#policy = { ...defaultReflectorPolicy, ...options.policy };
  }

  /** For logs, metrics and tests. */
  get state(): ReflectorState {
    return this.#state;
  }

  /** Begins, and goes on until it is stopped; nothing else ends it. */
  start(): void {
    this.#feed({ type: "start" });
  }

  stop(): void {
    this.#feed({ type: "stop" });
  }

  #feed(input: ReflectorInput): void {
    const { clock, random } = this.#options;
    const context = { policy: this.#policy, nowMs: clock.monotonicMs(), random };
    const { state, effects } = stepReflector(this.#state, input, context);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: ReflectorEffect): void {
    switch (effect.do) {
      case "list":
        if (effect.continueToken === "") this.#staged.clear();
        void this.#list(this.#newRequest(), effect);
        break;
      case "watch":
        if (effect.streamList) this.#staged.clear();
        void this.#watch(this.#newRequest(), effect);
        break;
      case "replace":
        this.#options.store.replace(this.#staged, effect.version);
        this.#staged = new Map();
        break;
      case "seen":
        this.#options.store.seen(effect.version);
        break;
      case "abandon":
        this.#abandon();
        break;
      case "wait":
        this.#wait = this.#options.clock.setTimer(effect.delayMs, () => this.#feed({ type: "waited" }));
        break;
      case "watchdog":
        this.#watchdog?.cancel();
        this.#watchdog = this.#options.clock.setTimer(effect.delayMs, () => this.#feed({ type: "watchdog" }));
        break;
    }
  }

  #abandon(): void {
    this.#request?.abort();
    this.#request = undefined;
    this.#watchdog?.cancel();
    this.#wait?.cancel();
    this.#watchdog = undefined;
    this.#wait = undefined;
  }

  #newRequest(): AbortController {
    this.#abandon();
    this.#request = new AbortController();
    return this.#request;
  }

  /** Feeds an input unless the request it comes from was given up meanwhile. */
  #report(request: AbortController, input: ReflectorInput): boolean {
    if (this.#request !== request) return false;
    this.#feed(input);
    return this.#request === request;
  }

  #reportFailure(request: AbortController, error: unknown): void {
    if (this.#request !== request) return;
    const failure: ReflectorFailure = classifyFailure(error);
    const { phase, version } = this.#state;
    const { logger } = this.#options;
    // A lost connection or an expired version is routine; what the server refuses, or what lasts, is not.
    const routine = failure.kind === "connection" || failure.kind === "expired";
    const level = routine && this.#state.failures !== 3 ? "debug" : "warn";
    logger[level]({ phase, version, failure }, "list or watch failed, will be retried");
    this.#feed({ type: "failed", failure });
  }

  async #list(request: AbortController, effect: ReflectorEffect & { do: "list" }): Promise<void> {
    const { client, type, selection, held } = this.#options;
    try {
      const page = await client.list(type, {
        ...selection,
        ...(held === undefined ? {} : { held }),
        ...(effect.limit === 0 ? {} : { limit: effect.limit }),
        ...(effect.continueToken === "" ? {} : { continue: effect.continueToken }),
        ...(effect.resourceVersion === undefined ? {} : { resourceVersion: effect.resourceVersion }),
        signal: request.signal,
      });
      if (this.#request !== request) return;
      for (const object of page.items) this.#stage("ADDED", object, objectKey(object));
      const { resourceVersion: version = "", continue: continueToken = "" } = page.metadata;
      this.#report(request, { type: "page", version, continueToken });
    } catch (error) {
      this.#reportFailure(request, error);
    }
  }

  async #watch(request: AbortController, effect: ReflectorEffect & { do: "watch" }): Promise<void> {
    const { client, clock, type, selection, store, held } = this.#options;
    try {
      const stream = await client.watch(type, {
        ...selection,
        ...(held === undefined ? {} : { held }),
        ...(effect.resourceVersion === undefined ? {} : { resourceVersion: effect.resourceVersion }),
        ...(effect.streamList
          ? { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" as const }
          : {}),
        allowWatchBookmarks: true,
        timeoutSeconds: effect.timeoutSeconds,
        signal: request.signal,
      });
      const turns = new Turns(clock);
      for await (const batch of stream) {
        if (this.#request !== request || !this.#take(request, batch)) return;
        const ready = store.ready();
        if (ready !== undefined) await ready;
        // In one process the next batch may always be there already.
        if (turns.step()) await turns.yield();
      }
      this.#report(request, { type: "ended" });
    } catch (error) {
      this.#reportFailure(request, error);
    }
  }

  /** Hands a batch on, event by event; false once the stream is not to be read further. */
  #take(request: AbortController, batch: readonly WatchedEvent<T>[]): boolean {
    let version: string | undefined;
    let bookmark = false;
    for (const event of batch) {
      if (event.type === "ERROR") {
        if (version !== undefined && !this.#report(request, { type: "events", version, bookmark }))
          return false;
        this.#reportFailure(request, new ApiError(event.object));
        return false;
      }
      const { object } = event;
      version = object.metadata.resourceVersion ?? version;
      if (event.type === "BOOKMARK") {
        bookmark = true;
        const endsList = object.metadata.annotations?.[initialEventsEndAnnotation] === "true";
        if (endsList && this.#state.phase === "streaming") {
          if (!this.#report(request, { type: "listStreamed", version: version ?? "" })) return false;
        }
      } else if (this.#state.phase === "streaming") {
        this.#stage(event.type, object, event.key ?? objectKey(object));
      } else {
        this.#apply(event.type, object, event.key ?? objectKey(object));
      }
    }
    return this.#report(request, { type: "events", version, bookmark });
  }

  #stage(type: "ADDED" | "MODIFIED" | "DELETED", object: T, key: string): void {
    if (type === "DELETED") {
      this.#staged.delete(key);
      return;
    }
    this.#staged.set(key, object);
  }

  #apply(type: "ADDED" | "MODIFIED" | "DELETED", object: T, key: string): void {
    const { store } = this.#options;
    if (type === "ADDED") store.added(object, key);
    else if (type === "MODIFIED") store.updated(object, key);
    else store.deleted(object);
  }
}
