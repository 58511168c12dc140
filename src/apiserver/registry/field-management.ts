import type { ResourceDefinition } from "../../api/definition.ts";
import { badRequest, failure } from "../../apimachinery/api-error.ts";
import type { AnyObject, ManagedFieldsEntry } from "../../apimachinery/meta.ts";
import { apiVersionOf, parseApiVersion } from "../../apimachinery/meta.ts";
import { decodeValue } from "../../apimachinery/schema/decode.ts";
import { strictErrors } from "../../apimachinery/schema/strict-errors.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { ModelLookup } from "../content/input.ts";
import { inVersion, toStorageVersion } from "../content/views.ts";
import { type FieldSet, leaf } from "../managed-fields/field-set.ts";
import { decodeManagers, encodeManagers, type Manager } from "../managed-fields/managers.ts";
import { type MergeType, mergeTypeOf } from "../managed-fields/merge-type.ts";
import {
  ApplyConflictError,
  applyConfiguration,
  type Convert,
  trackUpdate,
  type Write,
} from "../managed-fields/track.ts";
import { DuplicateItemError, type JsonMap } from "../managed-fields/walk.ts";
import { lastAppliedConflicts, withLastApplied } from "./last-applied.ts";
import { withMetadata } from "./metadata.ts";

/** The write whose fields come to be owned. Objects are in the storage version. */
export interface TrackedWrite {
  readonly definition: ResourceDefinition;
  /** The served version of the request. */
  readonly version: string;
  readonly subresource: string;
  readonly manager: string;
  readonly nowMs: number;
}

const statusField: FieldSet = { "f:status": leaf };
const specField: FieldSet = { "f:spec": leaf };
const beforeFirstApply = "before-first-apply";

/** `metadata.managedFields`: who owns which field, kept at every write, and server-side apply on top of it. */
export class FieldManagement {
  readonly #modelOf: ModelLookup;
  readonly #empty = new Map<string, AnyObject>();

  constructor(modelOf: ModelLookup) {
    this.#modelOf = modelOf;
  }

  /** The object with its managers as they are after this create (`live` undefined) or update. */
  track(object: AnyObject, live: AnyObject | undefined, tracked: TrackedWrite): AnyObject {
    const entries = this.#entriesFor(object, live, tracked);
    if (entries === "reset") return withMetadata(object, { managedFields: [] });
    let managers: readonly Manager[];
    try {
      managers = decodeManagers(entries);
    } catch {
      // What cannot be read is forgotten, as upstream does, rather than failing every write from now on.
      return withMetadata(object, { managedFields: [] });
    }
    // An object that was never tracked stays so until somebody applies.
    if (managers.length === 0 && live !== undefined) return object;
    const before = live ?? this.#emptyObject(tracked);
    const after = trackUpdate(managers, before, object, this.#writeOf(tracked), this.#convert(tracked));
    const encoded = encodeManagers(after);
    return withMetadata(object, {
      managedFields: live === undefined && encoded.length === 0 ? undefined : encoded,
    });
  }

  /**
   * Lays an applied configuration, in the request's version, over the live object. Throws ApiError: 400 for a configuration that is no
   * object of this kind, 409 for conflicts, 500 (as upstream) for fields nobody knows.
   */
  apply(
    configuration: AnyObject,
    live: AnyObject | undefined,
    tracked: TrackedWrite & { readonly force: boolean },
  ): AnyObject {
    this.#checkConfiguration(configuration, tracked);
    const convert = this.#convert(tracked);
    const write = this.#writeOf(tracked);
    const base = live ?? this.#emptyObject(tracked);
    let managers = decodeManagers(live?.metadata.managedFields);
    if (managers.length === 0 && live !== undefined)
      managers = trackUpdate(
        [],
        this.#emptyObject(tracked),
        live,
        { ...write, manager: beforeFirstApply },
        convert,
      );
    const application = { live: base, configuration, force: tracked.force };
    const applied = this.#applied(managers, application, write, convert);
    const object = toStorageVersion(tracked.definition, applied.object as AnyObject); // a merged object of the kind
    const managed = withMetadata(object, { managedFields: encodeManagers(applied.managers) });
    return withLastApplied(managed, configuration, tracked.manager);
  }

  #applied(
    managers: readonly Manager[],
    application: { readonly live: AnyObject; readonly configuration: AnyObject; readonly force: boolean },
    write: Write,
    convert: Convert,
  ) {
    try {
      return applyConfiguration(managers, application, write, convert);
    } catch (error) {
      if (error instanceof DuplicateItemError) throw failure(500, "", error.message);
      if (!(error instanceof ApplyConflictError)) throw error;
      // kubectl takes over, without a quarrel, what its own client-side apply had set.
      const current = convert(application.live, write.apiVersion);
      if (current === undefined || !lastAppliedConflicts(error.set, application.live, current, write))
        throw error.toApiError();
      return applyConfiguration(managers, { ...application, force: true }, write, convert);
    }
  }

  #checkConfiguration(configuration: AnyObject, { definition, version }: TrackedWrite): void {
    const apiVersion = apiVersionOf({ group: definition.group, version });
    if (configuration.apiVersion !== apiVersion)
      throw badRequest(
        `Incorrect version specified in apply patch. Specified patch version: ${configuration.apiVersion}, expected: ${apiVersion}`,
      );
    if (configuration.metadata?.managedFields !== undefined && configuration.metadata.managedFields !== null)
      throw badRequest("metadata.managedFields must be nil");
    const model = this.#modelOf({ group: definition.group, version, kind: definition.kind });
    if (model === undefined) return;
    const unknown = strictErrors(JSON.stringify(configuration), model)
      .map((problem) => /^unknown field "(.*)"$/.exec(problem)?.[1])
      .filter((path) => path !== undefined);
    if (unknown.length === 0) return;
    const { namespace = "", name = "" } = configuration.metadata;
    const what = `${namespace}/${name}; ${apiVersion}, Kind=${definition.kind}`;
    throw failure(
      500,
      "",
      `failed to create typed patch object (${what}): ${unknown.map((path) => `.${path}: field not declared in schema`).join("; ")}`,
    );
  }

  /** What the request says of managers, where it may; else what the live object says. */
  #entriesFor(
    object: AnyObject,
    live: AnyObject | undefined,
    { subresource }: TrackedWrite,
  ): readonly ManagedFieldsEntry[] | "reset" | undefined {
    const given = object.metadata.managedFields;
    if (subresource === "" && given !== undefined && given !== null) {
      const [first] = given;
      if (first === undefined || (given.length === 1 && Object.keys(first).length === 0))
        return live === undefined ? undefined : "reset";
      return given;
    }
    return live?.metadata.managedFields;
  }

  #writeOf({ definition, version, subresource, manager, nowMs }: TrackedWrite): Write {
    return {
      manager,
      apiVersion: apiVersionOf({ group: definition.group, version }),
      subresource,
      time: rfc3339(nowMs),
      ignored:
        subresource === "status"
          ? specField
          : definition.hasStatus && subresource === ""
            ? statusField
            : undefined,
    };
  }

  #convert({ definition }: TrackedWrite): Convert {
    return (value, apiVersion) => {
      const { group, version } = parseApiVersion(apiVersion);
      if (group !== definition.group || !definition.versions.includes(version)) return undefined;
      return { type: this.#typeOf(definition, version), value: shown(definition, value, version) };
    };
  }

  #typeOf({ group, kind }: ResourceDefinition, version: string): MergeType {
    return mergeTypeOf(this.#modelOf({ group, version, kind }));
  }

  /** What an object of the kind is before anything is set: structs that are always there, empty. */
  #emptyObject({ definition, version }: TrackedWrite): AnyObject {
    const expected = { group: definition.group, version, kind: definition.kind };
    const key = `${definition.group}/${version}/${definition.kind}`;
    let empty = this.#empty.get(key);
    if (empty === undefined) {
      const blank = { apiVersion: apiVersionOf(expected), kind: definition.kind, metadata: {} };
      const model = this.#modelOf(expected);
      empty = decodeValue(blank, { expected, model, fieldValidation: "Ignore" }).object;
      this.#empty.set(key, empty);
    }
    return empty;
  }
}

function shown(definition: ResourceDefinition, value: JsonMap, version: string): JsonMap {
  return inVersion(definition, value as AnyObject, version); // objects of the definition's kind
}

const managerMaxLength = 128;

/** Who writes: the name the request gives, else the program of its User-Agent. */
export function managerNameOf(fieldManager: string, userAgent: string | undefined): string {
  if (fieldManager !== "") return fieldManager;
  const program = (userAgent ?? "").split("/", 1)[0]?.replace(/[^\P{C}]/gu, "") ?? "";
  return program === "" ? "unknown" : program.slice(0, managerMaxLength);
}
