import { badRequest } from "../apimachinery/api-error.ts";
import type { GroupVersionResource, KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { checkedResource } from "./checked-resource.ts";
import type {
  DeleteOptions,
  GetOptions,
  ListOptions,
  Patch,
  WatchRequestOptions,
  WriteOptions,
} from "./client.ts";

/** Paths, queries and bodies of the API's requests: pure, and the same for every transport. */

/** "/api/v1" or "/apis/apps/v1". */
function groupVersionPath({ group, version }: Pick<GroupVersionResource, "group" | "version">): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** A collection: of one namespace, or of all where `namespace` is absent or empty. */
export function collectionPath(type: ResourceType<KubeObject>, namespace: string | undefined): string {
  checkedResource(type);
  const inNamespace =
    type.namespaced && namespace !== undefined && namespace !== "" ? `/namespaces/${namespace}` : "";
  return `${groupVersionPath(type)}${inNamespace}/${type.resource}`;
}

/** One object, or one of its subresources. Throws BadRequest where a name or a namespace is missing. */
export function objectPath(
  type: ResourceType<KubeObject>,
  name: { readonly namespace?: string | undefined; readonly name: string | undefined },
  subresource?: string,
): string {
  if (name.name === undefined || name.name === "") throw badRequest("resource name may not be empty");
  if (checkedResource(type).namespaced && (name.namespace === undefined || name.namespace === ""))
    throw badRequest("an empty namespace may not be set when a resource name is provided");
  const path = `${collectionPath(type, name.namespace)}/${name.name}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Where a new object is posted. */
export function createPath(type: ResourceType<KubeObject>, namespace: string | undefined): string {
  if (checkedResource(type).namespaced && (namespace === undefined || namespace === ""))
    throw badRequest("an empty namespace may not be set during creation");
  return collectionPath(type, namespace);
}

export function getQuery(options: GetOptions): URLSearchParams {
  return queryOf([["resourceVersion", options.resourceVersion]]);
}

export function listQuery(options: ListOptions): URLSearchParams {
  return queryOf([
    ["labelSelector", options.labelSelector],
    ["fieldSelector", options.fieldSelector],
    ["limit", options.limit === 0 ? undefined : options.limit],
    ["continue", options.continue],
    ["resourceVersion", options.resourceVersion],
    ["resourceVersionMatch", options.resourceVersionMatch],
  ]);
}

export function watchQuery(options: WatchRequestOptions): URLSearchParams {
  const query = listQuery(options);
  query.set("watch", "true");
  append(query, [
    ["allowWatchBookmarks", options.allowWatchBookmarks],
    ["sendInitialEvents", options.sendInitialEvents],
    ["timeoutSeconds", options.timeoutSeconds],
  ]);
  return query;
}

export function writeQuery(options: WriteOptions): URLSearchParams {
  return queryOf([
    ["dryRun", options.dryRun === true ? "All" : undefined],
    ["fieldManager", options.fieldManager],
    ["fieldValidation", options.fieldValidation],
  ]);
}

export function patchQuery(patch: Patch, options: WriteOptions): URLSearchParams {
  const query = writeQuery(options);
  if (patch.type === "apply") append(query, [["fieldManager", patch.fieldManager]]);
  if (patch.type === "apply" && patch.force === true) query.set("force", "true");
  return query;
}

/** The body of a deletion; absent when nothing is asked for beyond the deletion itself. */
export function deleteBody(options: DeleteOptions): object | undefined {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options;
  const asked = {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(preconditions === undefined ? {} : { preconditions }),
    ...(dryRun === true ? { dryRun: ["All"] } : {}),
  };
  if (Object.keys(asked).length === 0) return undefined;
  return { kind: "DeleteOptions", apiVersion: "v1", ...asked };
}

/** What a patch is sent as. Throws where it is of no type that there is, or has its change under another name than its type says. */
export function patchContent(patch: Patch): { readonly contentType: string; readonly body: unknown } {
  const content = contentOf(patch);
  if (content?.body === undefined)
    throw new TypeError(
      'a patch is { type: "json", operations }, { type: "merge", patch }, { type: "strategic", patch } or { type: "apply", object, fieldManager }',
    );
  return content;
}

function contentOf(patch: Patch): { readonly contentType: string; readonly body: unknown } | undefined {
  switch (patch.type) {
    case "json":
      return { contentType: "application/json-patch+json", body: patch.operations };
    case "merge":
      return { contentType: "application/merge-patch+json", body: patch.patch };
    case "strategic":
      return { contentType: "application/strategic-merge-patch+json", body: patch.patch };
    case "apply":
      // JSON is YAML: the body is written as JSON under the one content type servers know for apply.
      return { contentType: "application/apply-patch+yaml", body: patch.object };
    default:
      return undefined;
  }
}

type QueryEntries = readonly (readonly [name: string, value: string | number | boolean | undefined])[];

function queryOf(entries: QueryEntries): URLSearchParams {
  const query = new URLSearchParams();
  append(query, entries);
  return query;
}

function append(query: URLSearchParams, entries: QueryEntries): void {
  for (const [name, value] of entries) {
    // An empty selector selects everything, as its absence does; an empty resourceVersion means the most recent.
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
}
