import type { FieldError } from "../apimachinery/api-error.ts";
import type { AnyObject, KubeObject, ObjectMeta } from "../apimachinery/meta.ts";
import type { ObjectShape } from "../apimachinery/schema/decode.ts";
import type { JsonSchema } from "../apimachinery/structural-schema/json-schema.ts";

/**
 * How a kind is declared. The API server's generic registry serves every kind from a record like this one, built-in or
 * custom; a kind adds only what is its own: defaults, validation, columns, selectable fields.
 */
export interface ResourceDefinition<T extends KubeObject = AnyObject> {
  /** "" is the core group. */
  readonly group: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced: boolean;
  /** The format of names: the reasons why one is wrong. Absent: a DNS subdomain. */
  readonly checkName?: (name: string) => readonly string[];
  /** Served versions, the preferred one first. */
  readonly versions: readonly string[];
  /** The version objects are stored and defaulted in; the first of `versions` unless said. */
  readonly storageVersion?: string;
  /**
   * Only where shapes differ: to the shape of a served version from that of the stored one, or back; the object's
   * apiVersion says which it has. Everything else in a definition sees the stored shape.
   */
  readonly convert?: (object: T, toVersion: string) => T;
  /**
   * Kinds whose objects live in another kind's storage and shape (events.k8s.io Event is core Event); `convert` goes
   * between the two.
   */
  readonly storedAs?: { readonly group: string; readonly plural: string };
  /** Absent: all of create, delete, deletecollection, get, list, patch, update, watch. */
  readonly verbs?: readonly ResourceVerb[];
  readonly strategy: Strategy<T>;
  /** After the object is created or changed: printed by kubectl. The Name and Age columns are declared as well. */
  readonly columns: readonly Column<T>[];
  /** What the row of a table says of its object beside the cells. */
  readonly rowConditions?: (object: T) => readonly RowCondition[];
  /** The metadata of a table's row, where it is not the object's. */
  readonly rowMetadata?: (object: T) => ObjectMeta;
  /** The order of a table's rows; absent: the list's own. */
  readonly rowOrder?: (left: T, right: T) => number;
  /** Beside metadata.name and metadata.namespace, which every kind has. The value "" stands for absence. */
  readonly selectableFields?: Readonly<Record<string, (object: T) => string>>;
  /** A `/status` endpoint; PUT and PATCH to it change status only, and to the object all but status. */
  readonly hasStatus: boolean;
  readonly scale?: ScaleDefinition<T>;
  /** Other subresources, served by handlers of the API server: binding, eviction, log, exec, token … */
  readonly subresources?: readonly SubresourceDefinition[];
  /** For every request of the kind: what to use instead. */
  readonly deprecationWarning?: string;
  /** What custom kinds have beside. */
  readonly custom?: CustomKind<T>;
}

/** A kind whose shape is said by a CustomResourceDefinition, and may differ in all but its names from version to version. */
export interface CustomKind<T extends KubeObject = AnyObject> {
  /** The definition as a served version has it. */
  readonly forVersion: (version: string) => ResourceDefinition<T>;
  /** Of this definition's version. */
  readonly schema?: JsonSchema;
  /** How objects of this definition's version are read. */
  readonly shape: ObjectShape;
  /** A stored object in the shape of the storage version, whatever version it was stored in. */
  readonly fromStorage: (object: T) => T;
  /** Converts where that takes a webhook; absent: the versions differ in apiVersion and pruning only. */
  readonly convertAll?: (objects: readonly T[], apiVersion: string) => Promise<readonly T[]>;
  /** For every request of this version. */
  readonly deprecationWarning?: string;
  /** No objects are created any more: the kind itself is being deleted. */
  readonly isTerminating: () => boolean;
}

export type ResourceVerb =
  | "create"
  | "delete"
  | "deletecollection"
  | "get"
  | "list"
  | "patch"
  | "update"
  | "watch";

export interface SubresourceDefinition {
  /** "log", "exec", "proxy" … */
  readonly name: string;
  /** The kind its body has, where it is not the resource's own. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly ResourceVerb[];
}

export interface ScaleDefinition<T> {
  /** Why an object that says nothing of replicas has no scale to read; undefined: it has one. Absent: all have. */
  readonly fault?: (object: T) => string | undefined;
  readonly replicas: (object: T) => number;
  /** Where an object keeps them; absent: `spec.replicas`. */
  readonly replicasPath?: readonly string[];
  readonly withReplicas: (object: T, replicas: number) => T;
  readonly statusReplicas: (object: T) => number;
  /** As a string, the form in `Scale.status.selector`. */
  readonly selector: (object: T) => string;
}

/**
 * What the generic registry asks of a kind. All functions are pure: they return a changed copy or the argument itself.
 * The registry already does: metadata (names, uid, generation, timestamps, finalizers), splitting of spec and status
 * writes, shape validation against the schema table, metadata validation, no-op detection.
 */
export interface Strategy<T extends KubeObject> {
  /** Fills what upstream's SetDefaults functions fill, in the storage version. Runs on every decode of input. */
  defaults?(object: T): T;
  /** Before create: drops what a client may not set, sets initial state. metadata.name and metadata.uid are set. */
  prepareForCreate?(object: T): T;
  prepareForUpdate?(object: T, old: T): T;
  prepareForStatusUpdate?(object: T, old: T): T;
  validate?(object: T): readonly FieldError[];
  validateUpdate?(object: T, old: T): readonly FieldError[];
  validateStatusUpdate?(object: T, old: T): readonly FieldError[];
  /** Of an update through a subresource that shows the whole object: `ephemeralcontainers`, `resize`, `finalize`. */
  validateSubresourceUpdate?(subresource: string, object: T, old: T): readonly FieldError[];
  /** Texts for Warning headers. */
  warnings?(object: T, old?: T): readonly string[];
  /** Of a new object as it was sent, before preparation fills what it lacks. */
  inputWarnings?(object: T): readonly string[];
  /**
   * Bumps metadata.generation when one of these ("spec", "metadata.labels") differs between old and new; absent: the
   * `spec` field, if the kind has one; an empty list: objects of the kind have no generation.
   */
  generationFields?: readonly string[];
  /** A new object has no generation, its first change makes it 1. */
  generationBeginsWithChange?: boolean;
  /** PUT of a name that does not exist creates it. */
  readonly createOnUpdate?: boolean;
  /** PUT without a resourceVersion overwrites (most kinds: true, the default). */
  readonly unconditionalUpdate?: boolean;
  /** Seconds to keep a deleted object in the terminating state; absent or 0: removed at once. */
  gracePeriodSeconds?(object: T, requested: number | undefined): number;
  /** Objects vanish by themselves after this long. */
  readonly ttlSeconds?: number;
  /** What propagation a delete has when the request names none. */
  readonly defaultPropagation?: "Background" | "Orphan";
}

export interface Column<T> {
  readonly name: string;
  /** OpenAPI type: "string", "integer", "date" … */
  readonly type: string;
  readonly format?: string;
  readonly description: string;
  /** 0 is shown always, more than 0 only with `-o wide`. */
  readonly priority?: number;
  /** Rows have its cell, but the table does not name it. */
  readonly isUnnamed?: boolean;
  /** Null where the object says nothing. */
  readonly value: (object: T, context: ColumnContext) => string | number | boolean | null;
}

/** `TableRowCondition` of meta.k8s.io: lets a client that knows no columns see which rows are done with. */
export interface RowCondition {
  readonly type: "Completed";
  readonly status: "True";
  readonly reason: string;
  readonly message: string;
}

export interface ColumnContext {
  readonly nowMs: number;
}
