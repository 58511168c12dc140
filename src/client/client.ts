import type { Status } from "../apimachinery/api-error.ts";
import type { AnyObject, KubeList, KubeObject, ResourceType } from "../apimachinery/meta.ts";
import type { HeldObjects } from "../apimachinery/protobuf/older-versions.ts";
import type { WatchEvent, WatchEventType } from "./exchange.ts";

/** Names one object; `namespace` is left out for cluster-scoped resources. */
export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

/** The name by which an object is read, changed and deleted. */
export function nameOf({ metadata: { namespace, name = "" } }: KubeObject): ObjectName {
  return namespace === undefined || namespace === "" ? { name } : { namespace, name };
}

/** Of every call. Once `signal` aborts, the call rejects with the signal's reason. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** How fresh a read must be: absent is the newest state, "0" whatever the server has in memory, else not older than that version. */
export interface GetOptions extends CallOptions {
  readonly resourceVersion?: string;
}

/** Which objects, and how fresh (`metav1.ListOptions`). With `limit` the answer may be one page: go on with its `metadata.continue`. */
export interface ListOptions extends CallOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan";
  /** Asks for PartialObjectMetadata; a server that cannot answers with whole objects. */
  readonly metadataOnly?: boolean;
  /** What the caller has of them already: objects that come share with their older versions what has not changed. */
  readonly held?: HeldObjects;
}

/** Which changes, from `resourceVersion` on; absent: from the present, whose objects come first as ADDED. */
export interface WatchRequestOptions extends ListOptions {
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

/** What a watch tells: an object as it is now, or was at its end; how far it has come; or the error that ends it. */
export type WatchedEvent<T extends KubeObject> =
  | (WatchEvent<T> & { readonly type: Exclude<WatchEventType, "ERROR"> })
  | (WatchEvent<Status> & { readonly type: "ERROR" });

/**
 * How a write is done: `dryRun` does all but store it; `fieldManager` comes to own what it sets; unknown fields are dropped with a
 * warning unless `fieldValidation` says otherwise.
 */
export interface WriteOptions extends CallOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict";
}

/**
 * How an object goes (`metav1.DeleteOptions`). A precondition that does not hold is a Conflict. `propagationPolicy` says what becomes
 * of the objects that it owns; `gracePeriodSeconds: 0` ends a pod without waiting for its containers.
 */
export interface DeleteOptions extends CallOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

/** A change of part of an object: RFC 6902, RFC 7386, Kubernetes' strategic merge (built-in kinds alone), or server-side apply. */
export type Patch =
  | { readonly type: "json"; readonly operations: readonly object[] }
  | { readonly type: "merge"; readonly patch: object }
  | { readonly type: "strategic"; readonly patch: object }
  | {
      readonly type: "apply";
      readonly object: object;
      readonly fieldManager: string;
      readonly force?: boolean;
    };

/** `subresource` addresses "status", "scale" and the like instead of the object itself. */
export interface UpdateOptions extends WriteOptions {
  readonly subresource?: string;
}

/**
 * One typed client for every resource of any Kubernetes API server. Failures are thrown as ApiError (the server's Status)
 * or as TransportError (no answer was had). Objects returned are immutable and may be shared with caches.
 */
export interface Client {
  /** Rejects with an ApiError of reason NotFound where there is none. */
  get<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, options?: GetOptions): Promise<T>;
  /** All objects of the selection, or with `limit` a page of them. */
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<KubeList<T>>;
  /** Batches until the server ends the watch or the signal aborts; a server-side error arrives as an ERROR event. */
  watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchRequestOptions,
  ): Promise<AsyncIterable<readonly WatchedEvent<T>[]>>;
  /** Resolves with the object as it is stored, defaults and all. Rejects with AlreadyExists, or Invalid with the faults as causes. */
  create<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  /**
   * Puts the whole object in the place of the one that has its `resourceVersion`; rejects with Conflict where that has changed.
   * Without a resourceVersion it is put there whatever was there, for kinds that allow that.
   */
  update<T extends KubeObject>(type: ResourceType<T>, object: T, options?: UpdateOptions): Promise<T>;
  /** Changes part of an object, whatever else has changed meanwhile; an apply creates what is absent. */
  patch<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    patch: Patch,
    options?: UpdateOptions,
  ): Promise<T>;
  /** Resolves with the object where it lives on (finalizers, grace), else with the Status of the deletion. */
  delete<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    options?: DeleteOptions,
  ): Promise<T | Status>;
  /** Deletes each object of the selection. */
  deleteCollection<T extends KubeObject>(
    type: ResourceType<T>,
    selection: ListOptions,
    options?: DeleteOptions,
  ): Promise<void>;
  /** POST to a subresource with a body of another kind: pods/binding, pods/eviction, serviceaccounts/token. */
  createSubresource<R extends KubeObject = AnyObject>(
    type: ResourceType<KubeObject>,
    name: ObjectName,
    subresource: string,
    body: KubeObject,
    options?: WriteOptions,
  ): Promise<R>;
  /** GET of a path that is not a resource: discovery, /version, /healthz. Text bodies arrive as { text }. */
  raw(path: string, options?: CallOptions): Promise<unknown>;
  /** GET of a path whose answer is bytes, as they come: logs that are followed, a page behind a proxy. Leaving the loop ends it. */
  stream(
    path: string,
    options?: CallOptions & { readonly query?: URLSearchParams },
  ): Promise<AsyncIterable<Uint8Array>>;
}
