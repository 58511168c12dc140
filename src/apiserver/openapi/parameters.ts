/** The parameters that operations take, apart from how either version of OpenAPI writes them. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path";
  readonly type: "string" | "boolean" | "integer";
  readonly description: string;
  /** Under this name version 2 has it once for all operations. Absent: each operation says it. */
  readonly shared?: string;
}

/** `suffix` is what upstream's name of the shared parameter ends with: a hash of its own description. */
function query(name: string, type: Parameter["type"], suffix: string, description: string): Parameter {
  const shared = suffix === "" ? {} : { shared: `${name}-${suffix}` };
  return { name, in: "query", type, description, ...shared };
}

/** Old versions of kubectl look in the operation itself for what has no suffix. */
const parameters = {
  allowWatchBookmarks: query(
    "allowWatchBookmarks",
    "boolean",
    "HC2hJt-J",
    "Ask a watch for bookmarks: how far it has come.",
  ),
  continue: query("continue", "string", "QfD61s0i", "Where the previous page of a list ended."),
  dryRun: query("dryRun", "string", "", "All: go through every step, store nothing."),
  fieldManager: query(
    "fieldManager",
    "string",
    "Qy4HdaTW",
    "Who is said to own the fields that are written.",
  ),
  patchManager: query(
    "fieldManager",
    "string",
    "7c6nTn1T",
    "Who is said to own the fields that are written; apply asks for it.",
  ),
  fieldSelector: query("fieldSelector", "string", "xIcQKXFG", "Only objects whose fields match."),
  fieldValidation: query(
    "fieldValidation",
    "string",
    "",
    "What becomes of unknown and repeated fields: Ignore, Warn or Strict.",
  ),
  force: query("force", "boolean", "tOGGb0Yi", "Apply takes over fields that others own."),
  gracePeriodSeconds: query(
    "gracePeriodSeconds",
    "integer",
    "-K5HaBOS",
    "How long the object may take to end.",
  ),
  ignoreStoreReadErrors: query(
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "boolean",
    "QbNkfIqj",
    "Delete also what cannot be read from the store.",
  ),
  labelSelector: query("labelSelector", "string", "5Zw57w4C", "Only objects whose labels match."),
  limit: query("limit", "integer", "1NfNmdNH", "At most this many items in one answer."),
  orphanDependents: query("orphanDependents", "boolean", "uRB25kX5", "Replaced by propagationPolicy."),
  pretty: query("pretty", "string", "tJGM1-ng", "true: JSON for people."),
  propagationPolicy: query(
    "propagationPolicy",
    "string",
    "6jk3prlO",
    "What becomes of dependents: Orphan, Background or Foreground.",
  ),
  resourceVersion: query(
    "resourceVersion",
    "string",
    "5WAnf1kx",
    "From which state of the store the answer may come.",
  ),
  resourceVersionMatch: query(
    "resourceVersionMatch",
    "string",
    "t8XhRHeC",
    "How resourceVersion binds a list.",
  ),
  sendInitialEvents: query("sendInitialEvents", "boolean", "rLXlEK_k", "Begin a watch with what exists."),
  shardSelector: query("shardSelector", "string", "Kgyki_3_", "Only objects of one shard."),
  timeoutSeconds: query("timeoutSeconds", "integer", "yvYezaOC", "When the server ends a list or watch."),
  watch: query("watch", "boolean", "XNNPZGbK", "Answer with changes as they come instead of a list."),
} as const;

const selectionParameters = [
  parameters.continue,
  parameters.fieldSelector,
  parameters.labelSelector,
  parameters.limit,
  parameters.resourceVersion,
  parameters.resourceVersionMatch,
  parameters.sendInitialEvents,
  parameters.shardSelector,
  parameters.timeoutSeconds,
];
const listParameters = [parameters.allowWatchBookmarks, ...selectionParameters, parameters.watch];
const deleteParameters = [
  parameters.dryRun,
  parameters.gracePeriodSeconds,
  parameters.ignoreStoreReadErrors,
  parameters.orphanDependents,
  parameters.propagationPolicy,
];
const writeParameters = [parameters.dryRun, parameters.fieldManager, parameters.fieldValidation];

/** What an operation does, in the words of `x-kubernetes-action`. */
export type Action =
  | "connect"
  | "delete"
  | "deletecollection"
  | "get"
  | "list"
  | "patch"
  | "post"
  | "put"
  | "watch"
  | "watchlist";

/** Beside those of the path and of the options that connect takes. */
export const parametersOf: Readonly<Record<Action, readonly Parameter[]>> = {
  connect: [],
  get: [parameters.pretty],
  list: [...listParameters, parameters.pretty],
  watch: [...listParameters, parameters.pretty],
  watchlist: [...listParameters, parameters.pretty],
  post: [...writeParameters, parameters.pretty],
  put: [...writeParameters, parameters.pretty],
  patch: [
    parameters.dryRun,
    parameters.patchManager,
    parameters.fieldValidation,
    parameters.force,
    parameters.pretty,
  ],
  delete: [...deleteParameters, parameters.pretty],
  deletecollection: [...deleteParameters, ...selectionParameters, parameters.pretty],
};

/** Where custom kinds take others. */
export const customParametersOf: typeof parametersOf = {
  ...parametersOf,
  get: [parameters.resourceVersion, parameters.pretty],
  deletecollection: parametersOf.list,
};

const logParameters = [
  query("container", "string", "1GeXxFDC", "Whose log; a pod of one container needs no name."),
  query("follow", "boolean", "9OIXh_2R", "Send what is written later, too."),
  query("insecureSkipTLSVerifyBackend", "boolean", "gM00jVbe", "Take the node's certificate unverified."),
  query("limitBytes", "integer", "zwd1RXuc", "At most so many bytes."),
  query("previous", "boolean", "1jxDPu3y", "Of the container that ended before."),
  query("sinceSeconds", "integer", "vE2NLdnP", "Only what is not older than this."),
  query("stream", "string", "l-48cgXv", "All, Stdout or Stderr."),
  query("tailLines", "integer", "9xQLWHMV", "Only so many of the last lines."),
  query("timestamps", "boolean", "c17fW1w_", "Begin each line with its time."),
];

/** What the options of subresources may say, by their kind; the pod's log has none of its own. */
export const optionsOf: Readonly<Record<string, readonly Parameter[]>> = {
  Pod: logParameters,
  PodExecOptions: [
    query("command", "string", "Py3eQybp", "What is run, a word each."),
    query("container", "string", "i5dOmRiM", "Where it is run; a pod of one container needs no name."),
    query("stderr", "boolean", "W_1TNlWc", "Send what it writes as errors."),
    query("stdin", "boolean", "PSzNhyUC", "Send it what the client writes."),
    query("stdout", "boolean", "-EZLRwV1", "Send what it writes."),
    query("tty", "boolean", "s0flW37O", "Give it a terminal."),
  ],
  PodAttachOptions: [
    query("container", "string", "_Q-EJ3nR", "Which one; a pod of one container needs no name."),
    query("stderr", "boolean", "26jJhFUR", "Send what it writes as errors."),
    query("stdin", "boolean", "sEFnN3IS", "Send it what the client writes."),
    query("stdout", "boolean", "005YMKE6", "Send what it writes."),
    query("tty", "boolean", "g7MlET_l", "It has a terminal."),
  ],
  PodPortForwardOptions: [query("ports", "integer", "91KROJmm", "The ports of the pod.")],
  PodProxyOptions: [query("path", "string", "oPbzgLUj", "The path that the pod is asked for.")],
  NodeProxyOptions: [query("path", "string", "rFDtV0x9", "The path that the node is asked for.")],
  ServiceProxyOptions: [query("path", "string", "QCf0eosM", "The path that the service is asked for.")],
};

/** `{name}`, `{namespace}` or `{path}` of a path. */
export function pathParameter(name: string): Parameter {
  return pathParameters[name] ?? { name, in: "path", type: "string", description: name };
}

const pathParameters: Readonly<Record<string, Parameter>> = {
  name: { name: "name", in: "path", type: "string", description: "The object's name." },
  namespace: {
    name: "namespace",
    in: "path",
    type: "string",
    description: "The namespace it is in.",
    shared: "namespace-vgWSWtn3",
  },
  path: {
    name: "path",
    in: "path",
    type: "string",
    description: "The path behind the proxy.",
    shared: "path-z6Ciiujn",
  },
};
