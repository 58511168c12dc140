import type { ResourceDefinition } from "../../api/definition.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { DeleteRequestOptions } from "./options.ts";
import type { UpdateRules } from "./update-rules.ts";

/** Where an object is; `namespace` is "" for cluster-scoped resources. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** An object is judged in the shape it is stored in, and named so: events of both APIs are core ones. */
export function judgedKindOf({ group, kind, storedAs = { group, plural: "" } }: ResourceDefinition) {
  return { group: storedAs.group, kind };
}

export interface CreateCall {
  /** The kind as the request's version has it, where versions differ in more than shape. */
  readonly definition?: ResourceDefinition;
  readonly dryRun: boolean;
  /** Validating admission; sees the object as it will be stored. */
  readonly validate: (object: AnyObject) => Promise<void>;
  readonly warn: (text: string) => void;
}

export interface UpdateCall {
  readonly dryRun: boolean;
  readonly rules: UpdateRules;
  /** The object that is to stand there; called again when another write came first. Undefined: there is none yet. */
  readonly change: (existing: AnyObject | undefined) => Promise<AnyObject>;
  /** Only the object with this uid. */
  readonly uid?: string;
  /** A missing object is made (create on update, server-side apply). */
  readonly createMissing?: CreateCall;
  /** Overwrites without a resourceVersion; the default is what the kind's strategy says. */
  readonly unconditional?: boolean;
  readonly validate: (object: AnyObject, old: AnyObject) => Promise<void>;
  readonly warn: (text: string) => void;
}

export interface DeleteCall {
  readonly options: DeleteRequestOptions;
  /** Admission; sees the object as it stands. */
  readonly validate: (object: AnyObject) => Promise<void>;
}

/** What an allocation made for a write: taken back when the write comes to nothing. */
export interface Reservation {
  readonly object: AnyObject;
  /** What is wrong with the object beside what its strategy finds. */
  readonly errors?: readonly FieldError[];
  finish(committed: boolean): void;
}

/** What a kind's writes need beside its strategy: allocation from a range shared by all its objects. */
export interface StoreHooks {
  beginCreate?(object: AnyObject, options: { readonly dryRun: boolean }): Promise<Reservation>;
  beginUpdate?(
    object: AnyObject,
    old: AnyObject,
    options: { readonly dryRun: boolean },
  ): Promise<Reservation>;
  afterDelete?(object: AnyObject): void;
  /** Says no to removal for now (a namespace that still has spec.finalizers). */
  keepsAlive?(object: AnyObject): boolean;
  /** What else changes when the object is marked as terminating. */
  terminate?(object: AnyObject, before: AnyObject): AnyObject;
}
