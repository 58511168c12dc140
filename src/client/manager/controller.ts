import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { checkNames, type OptionNames } from "../../base/option-names.ts";
import type { Client, ObjectName } from "../client.ts";
import type { EventRecorder } from "../event-recorder.ts";
import type { AddOptions, RateLimit } from "../work-queue.ts";
import type { ReconcileResult } from "../workers.ts";
import type { CacheReader } from "./cache-reader.ts";
import { type Source, type SourceOptions, source, sourceOf } from "./source.ts";

/**
 * Which object to look at: never what happened to it. It is an object's name, to be given to a client, a cache or an apply
 * as it is.
 */
export type ReconcileRequest = ObjectName;

/** A request that a watch asks for. */
export interface MappedRequest extends ReconcileRequest, AddOptions {}

/** What a reconcile works with, beside the request itself. */
export interface ReconcileContext {
  /** Aborted when the controller stops, leadership is lost, or the reconcile has run for longer than `timeoutMs`. */
  readonly signal: AbortSignal;
  /**
   * Live reads and writes, under `signal` unless a call has its own. After a write the key is not reconciled again before
   * the caches have seen it. Writes are refused once this process does not lead any more.
   */
  readonly client: Client;
  /** Reads of the caches that this controller follows: no request, and as old as the last event. */
  readonly cache: CacheReader;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Names the controller and the key. */
  readonly logger: Logger;
}

/** A source whose changes wake other objects: made by `watch`. */
export interface Watch extends Source {
  map(object: KubeObject, context: { readonly cache: CacheReader }): Iterable<MappedRequest>;
}

/**
 * A controller, as data: a manager runs it. It brings the objects of one resource to what they say, one key at a time,
 * whenever something that it follows has changed (controller-runtime's builder).
 */
export interface Controller {
  /** Unique in the manager: for logs, metrics and events. */
  readonly name: string;
  /** The resource whose objects are reconciled. */
  readonly for: ResourceType<KubeObject> | Source;
  /** Resources whose objects are made here: a change wakes the object that their managing owner reference names. */
  readonly owns?: readonly (ResourceType<KubeObject> | Source)[];
  /** Any other resources whose changes matter. */
  readonly watches?: readonly Watch[];
  /** Keys reconciled at once; 1 unless said. One key is never reconciled twice at once. */
  readonly concurrency?: number;
  /** How long one reconcile may take; absent: as long as it likes. */
  readonly timeoutMs?: number;
  /** How failures are retried; `defaultRateLimit` unless said. */
  readonly rateLimit?: RateLimit;
  /** False: runs on every replica, leader or not. */
  readonly needsLeader?: boolean;
  /**
   * Brings one object nearer to what it says. It must bear being called at any time, for an object that is gone too. A
   * rejection is logged and retried after the key's back-off, TerminalError not before the next change.
   */
  reconcile(
    request: ReconcileRequest,
    context: ReconcileContext,
  ): Promise<ReconcileResult | undefined> | Promise<void>;
}

const controllerNames: OptionNames<Controller> = {
  name: true,
  for: true,
  owns: true,
  watches: true,
  concurrency: true,
  timeoutMs: true,
  rateLimit: true,
  needsLeader: true,
  reconcile: true,
};

/** Declares a controller: gives the record back, checked where it is written. Throws a TypeError where it cannot be meant. */
export function controller(declaration: Controller): Controller {
  const { name, owns = [], watches = [], reconcile } = declaration;
  checkNames(`controller ${name}`, declaration, controllerNames);
  if (typeof reconcile !== "function") throw new TypeError(`controller ${name}: it has no reconcile`);
  for (const declared of [declaration.for, ...owns, ...watches]) sourceOf(declared);
  return declaration;
}

/** A resource whose changes wake others: `map` says which. For an update it is asked about the old and the new object. */
export function watch<T extends KubeObject>(
  resource: ResourceType<T>,
  map: (object: T, context: { readonly cache: CacheReader }) => Iterable<MappedRequest>,
  options: SourceOptions<T> = {},
): Watch {
  return { ...source(resource, options), map: map as Watch["map"] }; // as in source
}
