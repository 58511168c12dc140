import { plainColumns } from "../../api/columns.ts";
import type { ResourceDefinition } from "../../api/definition.ts";
import { badRequest, failure } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { apiVersionOf } from "../../apimachinery/meta.ts";
import { goPackage } from "../../apimachinery/schema/decode.ts";
import { lazyList } from "./lazy-list.ts";
import type { OutputFormat } from "./negotiate.ts";

/** How a stored object is shown: in the version that was asked for, as itself, as a row of a table, or its metadata alone. */

const converted = new WeakMap<object, Map<string, AnyObject>>();

/** The object in a served version. The same object in the same version is the same JavaScript object. */
export function inVersion(definition: ResourceDefinition, object: AnyObject, version: string): AnyObject {
  const apiVersion = apiVersionOf({ group: definition.group, version });
  if (object.apiVersion === apiVersion) return object;
  let versions = converted.get(object);
  if (versions === undefined) {
    versions = new Map();
    converted.set(object, versions);
  }
  let shown = versions.get(version);
  if (shown === undefined) {
    shown = { ...(definition.convert?.(object, version) ?? object), apiVersion, kind: definition.kind };
    versions.set(version, shown);
  }
  return shown;
}

/** The object in the version it is stored in. */
export function toStorageVersion(definition: ResourceDefinition, object: AnyObject): AnyObject {
  const version = storageVersionOf(definition);
  const storedGroup = definition.storedAs?.group ?? definition.group;
  const apiVersion = apiVersionOf({ group: storedGroup, version });
  if (object.apiVersion === apiVersion) return object;
  return { ...(definition.convert?.(object, version) ?? object), apiVersion };
}

export function storageVersionOf(definition: ResourceDefinition): string {
  return definition.storageVersion ?? definition.versions[0] ?? "v1";
}

/** Whether stored objects are shown in this version as they are. */
export function isStoredForm(definition: ResourceDefinition, version: string): boolean {
  return definition.storedAs === undefined && version === storageVersionOf(definition);
}

export type IncludeObject = "None" | "Metadata" | "Object";

export interface ViewOptions {
  readonly definition: ResourceDefinition;
  readonly version: string;
  readonly format: OutputFormat;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
}

/** `includeObject` of the query: what rows of a table carry beside their cells. */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get("includeObject") ?? "";
  if (value === "") return "Metadata";
  if (value === "None" || value === "Metadata" || value === "Object") return value;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** One object as it was asked for. */
export function showObject(object: AnyObject, options: ViewOptions): object {
  const { format } = options;
  switch (format.view) {
    case "PartialObjectMetadata":
      return metadataOnly(object, format.viewVersion ?? "v1");
    case "PartialObjectMetadataList":
      throw failure(
        406,
        "NotAcceptable",
        `you requested PartialObjectMetadataList, but the requested object is not a list (${hubType(options.definition, options.definition.kind)})`,
      );
    case "Table":
      return {
        ...tableHead(format),
        metadata: { resourceVersion: object.metadata.resourceVersion ?? "" },
        columnDefinitions: columnDefinitions(options.definition),
        rows: [tableRow(object, options)],
      };
    default:
      return inVersion(options.definition, object, options.version);
  }
}

/** As upstream's messages name the Go type of an object: the one of its group that all versions are converted to. */
function hubType({ group, custom }: ResourceDefinition, kind: string): string {
  return custom === undefined ? `*${goPackage(group)}.${kind}` : kind;
}

export function showList(list: KubeList, options: ViewOptions): object {
  const { format } = options;
  switch (format.view) {
    case "PartialObjectMetadata":
      throw failure(
        406,
        "NotAcceptable",
        `you requested PartialObjectMetadata, but the requested object is a list (${hubType(options.definition, options.definition.listKind)})`,
      );
    case "PartialObjectMetadataList": {
      const version = format.viewVersion ?? "v1";
      const head = {
        kind: "PartialObjectMetadataList",
        apiVersion: `meta.k8s.io/${version}`,
        metadata: list.metadata,
      };
      return lazyList(head, "items", list.items, (item) => metadataOnly(item, version));
    }
    case "Table": {
      const head = {
        ...tableHead(format),
        metadata: list.metadata,
        columnDefinitions: columnDefinitions(options.definition),
      };
      // Upstream's converter of the kinds that have no columns of their own never begins a list of rows.
      if (list.items.length === 0 && options.definition.columns === plainColumns)
        return { ...head, rows: null };
      return lazyList(head, "rows", rowSources(list, options.definition), (item) => tableRow(item, options));
    }
    default:
      return list;
  }
}

/** A watch's objects; only the first table of a watch names its columns. */
export function showWatchedObject(object: AnyObject, options: ViewOptions, isFirst: boolean): object {
  if (options.format.view !== "Table")
    return showObject(object, { ...options, format: singular(options.format) });
  return {
    ...tableHead(options.format),
    metadata: { resourceVersion: object.metadata.resourceVersion ?? "" },
    columnDefinitions: isFirst ? columnDefinitions(options.definition) : null,
    rows: [tableRow(object, options)],
  };
}

// Informers of metadata ask for the list's view and mean the objects of the watch.
function singular(format: OutputFormat): OutputFormat {
  return format.view === "PartialObjectMetadataList" ? { ...format, view: "PartialObjectMetadata" } : format;
}

function metadataOnly(object: AnyObject, version: string): AnyObject {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: object.metadata,
  };
}

function tableHead(format: OutputFormat) {
  return { kind: "Table", apiVersion: `meta.k8s.io/${format.viewVersion ?? "v1"}` };
}

function columnDefinitions({ columns }: ResourceDefinition): readonly object[] {
  return columns
    .filter(({ isUnnamed = false }) => !isUnnamed)
    .map(({ name, type, format = "", description, priority = 0 }) => ({
      name,
      type,
      format,
      description,
      priority,
    }));
}

function rowSources({ items }: KubeList, { rowOrder }: ResourceDefinition): readonly AnyObject[] {
  return rowOrder === undefined ? items : items.toSorted(rowOrder);
}

const initialEventsEnd = "k8s.io/initial-events-end";

function tableRow(object: AnyObject, { definition, ...options }: ViewOptions): object {
  const { format, version, includeObject, nowMs } = options;
  const cells = definition.columns.map((column) => column.value(object, { nowMs }));
  const conditions = definition.rowConditions?.(object) ?? [];
  const row = conditions.length === 0 ? { cells } : { cells, conditions };
  if (includeObject === "Object") return { ...row, object: inVersion(definition, object, version) };
  // The end of a watch's initial events is told by an annotation.
  if (includeObject === "None" && object.metadata.annotations?.[initialEventsEnd] === undefined)
    return { ...row, object: null };
  const metadata = definition.rowMetadata?.(object) ?? object.metadata;
  return { ...row, object: metadataOnly({ ...object, metadata }, format.viewVersion ?? "v1") };
}
