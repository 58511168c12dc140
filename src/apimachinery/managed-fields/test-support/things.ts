import type { AnyObject, ManagedFieldsEntry } from "../../meta.ts";
import { normalize } from "../../schema/normalize.ts";
import { createSchemaTables } from "../../schema/tables.ts";
import { apply, managedAfterUpdate } from "../field-manager.ts";
import { mergeTypeOf } from "../merge-type.ts";
import type { OwnershipRules, Versioned } from "../ownership.ts";

/** A kind with a list, set or map of each sort, in two versions: what v1 calls `size`, v2 calls `length`. */
const spec = [
  "items|[Item|1|e|map|name",
  "ports|[Port|2|e|map|port,protocol",
  "legacy|[Item|3|e|||merge|name",
  "finalizers|[string|4|e|set",
  "args|[string|5|e|atomic",
  "plain|[Item|6|e",
  "labels|{string|7|e",
  "selector|{string|8|ea",
  "nested|Nested|9|pe",
  "limits|{quantity|10|e",
  "paused|bool|11|e",
].join(" ");

export const tables = createSchemaTables({
  packages: {
    "t.v1": {
      group: "t",
      version: "v1",
      openApiPrefix: "t.v1",
      enums: {},
      models: {
        Thing: "kind|string||e apiVersion|string||e metadata|Meta|1|e spec|Spec|2|e status|Status|3|e",
        Meta: "name|string|1|e namespace|string|2|e uid|string|3|e resourceVersion|string|4|e labels|{string|5|e annotations|{string|6|e generation|int64|7|e managedFields|[Item|8|e|atomic",
        Spec: `size|int32|20|pe ${spec}`,
        Item: "name|string|1|p value|string|2|e more|Nested|3|pe",
        Port: 'port|int32|1| protocol|string|2|e|||||"TCP" note|string|3|e',
        Nested: "a|string|1|e b|string|2|e tags|{string|3|e",
        Status: "phase|string|1|e",
      },
    },
    "t.v2": {
      group: "t",
      version: "v2",
      openApiPrefix: "t.v2",
      enums: {},
      models: {
        Thing:
          "kind|string||e apiVersion|string||e metadata|t.v1.Meta|1|e spec|Spec|2|e status|t.v1.Status|3|e",
        Spec: `length|int32|20|pe ${spec.replaceAll("Item", "t.v1.Item").replaceAll("Port", "t.v1.Port").replaceAll("|Nested", "|t.v1.Nested")}`,
      },
    },
  },
});

const versionOf = (apiVersion: string) => apiVersion.slice("t/".length);

/** v3 was served once. */
function convert(object: Versioned, apiVersion: string): Versioned | undefined {
  if (object.apiVersion === apiVersion) return object;
  if (tables.kind("t", versionOf(apiVersion), "Thing") === undefined) return undefined;
  const [from, to] = apiVersion === "t/v2" ? ["size", "length"] : ["length", "size"];
  const { [from]: value, ...rest } = (object.spec ?? {}) as Record<string, unknown>;
  return { ...object, apiVersion, spec: value === undefined ? rest : { ...rest, [to]: value } };
}

export const rules: OwnershipRules = {
  typeOf: (apiVersion) => mergeTypeOf(tables.kind("t", versionOf(apiVersion), "Thing")),
  convert,
  ignored: { "f:status": {} },
};

interface WriteOptions {
  readonly version?: string;
  readonly subresource?: string;
  readonly metadata?: object;
}

/** One object, written by several managers; a minute passes with every write. Kept in v1. */
export class Scene {
  object: AnyObject | undefined;
  #minute = 0;

  apply(
    manager: string,
    wanted: object,
    options: WriteOptions & { readonly force?: boolean } = {},
  ): AnyObject {
    const { version = "v1", force = false, metadata = {} } = options;
    const configuration = {
      apiVersion: `t/${version}`,
      kind: "Thing",
      metadata: { name: "x", ...metadata },
      spec: wanted,
    };
    return this.applyRaw(manager, configuration, { ...options, force });
  }

  applyRaw(
    manager: string,
    configuration: unknown,
    { version = "v1", subresource = "", force = false }: WriteOptions & { readonly force?: boolean } = {},
  ): AnyObject {
    const live = this.#in(version);
    const empty = emptyThing(version);
    const merged = apply(
      { live, empty, configuration, force },
      this.#write(manager, version, subresource),
      rules,
    );
    return this.#keep(merged, version, merged.metadata.managedFields);
  }

  /** PUT of what stands there with another spec; a create where nothing does. */
  update(
    manager: string,
    wanted: object,
    { version = "v1", subresource = "", metadata = {} }: WriteOptions = {},
  ): AnyObject {
    const live = this.#in(version);
    const blank = { ...emptyThing(version), metadata: { name: "x" } };
    const base = live ?? blank;
    const next = decoded({ ...base, metadata: { ...base.metadata, ...metadata }, spec: wanted }, version);
    const managers = managedAfterUpdate(
      { live, next, empty: emptyThing(version) },
      this.#write(manager, version, subresource),
      rules,
    );
    return this.#keep(next, version, managers);
  }

  get spec(): unknown {
    return this.object?.spec;
  }

  /** The managers as `name/operation[/subresource]`, in their order. */
  get managers(): readonly string[] {
    return (this.object?.metadata.managedFields ?? []).map(
      ({ manager, operation, subresource }) =>
        `${manager}/${operation}${subresource === undefined ? "" : `/${subresource}`}`,
    );
  }

  entry(manager: string): ManagedFieldsEntry | undefined {
    return this.object?.metadata.managedFields?.find((entry) => entry.manager === manager);
  }

  /** What a manager owns of the spec. */
  owned(manager: string): unknown {
    return (this.entry(manager)?.fieldsV1 as { "f:spec"?: unknown } | undefined)?.["f:spec"];
  }

  #in(version: string): AnyObject | undefined {
    return this.object === undefined ? undefined : (convert(this.object, `t/${version}`) as AnyObject); // a whole Thing
  }

  #write(manager: string, version: string, subresource: string) {
    const minute = String(this.#minute++).padStart(2, "0");
    return { manager, apiVersion: `t/${version}`, subresource, time: `2026-01-01T00:${minute}:00Z` };
  }

  #keep(
    object: AnyObject,
    version: string,
    managedFields: readonly ManagedFieldsEntry[] | undefined,
  ): AnyObject {
    const whole = decoded(object, version);
    const kept = {
      ...whole,
      metadata: { ...whole.metadata, uid: "u", ...(managedFields === undefined ? {} : { managedFields }) },
    };
    this.object = convert(kept, "t/v1") as AnyObject; // a whole Thing
    return this.object;
  }
}

function decoded(object: AnyObject, version: string): AnyObject {
  const model = tables.kind("t", version, "Thing");
  if (model === undefined) throw new Error(`no version ${version}`);
  const { managedFields, ...metadata } = object.metadata;
  const normal = normalize(model, { ...object, metadata }).object as AnyObject; // a whole Thing
  return {
    ...normal,
    metadata: { ...normal.metadata, ...(managedFields === undefined ? {} : { managedFields }) },
  };
}

function emptyThing(version: string): AnyObject {
  return decoded({ apiVersion: `t/${version}`, kind: "Thing", metadata: {} }, version);
}
