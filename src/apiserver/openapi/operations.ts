/** The paths and operations of a definition, apart from how either version of OpenAPI writes them. */
import type { ResourceDefinition, ResourceVerb, SubresourceDefinition } from "../../api/definition.ts";
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import type { Action } from "./parameters.ts";

export type Method = "get" | "put" | "post" | "delete" | "patch";

export interface Operation {
  readonly path: string;
  readonly method: Method;
  readonly action: Action;
  readonly operationId: string;
  readonly tag: string;
  /** The kind the operation is about: `x-kubernetes-group-version-kind`. */
  readonly kind: GroupVersionKind;
  /** Absent: the operation takes no body. */
  readonly body?: GroupVersionKind;
  /** Absent: the answer is text. */
  readonly result?: GroupVersionKind;
}

const defaultVerbs: readonly ResourceVerb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];
const statusKind: GroupVersionKind = { group: "", version: "v1", kind: "Status" };
const deleteOptionsKind: GroupVersionKind = { group: "", version: "v1", kind: "DeleteOptions" };
const scaleKind: GroupVersionKind = { group: "autoscaling", version: "v1", kind: "Scale" };
/** Bodies of any shape: a patch. */
const patchKind: GroupVersionKind = { group: "meta.k8s.io", version: "v1", kind: "Patch" };

export function operationsOf(definition: ResourceDefinition, version: string): Operation[] {
  const context = contextOf(definition, version);
  const operations = [...collectionOperations(context), ...itemOperations(context)];
  if (definition.hasStatus)
    operations.push(...partOperations(context, "status", context.kind, ["get", "patch", "update"]));
  if (definition.scale !== undefined)
    operations.push(...partOperations(context, "scale", scaleKind, ["get", "patch", "update"]));
  for (const part of definition.subresources ?? []) operations.push(...subresourceOperations(context, part));
  return operations;
}

interface Context {
  readonly definition: ResourceDefinition;
  readonly kind: GroupVersionKind;
  readonly verbs: ReadonlySet<ResourceVerb>;
  /** `/apis/apps/v1`. */
  readonly root: string;
  readonly collection: string;
  readonly item: string;
  /** In operation ids: `AppsV1`. */
  readonly groupTitle: string;
  /** In operation ids: `Namespaced` or nothing. */
  readonly scope: string;
  readonly tag: string;
}

function contextOf(definition: ResourceDefinition, version: string): Context {
  const { group, kind, plural, namespaced } = definition;
  const root = groupVersionPath(group, version);
  const collection = `/${root}/${namespaced ? "namespaces/{namespace}/" : ""}${plural}`;
  const title = groupTitle(group);
  return {
    definition,
    kind: { group, version, kind },
    verbs: new Set(definition.verbs ?? defaultVerbs),
    root,
    collection,
    item: `${collection}/{name}`,
    groupTitle: `${title}${capital(version)}`,
    scope: namespaced ? "Namespaced" : "",
    tag: `${title.charAt(0).toLowerCase()}${title.slice(1)}_${version}`,
  };
}

/** `api/v1` or `apis/apps/v1`: how documents are found. */
export function groupVersionPath(group: string, version: string): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

/** `rbac.authorization.k8s.io` to `RbacAuthorization`. */
function groupTitle(group: string): string {
  if (group === "") return "Core";
  return group
    .replace(/\.k8s\.io$/, "")
    .split(".")
    .map(capital)
    .join("");
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function collectionOperations(context: Context): Operation[] {
  const { definition, kind, verbs, root, collection, groupTitle: title, scope, tag } = context;
  const list = { ...kind, kind: definition.listKind };
  const operations: Operation[] = [];
  if (verbs.has("list"))
    operations.push({
      path: collection,
      method: "get",
      action: "list",
      operationId: `list${title}${scope}${kind.kind}`,
      tag,
      kind,
      result: list,
    });
  if (verbs.has("create"))
    operations.push({
      path: collection,
      method: "post",
      action: "post",
      operationId: `create${title}${scope}${kind.kind}`,
      tag,
      kind,
      body: kind,
      result: kind,
    });
  if (verbs.has("deletecollection"))
    operations.push({
      path: collection,
      method: "delete",
      action: "deletecollection",
      operationId: `delete${title}Collection${scope}${kind.kind}`,
      tag,
      kind,
      body: deleteOptionsKind,
      result: statusKind,
    });
  if (definition.namespaced && verbs.has("list"))
    operations.push({
      path: `/${root}/${definition.plural}`,
      method: "get",
      action: "list",
      operationId: `list${title}${kind.kind}ForAllNamespaces`,
      tag,
      kind,
      result: list,
    });
  return operations;
}

function itemOperations(context: Context): Operation[] {
  const { kind, verbs, item, groupTitle: title, scope, tag } = context;
  const operations = partMethods(context, item, "", kind, verbs);
  if (verbs.has("delete"))
    operations.push({
      path: item,
      method: "delete",
      action: "delete",
      operationId: `delete${title}${scope}${kind.kind}`,
      tag,
      kind,
      body: deleteOptionsKind,
      result: statusKind,
    });
  return operations;
}

function partOperations(
  context: Context,
  name: string,
  kind: GroupVersionKind,
  verbs: readonly ResourceVerb[],
): Operation[] {
  return partMethods(context, `${context.item}/${name}`, capital(name), kind, new Set(verbs));
}

/** Get, put and patch of an object or of a part of it. */
function partMethods(
  context: Context,
  path: string,
  part: string,
  kind: GroupVersionKind,
  verbs: ReadonlySet<ResourceVerb>,
): Operation[] {
  const { groupTitle: title, scope, tag } = context;
  const ending = `${title}${scope}${context.kind.kind}${part}`;
  const operations: Operation[] = [];
  if (verbs.has("get"))
    operations.push({
      path,
      method: "get",
      action: "get",
      operationId: `read${ending}`,
      tag,
      kind,
      result: kind,
    });
  if (verbs.has("update"))
    operations.push({
      path,
      method: "put",
      action: "put",
      operationId: `replace${ending}`,
      tag,
      kind,
      body: kind,
      result: kind,
    });
  if (verbs.has("patch"))
    operations.push({
      path,
      method: "patch",
      action: "patch",
      operationId: `patch${ending}`,
      tag,
      kind,
      body: patchKind,
      result: kind,
    });
  return operations;
}

function subresourceOperations(context: Context, part: SubresourceDefinition): Operation[] {
  const kind = { group: part.group, version: part.version, kind: part.kind };
  const path = `${context.item}/${part.name}`;
  const { groupTitle: title, scope, tag } = context;
  const ending = `${scope}${context.kind.kind}${capital(part.name)}`;
  if (part.kind.endsWith("Options"))
    return connectMethods(part).map((method) => ({
      path,
      method,
      action: "connect",
      operationId: `connect${title}${capital(method)}${ending}`,
      tag,
      kind,
    }));
  if (part.name === "log")
    return [{ path, method: "get", action: "get", operationId: `read${title}${ending}`, tag, kind }];
  const operations = partMethods(context, path, capital(part.name), kind, new Set(part.verbs));
  if (part.verbs.includes("create"))
    operations.push({
      path,
      method: "post",
      action: "post",
      operationId: `create${title}${ending}`,
      tag,
      kind,
      body: kind,
      result: kind,
    });
  return operations;
}

function connectMethods({ verbs }: SubresourceDefinition): Method[] {
  const methods: Method[] = [];
  if (verbs.includes("get")) methods.push("get");
  if (verbs.includes("create")) methods.push("post");
  if (verbs.includes("update")) methods.push("put");
  if (verbs.includes("patch")) methods.push("patch");
  if (verbs.includes("delete")) methods.push("delete");
  return methods;
}
