/** The paths and operations of a definition, apart from how either version of OpenAPI writes them. */
import type { ResourceDefinition, ResourceVerb, SubresourceDefinition } from "../../api/definition.ts";
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import { returnsDeletedObject } from "../handlers/deleted-objects.ts";
import {
  type Action,
  customParametersOf,
  optionsOf,
  type Parameter,
  parametersOf,
  pathParameter,
} from "./parameters.ts";

export type Method = "get" | "put" | "post" | "delete" | "options" | "head" | "patch";

export interface Operation {
  readonly path: string;
  readonly method: Method;
  readonly operationId: string;
  readonly tag: string;
  /** What it does to which kind; absent: it answers with a discovery document. */
  readonly about?: { readonly action: Action; readonly kind: GroupVersionKind };
  /** Of the path and the query. */
  readonly parameters: readonly Parameter[];
  /** Absent: the operation takes no body. */
  readonly body?: GroupVersionKind;
  /** Media types; absent: nothing is said of them. */
  readonly consumes?: readonly string[];
  readonly produces: readonly string[];
  /** Absent: the answer is text. */
  readonly result?: GroupVersionKind;
  /** The codes of success. */
  readonly codes: readonly SuccessCode[];
}

export type SuccessCode = 200 | 201 | 202;

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
const watchEventKind: GroupVersionKind = { group: "", version: "v1", kind: "WatchEvent" };
/** Bodies of any shape: a patch. */
const patchKind: GroupVersionKind = { group: "meta.k8s.io", version: "v1", kind: "Patch" };

/** What objects are sent as, apart from their changes. */
export const objectMediaTypes = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
];
const customMediaTypes = ["application/json", "application/yaml"];
const watchMediaTypes = [
  ...objectMediaTypes,
  "application/json;stream=watch",
  "application/vnd.kubernetes.protobuf;stream=watch",
];
const patchMediaTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];
/** Strategic merge needs more than a schema says of a custom kind. */
const customPatchMediaTypes = patchMediaTypes.filter((type) => !type.includes("strategic"));

export function operationsOf(
  definition: ResourceDefinition,
  version: string,
  isCustom: boolean,
): Operation[] {
  const context = contextOf(definition, version, isCustom);
  const { kind } = context;
  const operations = [...collectionOperations(context), ...itemOperations(context)];
  const partVerbs: readonly ResourceVerb[] = ["get", "patch", "update"];
  if (definition.hasStatus) operations.push(...partOperations(context, "status", kind, partVerbs));
  if (definition.scale !== undefined)
    operations.push(...partOperations(context, "scale", scaleKind, partVerbs));
  for (const part of definition.subresources ?? []) operations.push(...subresourceOperations(context, part));
  return operations;
}

interface Context {
  readonly definition: ResourceDefinition;
  readonly isCustom: boolean;
  readonly kind: GroupVersionKind;
  readonly verbs: ReadonlySet<ResourceVerb>;
  /** `/apis/apps/v1`. */
  readonly root: string;
  /** Behind the root: `/namespaces/{namespace}/deployments`. */
  readonly collection: string;
  /** In operation ids: `AppsV1`. */
  readonly title: string;
  /** In operation ids: `Namespaced` or nothing. */
  readonly scope: string;
  readonly tag: string;
}

function contextOf(definition: ResourceDefinition, version: string, isCustom: boolean): Context {
  const { group, kind, plural, namespaced } = definition;
  return {
    definition,
    isCustom,
    kind: { group, version, kind },
    verbs: new Set(definition.verbs ?? defaultVerbs),
    root: `/${groupVersionPath(group, version)}`,
    collection: `/${namespaced ? "namespaces/{namespace}/" : ""}${plural}`,
    title: `${groupTitle(group)}${capital(version)}`,
    scope: namespaced ? "Namespaced" : "",
    tag: `${groupTag(group)}_${version}`,
  };
}

/** `api/v1` or `apis/apps/v1`: how documents are found. */
export function groupVersionPath(group: string, version: string): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

/** `rbac.authorization.k8s.io` to `RbacAuthorization`: in operation ids. */
export function groupTitle(group: string): string {
  if (group === "") return "Core";
  return group
    .replace(/\.k8s\.io$/, "")
    .split(".")
    .map(capital)
    .join("");
}

/** `rbacAuthorization`. */
export function groupTag(group: string): string {
  const title = groupTitle(group);
  return `${title.charAt(0).toLowerCase()}${title.slice(1)}`;
}

export function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** What tells an operation from others of its kind. */
interface Particulars {
  /** Behind the group version. */
  readonly path: string;
  readonly method: Method;
  readonly action: Action;
  /** `listCoreV1` … and what follows. */
  readonly id: readonly [verb: string, subject: string];
  readonly kind?: GroupVersionKind;
  readonly body?: GroupVersionKind;
  readonly result?: GroupVersionKind;
  /** Of the query, beside those of the action. */
  readonly options?: readonly Parameter[];
  readonly produces?: readonly string[];
}

const codesOf: Readonly<Partial<Record<Action, readonly SuccessCode[]>>> = {
  post: [200, 201, 202],
  put: [200, 201],
  patch: [200, 201],
  delete: [200, 202],
};

function operation(context: Context, particulars: Particulars): Operation {
  const { path, method, action, id, kind = context.kind, body, result, options = [] } = particulars;
  const { isCustom } = context;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => pathParameter(name));
  const mediaTypes = isCustom ? customMediaTypes : objectMediaTypes;
  const patchTypes = isCustom ? customPatchMediaTypes : patchMediaTypes;
  return {
    path: `${context.root}${path}`,
    method,
    operationId: `${id[0]}${context.title}${id[1]}`,
    tag: context.tag,
    about: { action, kind },
    parameters: [...inPath, ...options, ...(isCustom ? customParametersOf : parametersOf)[action]],
    ...(body === undefined ? {} : { body }),
    consumes: action === "patch" ? patchTypes : isCustom ? customMediaTypes : ["*/*"],
    produces: particulars.produces ?? mediaTypes,
    ...(result === undefined ? {} : { result }),
    codes: action === "patch" && isCustom ? [200] : (codesOf[action] ?? [200]),
  };
}

function collectionOperations(context: Context): Operation[] {
  const { isCustom, kind, verbs, collection: path, scope } = context;
  const subject = `${scope}${kind.kind}`;
  const operations: Operation[] = [];
  if (verbs.has("list")) operations.push(...listOperations(context));
  if (verbs.has("create"))
    operations.push(
      operation(context, {
        path,
        method: "post",
        action: "post",
        id: ["create", subject],
        body: kind,
        result: kind,
      }),
    );
  if (verbs.has("deletecollection"))
    operations.push(
      operation(context, {
        path,
        method: "delete",
        action: "deletecollection",
        id: ["delete", `Collection${subject}`],
        ...(isCustom ? {} : { body: deleteOptionsKind }),
        result: statusKind,
      }),
    );
  return operations;
}

/** Lists and, of built-in kinds, the paths where watches were once asked for. */
function listOperations(context: Context): Operation[] {
  const { definition, isCustom, kind, verbs, collection, scope } = context;
  const subject = `${scope}${kind.kind}`;
  const everywhere = definition.namespaced ? [`/${definition.plural}`] : [];
  const streams = isCustom ? {} : { produces: watchMediaTypes };
  const list = (path: string, ending: string) =>
    operation(context, {
      path,
      method: "get",
      action: "list",
      id: ["list", ending],
      result: { ...kind, kind: definition.listKind },
      ...streams,
    });
  const operations = [
    list(collection, subject),
    ...everywhere.map((path) => list(path, `${kind.kind}ForAllNamespaces`)),
  ];
  if (isCustom || !verbs.has("watch")) return operations;
  const watch = (path: string, action: Action, ending: string) =>
    operation(context, {
      path: `/watch${path}`,
      method: "get",
      action,
      id: ["watch", ending],
      result: watchEventKind,
      ...streams,
    });
  return [
    ...operations,
    watch(collection, "watchlist", `${subject}List`),
    ...everywhere.map((path) => watch(path, "watchlist", `${kind.kind}ListForAllNamespaces`)),
    ...(verbs.has("get") ? [watch(`${collection}/{name}`, "watch", subject)] : []),
  ];
}

function itemOperations(context: Context): Operation[] {
  const { definition, kind, verbs, collection, scope } = context;
  const path = `${collection}/{name}`;
  const operations = partMethods(context, path, "", kind, verbs);
  if (verbs.has("delete"))
    operations.push(
      operation(context, {
        path,
        method: "delete",
        action: "delete",
        id: ["delete", `${scope}${kind.kind}`],
        body: deleteOptionsKind,
        result: returnsDeletedObject(definition) ? kind : statusKind,
      }),
    );
  return operations;
}

function partOperations(
  context: Context,
  name: string,
  result: GroupVersionKind,
  verbs: readonly ResourceVerb[],
): Operation[] {
  return partMethods(
    context,
    `${context.collection}/{name}/${name}`,
    capital(name),
    result,
    new Set<ResourceVerb>(verbs),
  );
}

/** Get, put, patch and post of an object or of a part of it; `result` is the kind that is sent and answered. */
function partMethods(
  context: Context,
  path: string,
  part: string,
  result: GroupVersionKind,
  verbs: ReadonlySet<ResourceVerb>,
): Operation[] {
  const subject = `${context.scope}${context.kind.kind}${part}`;
  const kind = context.isCustom ? context.kind : result;
  const operations: Operation[] = [];
  const add = (method: "get" | "put" | "patch" | "post", verb: string, body?: GroupVersionKind) =>
    operations.push(
      operation(context, {
        path,
        method,
        action: method,
        id: [verb, subject],
        kind,
        result,
        ...(body === undefined ? {} : { body }),
      }),
    );
  if (verbs.has("get")) add("get", "read");
  if (verbs.has("update")) add("put", "replace", result);
  if (verbs.has("patch")) add("patch", "patch", patchKind);
  if (part !== "" && verbs.has("create")) add("post", "create", result);
  return operations;
}

function subresourceOperations(context: Context, part: SubresourceDefinition): Operation[] {
  const kind = { group: part.group, version: part.version, kind: part.kind };
  const path = `${context.collection}/{name}/${part.name}`;
  const ending = `${context.scope}${context.kind.kind}${capital(part.name)}`;
  const options = optionsOf[part.kind] ?? [];
  if (part.name === "log")
    return [
      operation(context, {
        path,
        method: "get",
        action: "get",
        id: ["read", ending],
        options,
        produces: ["text/plain", ...objectMediaTypes],
      }),
    ];
  if (!part.kind.endsWith("Options")) return partOperations(context, part.name, kind, part.verbs);
  const connect = (to: string, method: Method, behind: string) =>
    operation(context, {
      path: to,
      method,
      action: "connect",
      id: ["connect", `${capital(method)}${ending}${behind}`],
      kind,
      options,
      produces: ["*/*"],
    });
  if (part.name !== "proxy") return (["get", "post"] as const).map((method) => connect(path, method, ""));
  return proxyMethods.flatMap((method) => [
    connect(path, method, ""),
    connect(`${path}/{path}`, method, "WithPath"),
  ]);
}

/** Whatever comes is passed on. */
const proxyMethods: readonly Method[] = ["get", "put", "post", "delete", "options", "head", "patch"];
