/** The shapes every API object shares. Objects are plain immutable JSON: a change is a copy. */

/** Who an object belongs to: it is collected once all its owners are gone. One of them at most is its managing `controller`. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Which fields one manager owns: what server-side apply goes by. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: "Apply" | "Update";
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: "FieldsV1";
  readonly fieldsV1?: unknown;
  readonly subresource?: string;
}

/** What every object says of itself (`metav1.ObjectMeta`). `uid`, `resourceVersion`, `generation` and the timestamps are the server's. */
export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339, UTC. */
  readonly creationTimestamp?: string | null;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
  readonly selfLink?: string;
}

/** What every object of the API has. Objects are immutable: a change is a copy. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** An object whose kind is known only at run time. */
export interface AnyObject extends KubeObject {
  readonly [field: string]: unknown;
}

/** Of a list: the version to watch from, and the token of the next page where there is one. */
export interface ListMeta {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** A list as the server answers it: all of it, or a page. */
export interface KubeList<T extends KubeObject = AnyObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ListMeta;
  readonly items: readonly T[];
}

export interface GroupVersionKind {
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  /** The plural, as in a URL: "pods". */
  readonly resource: string;
}

/** "v1" or "apps/v1". */
export function apiVersionOf(gv: { readonly group: string; readonly version: string }): string {
  return gv.group === "" ? gv.version : `${gv.group}/${gv.version}`;
}

export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  if (slash < 0) return { group: "", version: apiVersion };
  return { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The key of an object in caches and queues, as client-go's MetaNamespaceKeyFunc has it: "namespace/name" or "name". */
export function objectKey(object: KubeObject): string {
  const { namespace, name = "" } = object.metadata;
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

/** The opposite of `objectKey`; the namespace of a cluster-scoped object is "". */
export function splitObjectKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf("/");
  if (slash < 0) return { namespace: "", name: key };
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The owner reference that is marked as the managing controller, if there is one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/**
 * A resource by its place in the API, carrying the TypeScript type of its objects. Constants for the built-in ones are
 * generated (`api/resources.generated.ts`); for a custom resource, write one.
 */
export interface ResourceType<T extends KubeObject = AnyObject> extends GroupVersionResource {
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never present: ties T to the constant. */
  readonly objectType?: T;
}
