import type { ResourceDefinition } from "../../api/definition.ts";
import {
  apply,
  managedAfterUpdate,
  type TrackedWrite as WriteIdentity,
} from "../../apimachinery/managed-fields/field-manager.ts";
import type { FieldSet, MaybeSet } from "../../apimachinery/managed-fields/field-set.ts";
import { leaf } from "../../apimachinery/managed-fields/field-set.ts";
import { isMap } from "../../apimachinery/managed-fields/form.ts";
import { deducedType, type MergeType, mergeTypeOf } from "../../apimachinery/managed-fields/merge-type.ts";
import type { OwnershipRules, Versioned } from "../../apimachinery/managed-fields/ownership.ts";
import { fieldElement } from "../../apimachinery/managed-fields/path-element.ts";
import { SetPool } from "../../apimachinery/managed-fields/set-pool.ts";
import { mergeTypeOfCustomKind } from "../../apimachinery/managed-fields/structural-type.ts";
import type { AnyObject, GroupVersionKind, ManagedFieldsEntry } from "../../apimachinery/meta.ts";
import { apiVersionOf, parseApiVersion } from "../../apimachinery/meta.ts";
import { decodeValue } from "../../apimachinery/schema/decode.ts";
import type { Model } from "../../apimachinery/schema/tables.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { ModelLookup } from "../content/input.ts";
import { inVersion, storageVersionOf, toStorageVersion } from "../content/views.ts";
import { withMetadata } from "../registry/metadata.ts";

/** The write whose fields come to be owned. Objects are in the storage version. */
export interface TrackedWrite {
  readonly definition: ResourceDefinition;
  /** The served version of the request. */
  readonly version: string;
  readonly subresource: string;
  readonly manager: string;
  readonly nowMs: number;
}

/** Takes over what others own, where `force` says so. */
export type ApplyWrite = TrackedWrite & { readonly force: boolean };

const scaleKind: GroupVersionKind = { group: "autoscaling", version: "v1", kind: "Scale" };
const namespaceKind: GroupVersionKind = { group: "", version: "v1", kind: "Namespace" };

/** `metadata.managedFields`: who owns which field, kept at every write, and server-side apply on top of it. */
export class FieldManagement {
  readonly #modelOf: ModelLookup;
  readonly #empty = new Map<string, AnyObject>();
  readonly #customTypes = new WeakMap<object, MergeType>();
  readonly #sets = new SetPool();

  constructor(modelOf: ModelLookup) {
    this.#modelOf = modelOf;
  }

  /** The object with its managers as they are after this create (`live` undefined) or update. */
  track(object: AnyObject, live: AnyObject | undefined, tracked: TrackedWrite): AnyObject {
    const { definition, version } = tracked;
    const change = {
      live: live === undefined ? undefined : inVersion(definition, live, version),
      next: inVersion(definition, object, version),
      empty: this.#emptyObject(definition, version),
    };
    const managedFields = managedAfterUpdate(
      change,
      identityOf(tracked),
      this.#rulesOf(tracked, [object, live]),
    );
    if (managedFields.length > 0)
      return withMetadata(object, {
        managedFields: this.#shared(managedFields, live?.metadata.managedFields),
      });
    // Of an existing object it must be said that it has none: silence would keep what it had.
    return withMetadata(object, { managedFields: live === undefined ? undefined : [] });
  }

  /**
   * Lays an applied configuration, in the request's version, over the live object; the result is in that version, too,
   * and may have the wrong shape where parts of it cannot be merged. Throws ApiError: 400, 409 for conflicts, 500 (as
   * upstream) for fields nobody knows.
   */
  apply(configuration: unknown, live: AnyObject | undefined, { force, ...tracked }: ApplyWrite): AnyObject {
    const { definition, version } = tracked;
    const application = {
      live: live === undefined ? undefined : inVersion(definition, live, version),
      empty: this.#emptyObject(definition, version),
      configuration,
      force,
    };
    const objects = [live, isMap(configuration) ? configuration : undefined];
    return apply(application, identityOf(tracked), this.#rulesOf(tracked, objects));
  }

  /** As `apply`, for `/scale`: `current` is the Scale as it stands, with the managers of the number of replicas. */
  applyScale(configuration: unknown, current: AnyObject, { force, ...tracked }: ApplyWrite): AnyObject {
    const { empty, rules, write } = this.#writeOf(scaleKind, tracked);
    return apply({ live: current, empty, configuration, force }, write, rules);
  }

  /** As `track`, for a body of another kind than the resource's: a Scale, a request for a token. */
  trackAs(
    kind: GroupVersionKind,
    { next, live }: { readonly next: AnyObject; readonly live: AnyObject | undefined },
    tracked: TrackedWrite,
  ): AnyObject {
    const { empty, rules, write } = this.#writeOf(kind, tracked);
    const managedFields = managedAfterUpdate({ live, next, empty }, write, rules);
    const isNobody = managedFields.length === 0 && live === undefined;
    return withMetadata(next, { managedFields: isNobody ? undefined : managedFields });
  }

  /** What it takes to track a write of a body that has one version and nothing that the write leaves to others. */
  #writeOf(kind: GroupVersionKind, tracked: TrackedWrite) {
    const model = this.#modelOf(kind);
    const apiVersion = apiVersionOf(kind);
    const rules: OwnershipRules = {
      ignored: undefined,
      typeOf: () => mergeTypeOf(model),
      convert: (object, version) => (version === apiVersion ? object : undefined),
    };
    return { empty: emptyOf(kind, model), rules, write: { ...identityOf(tracked), apiVersion } };
  }

  /** What is new among the entries, its sets shared with those of other objects. */
  #shared(
    entries: readonly ManagedFieldsEntry[],
    before: readonly ManagedFieldsEntry[] = [],
  ): readonly ManagedFieldsEntry[] {
    return entries.map((entry) => {
      if (before.some(({ fieldsV1 }) => fieldsV1 === entry.fieldsV1)) return entry;
      return { ...entry, fieldsV1: this.#sets.share(entry.fieldsV1 as FieldSet) }; // written just now
    });
  }

  #rulesOf(
    { definition, subresource }: TrackedWrite,
    objects: readonly (object | undefined)[],
  ): OwnershipRules {
    return {
      ignored: ignoredBy(definition, subresource, objects),
      typeOf: (apiVersion) => this.#typeOf(definition, parseApiVersion(apiVersion).version),
      convert: (object, apiVersion) => inApiVersion(definition, object, apiVersion),
    };
  }

  #typeOf(definition: ResourceDefinition, version: string): MergeType {
    const { group, kind } = definition;
    const model = this.#modelOf({ group, version, kind });
    return model === undefined ? this.#customTypeOf(definition, version) : mergeTypeOf(model);
  }

  #customTypeOf({ custom }: ResourceDefinition, version: string): MergeType {
    const schema = custom?.forVersion(version).custom?.schema;
    // Every kind of the tables has the same metadata.
    const metadata = this.#modelOf(namespaceKind)?.field("metadata")?.shape;
    if (schema === undefined || metadata?.kind !== "model") return deducedType;
    let type = this.#customTypes.get(schema);
    if (type === undefined) {
      type = mergeTypeOfCustomKind(schema, metadata.model);
      this.#customTypes.set(schema, type);
    }
    return type;
  }

  /** What an object of the kind is before anything is set: structs that are always there, empty. */
  #emptyObject({ group, kind }: ResourceDefinition, version: string): AnyObject {
    const expected = { group, version, kind };
    const key = `${group}/${version}/${kind}`;
    let empty = this.#empty.get(key);
    if (empty === undefined) {
      const model = this.#modelOf(expected);
      empty = emptyOf(expected, model);
      // What of custom kinds comes and goes is not remembered: it costs nothing to make.
      if (model !== undefined) this.#empty.set(key, empty);
    }
    return empty;
  }
}

function emptyOf(expected: GroupVersionKind, model: Model | undefined): AnyObject {
  const blank = { apiVersion: apiVersionOf(expected), kind: expected.kind, metadata: {} };
  return decodeValue(blank, { expected, model, fieldValidation: "Ignore" }).object;
}

function identityOf({ definition, version, manager, subresource, nowMs }: TrackedWrite): WriteIdentity {
  const apiVersion = apiVersionOf({ group: definition.group, version });
  return { manager, apiVersion, subresource, time: rfc3339(nowMs) };
}

/** Undefined where the version is not served. */
function inApiVersion(
  definition: ResourceDefinition,
  value: Versioned,
  apiVersion: string,
): Versioned | undefined {
  if (value.apiVersion === apiVersion) return value;
  const object = value as AnyObject; // of the definition's kind
  const { group, version } = parseApiVersion(apiVersion);
  if (group === definition.group && definition.versions.includes(version))
    return inVersion(definition, toStorageVersion(definition, object), version);
  // Kinds that are kept in another's storage are known under that one's name, too.
  const stored = definition.storedAs?.group === group && version === storageVersionOf(definition);
  return stored ? toStorageVersion(definition, object) : undefined;
}

const statusSet: MaybeSet = { "f:status": leaf };
/** What else stands beside status in a custom object is kept as it was too, but upstream lets it be owned. */
const customStatusSet: MaybeSet = { "f:metadata": leaf, "f:spec": leaf };

/** What a write through this endpoint does not change, whatever it says: nobody comes to own it. */
function ignoredBy(
  definition: ResourceDefinition,
  subresource: string,
  objects: readonly (object | undefined)[],
): MaybeSet {
  if (subresource !== "status" && subresource !== "approval")
    return definition.hasStatus ? statusSet : undefined;
  if (definition.custom !== undefined) return customStatusSet;
  const names = objects.flatMap((object) => Object.keys(object ?? {}));
  const others = names.filter((name) => name !== "metadata" && name !== "status");
  return {
    ...Object.fromEntries(others.map((name) => [fieldElement(name), leaf])),
    ...metadataBesideStatus[`${definition.group}/${definition.plural}`],
  };
}

const metadataSet: FieldSet = { "f:metadata": leaf };

/** The metadata of built-in kinds that a write to their status leaves to others. */
const metadataBesideStatus: Readonly<Record<string, FieldSet>> = {
  "/pods": { "f:metadata": { "f:deletionTimestamp": leaf, "f:ownerReferences": leaf } },
  "admissionregistration.k8s.io/validatingadmissionpolicies": metadataSet,
  "apiregistration.k8s.io/apiservices": metadataSet,
  "apps/deployments": { "f:metadata": { "f:labels": leaf } },
  "flowcontrol.apiserver.k8s.io/flowschemas": metadataSet,
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": metadataSet,
  "networking.k8s.io/servicecidrs": metadataSet,
  "resource.k8s.io/resourceclaims": metadataSet,
  "storage.k8s.io/volumeattachments": metadataSet,
};

const managerMaxBytes = 128;

/** Who writes: the name the request gives, else the program of its User-Agent. */
export function managerNameOf(fieldManager: string, userAgent: string | undefined): string {
  if (fieldManager !== "") return fieldManager;
  const known = programs.get(userAgent);
  if (known !== undefined) return known;
  const name = programOf(userAgent ?? "");
  if (programs.size >= maxPrograms) programs.clear();
  programs.set(userAgent, name);
  return name;
}

/** Clients repeat themselves: what was read once is kept. */
const programs = new Map<string | undefined, string>();
const maxPrograms = 1000;

function programOf(userAgent: string): string {
  let name = "";
  let bytes = 0;
  for (const character of userAgent.split("/", 1)[0] ?? "") {
    if (/\p{C}/u.test(character)) continue;
    bytes += new TextEncoder().encode(character).length;
    if (bytes > managerMaxBytes) break;
    name += character;
  }
  return name === "" ? "unknown" : name;
}
