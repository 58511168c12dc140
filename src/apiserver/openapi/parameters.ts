/** The parameters that operations take, apart from how either version of OpenAPI writes them. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path";
  readonly type: "string" | "boolean" | "integer";
  readonly description: string;
}

function query(name: string, type: Parameter["type"], description: string): Parameter {
  return { name, in: "query", type, description };
}

const parameters = {
  allowWatchBookmarks: query(
    "allowWatchBookmarks",
    "boolean",
    "Ask a watch for bookmarks: how far it has come.",
  ),
  continue: query("continue", "string", "Where the previous page of a list ended."),
  dryRun: query("dryRun", "string", "All: go through every step, store nothing."),
  fieldManager: query("fieldManager", "string", "Who is said to own the fields that are written."),
  fieldSelector: query("fieldSelector", "string", "Only objects whose fields match."),
  fieldValidation: query(
    "fieldValidation",
    "string",
    "What becomes of unknown and repeated fields: Ignore, Warn or Strict.",
  ),
  force: query("force", "boolean", "Apply takes over fields that others own."),
  gracePeriodSeconds: query("gracePeriodSeconds", "integer", "How long the object may take to end."),
  labelSelector: query("labelSelector", "string", "Only objects whose labels match."),
  limit: query("limit", "integer", "At most this many items in one answer."),
  orphanDependents: query("orphanDependents", "boolean", "Replaced by propagationPolicy."),
  pretty: query("pretty", "string", "true: JSON for people."),
  propagationPolicy: query(
    "propagationPolicy",
    "string",
    "What becomes of dependents: Orphan, Background or Foreground.",
  ),
  resourceVersion: query("resourceVersion", "string", "From which state of the store the answer may come."),
  resourceVersionMatch: query("resourceVersionMatch", "string", "How resourceVersion binds a list."),
  sendInitialEvents: query("sendInitialEvents", "boolean", "Begin a watch with what exists."),
  timeoutSeconds: query("timeoutSeconds", "integer", "When the server ends a list or watch."),
  watch: query("watch", "boolean", "Answer with changes as they come instead of a list."),
} as const;

const listParameters = [
  parameters.continue,
  parameters.fieldSelector,
  parameters.labelSelector,
  parameters.limit,
  parameters.resourceVersion,
  parameters.resourceVersionMatch,
  parameters.sendInitialEvents,
  parameters.timeoutSeconds,
];
const deleteParameters = [
  parameters.dryRun,
  parameters.gracePeriodSeconds,
  parameters.orphanDependents,
  parameters.propagationPolicy,
];
const writeParameters = [parameters.dryRun, parameters.fieldManager, parameters.fieldValidation];

/** What an operation does, in the words of `x-kubernetes-action`. */
export type Action = "connect" | "delete" | "deletecollection" | "get" | "list" | "patch" | "post" | "put";

export const parametersOf: Readonly<Record<Action, readonly Parameter[]>> = {
  connect: [],
  get: [],
  list: [parameters.allowWatchBookmarks, ...listParameters, parameters.watch],
  post: writeParameters,
  put: writeParameters,
  patch: [...writeParameters, parameters.force],
  delete: deleteParameters,
  deletecollection: [...deleteParameters, ...listParameters],
};

export const prettyParameter: Parameter = parameters.pretty;

/** `{name}`, `{namespace}` or `{path}` of a path. */
export function pathParameter(name: string): Parameter {
  const descriptions: Readonly<Record<string, string>> = {
    name: "The object's name.",
    namespace: "The namespace it is in.",
    path: "The path behind the proxy.",
  };
  return { name, in: "path", type: "string", description: descriptions[name] ?? name };
}
