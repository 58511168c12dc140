import type { StatusReason } from "../../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import type { DeleteOptions, ObjectName, Patch } from "../../client/client.ts";

/**
 * What a controller decided, as data: a reconcile returns these in the order in which they are to happen, and the
 * framework carries them out. Neighbouring creates run in slow-start batches, neighbouring deletes together.
 */
export type Intent =
  | CreateIntent
  | UpdateIntent
  | UpdateStatusIntent
  | PatchIntent
  | DeleteIntent
  | DeleteCollectionIntent
  | SubresourceIntent
  | EventIntent
  | RequeueIntent
  | WakeIntent;

/** The text of an event about some object. */
export interface EventText {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** What to record about `regarding` once a write went well or badly. */
export interface Report {
  readonly regarding: KubeObject;
  succeeded?(written: KubeObject | undefined): EventText | undefined;
  failed?(error: Error): EventText | undefined;
}

interface Write {
  readonly report?: Report;
  /** Failures that leave nothing to be done: the write counts as done. */
  readonly ignore?: readonly StatusReason[];
  /** Carried out even where an earlier intent of this reconcile failed. */
  readonly always?: boolean;
  /** Its failure is logged and stops nothing: the reconcile still counts as done. */
  readonly optional?: boolean;
}

export interface CreateIntent<T extends KubeObject = KubeObject> extends Write {
  readonly action: "create";
  readonly type: ResourceType<T>;
  readonly object: T;
}

/** Replaces the object; `from` is what the cache held: an update that changes nothing is not sent. */
export interface UpdateIntent<T extends KubeObject = KubeObject> extends Write {
  readonly action: "update";
  readonly type: ResourceType<T>;
  readonly from: T;
  readonly object: T;
  /** "finalize" and the like; status has an intent of its own. */
  readonly subresource?: string;
}

/** Replaces the object's status, unless it already is that. */
export interface UpdateStatusIntent<T extends KubeObject = KubeObject> extends Write {
  readonly action: "updateStatus";
  readonly type: ResourceType<T>;
  readonly object: T;
  readonly status: object;
  /** The status to write where an earlier intent of this reconcile failed. */
  whenFailed?(failure: IntentFailure): object;
}

export interface PatchIntent<T extends KubeObject = KubeObject> extends Write {
  readonly action: "patch";
  readonly type: ResourceType<T>;
  readonly object: T;
  readonly patch: Patch;
  readonly subresource?: string;
}

/** Deletes exactly this object (its UID is the precondition), not another one that took its name. */
export interface DeleteIntent<T extends KubeObject = KubeObject> extends Write {
  readonly action: "delete";
  readonly type: ResourceType<T>;
  readonly object: T;
  readonly options?: Pick<DeleteOptions, "gracePeriodSeconds" | "propagationPolicy">;
  /** Only if the object has not changed since it was looked at; if it has, the reconcile is tried again. */
  readonly onlyIfUnchanged?: boolean;
}

/** Deletes all objects of a resource in a namespace. */
export interface DeleteCollectionIntent extends Write {
  readonly action: "deleteCollection";
  readonly type: ResourceType;
  readonly namespace: string;
  readonly options?: DeleteIntent["options"];
}

/** POST to a subresource: an eviction, a binding, a token request. */
export interface SubresourceIntent extends Write {
  readonly action: "createSubresource";
  readonly type: ResourceType;
  readonly name: ObjectName;
  readonly subresource: string;
  readonly body: KubeObject;
}

export interface EventIntent extends EventText {
  readonly action: "event";
  readonly regarding: KubeObject;
}

/** Look at this key again after `afterMs`, whatever happens before. */
export interface RequeueIntent {
  readonly action: "requeue";
  readonly afterMs: number;
}

/** Look at another key of the same controller too. */
export interface WakeIntent {
  readonly action: "wake";
  readonly key: string;
}

/** Which intent failed first, and how. */
export interface IntentFailure {
  readonly action: Intent["action"];
  readonly error: Error;
}

type WriteOptions = Pick<Write, "report" | "ignore" | "always" | "optional">;

export function create<T extends KubeObject>(
  type: ResourceType<T>,
  object: T,
  options: WriteOptions = {},
): CreateIntent<T> {
  return { action: "create", type, object, ...options };
}

export function update<T extends KubeObject>(
  type: ResourceType<T>,
  from: T,
  object: T,
  options: WriteOptions & { readonly subresource?: string } = {},
): UpdateIntent<T> {
  return { action: "update", type, from, object, ...options };
}

/** The status is written even when what came before failed: users read there why. */
export function updateStatus<T extends KubeObject & { readonly status?: object }>(
  type: ResourceType<T>,
  object: T,
  status: NonNullable<T["status"]>,
  options: WriteOptions & {
    readonly whenFailed?: (failure: IntentFailure) => NonNullable<T["status"]>;
  } = {},
): UpdateStatusIntent<T> {
  return { action: "updateStatus", type, object, status, always: true, ...options };
}

export function patch<T extends KubeObject>(
  type: ResourceType<T>,
  object: T,
  change: Patch,
  options: WriteOptions & { readonly subresource?: string } = {},
): PatchIntent<T> {
  return { action: "patch", type, object, patch: change, ...options };
}

export function remove<T extends KubeObject>(
  type: ResourceType<T>,
  object: T,
  options: WriteOptions & Pick<DeleteIntent, "options" | "onlyIfUnchanged"> = {},
): DeleteIntent<T> {
  return { action: "delete", type, object, ...options };
}

export function event(
  regarding: KubeObject,
  type: EventText["type"],
  reason: string,
  message: string,
): EventIntent {
  return { action: "event", regarding, type, reason, message };
}

export function requeueAfter(afterMs: number): RequeueIntent {
  return { action: "requeue", afterMs: Math.max(0, afterMs) };
}

export function wake(key: string): WakeIntent {
  return { action: "wake", key };
}

/** One line an intent, for tests, logs and explanations: "create pods default/web-". */
export function describeIntent(intent: Intent): string {
  switch (intent.action) {
    case "requeue":
      return `requeue after ${intent.afterMs} ms`;
    case "wake":
      return `wake ${intent.key}`;
    case "event":
      return `event ${intent.type} ${intent.reason}: ${intent.message}`;
    case "deleteCollection":
      return `delete all ${intent.type.resource} in ${intent.namespace}`;
    case "createSubresource":
      return `create ${intent.type.resource}/${intent.subresource} ${intent.name.name}`;
    default: {
      const { name, generateName, namespace } = intent.object.metadata;
      const path = namespace === undefined ? "" : `${namespace}/`;
      return `${intent.action} ${intent.type.resource} ${path}${name ?? generateName ?? ""}`;
    }
  }
}
