import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";

/** Reads of a local cache. Objects are shared and immutable. Keys are "namespace/name" or "name". */
export interface Lister<T extends KubeObject> {
  get(key: string): T | undefined;
  /** Of one namespace, or of all where it is absent or empty. */
  list(options?: { readonly namespace?: string }): readonly T[];
  /** The objects for which the named index function returned `value`. */
  byIndex(indexName: string, value: string): readonly T[];
}

/**
 * Told of every change to a cache, in order; each handler has a bounded queue of its own. One that throws is logged and
 * goes on with the next change; one that returns a promise is not called again before that has settled.
 */
export interface EventHandler<T extends KubeObject> {
  added?(object: T, options: { readonly isInInitialList: boolean }): void;
  updated?(old: T, object: T): void;
  /** `finalStateUnknown`: the deletion itself was missed; `object` is the last state that was seen. */
  deleted?(object: T, options: { readonly finalStateUnknown: boolean }): void;
}

/** How one handler is told of changes. */
export interface HandlerOptions {
  /** Calls `updated` for every object this often, with the same object twice; 0: never. At least one second. */
  readonly resyncMs?: number;
  /** How many notifications may wait before the handler gets one difference an object instead. */
  readonly queueLimit?: number;
  /** For logs. */
  readonly name?: string;
}

/** A handler's place at an informer: whether it is up to date, and the way out. */
export interface HandlerRegistration {
  /** The initial list has been handed to this handler. */
  readonly hasSynced: boolean;
  remove(): void;
}

/** A cache of one resource that follows the server, and those who are told of its changes (client-go's SharedIndexInformer). */
export interface SharedInformer<T extends KubeObject> {
  readonly type: ResourceType<T>;
  readonly lister: Lister<T>;
  readonly hasSynced: boolean;
  /** The resourceVersion up to which the cache has seen everything; "" before the first list. */
  readonly lastSyncResourceVersion: string;
  /** Before or after the start; a late index is built from what is there. */
  addIndex(indexName: string, values: (object: T) => readonly string[]): void;
  addHandler(handler: EventHandler<T>, options?: HandlerOptions): HandlerRegistration;
}

/** What of a resource an informer keeps; absent: every object, whole. */
export interface InformerOptions<T extends KubeObject> {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Applied before an object is stored: drop what is not needed. */
  readonly transform?: (object: T) => T;
  /** Objects consist of apiVersion, kind and metadata. */
  readonly metadataOnly?: boolean;
}

/** One informer for each resource and selection, shared by all who ask. */
export interface InformerFactory {
  informer<T extends KubeObject>(type: ResourceType<T>, options?: InformerOptions<T>): SharedInformer<T>;
  /** Starts those asked for so far; may be called again after more were asked for. */
  start(signal: AbortSignal): void;
  /** Resolves when every started informer has its first list and its handlers have seen it. */
  waitForSync(options?: { readonly signal?: AbortSignal }): Promise<void>;
}
