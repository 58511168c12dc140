/** What a request asks for, read off its method, path and query alone: upstream's `request.RequestInfo`. */
export interface RequestInfo {
  readonly isResourceRequest: boolean;
  readonly path: string;
  /** "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy"; the lower-case method for other paths. */
  readonly verb: string;
  /** The rest is "" where it does not apply. "api" or "apis". */
  readonly apiPrefix: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Resource, name, subresource and whatever follows (the path to proxy to). */
  readonly parts: readonly string[];
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

const verbOfMethod: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

const selectingVerbs: ReadonlySet<string> = new Set(["list", "watch", "deletecollection"]);

/** `path` is what ApiRequest carries. Never throws: what is not a resource's path is a non-resource request. */
export function parseRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const segments = splitPath(path);
  const prefix = segments[0];
  const base = { path, verb: method.toLowerCase(), parts: [], ...emptyPlace };
  if (segments.length < 3 || (prefix !== "api" && prefix !== "apis")) {
    return { ...base, isResourceRequest: false };
  }
  const grouped = prefix === "apis";
  if (grouped && segments.length < 4) return { ...base, isResourceRequest: false, apiPrefix: prefix };
  const apiGroup = grouped ? (segments[1] ?? "") : "";
  const apiVersion = segments[grouped ? 2 : 1] ?? "";
  let rest = segments.slice(grouped ? 3 : 2);

  let verb = verbOfMethod[method] ?? "";
  const special = rest[0] === "proxy" || rest[0] === "watch" ? rest[0] : undefined;
  if (special !== undefined) {
    if (rest.length < 2) return { ...base, isResourceRequest: false, apiPrefix: prefix };
    verb = special;
    rest = rest.slice(1);
  }

  let namespace = "";
  if (rest[0] === "namespaces" && rest.length > 1) {
    namespace = rest[1] ?? "";
    // namespaces/x/status and /finalize are subresources of the namespace; all else after it lies inside it.
    if (rest.length > 2 && rest[2] !== "status" && rest[2] !== "finalize") rest = rest.slice(2);
  }

  const resource = rest[0] ?? "";
  let name = rest[1] ?? "";
  // The old /proxy/ and /watch/ prefixes know no subresources: what follows the name belongs to the path.
  const subresource = special === "proxy" ? "" : (rest[2] ?? "");

  if (name === "" && (verb === "get" || verb === "watch")) {
    name = nameFromFieldSelector(query.get("fieldSelector"));
    if (verb === "get") verb = isTrue(query.get("watch")) ? "watch" : "list";
  } else if (name === "" && verb === "delete") {
    verb = "deletecollection";
  }
  const selecting = selectingVerbs.has(verb);
  const fieldSelector = selecting ? query.get("fieldSelector") : null;
  const labelSelector = selecting ? query.get("labelSelector") : null;
  return {
    isResourceRequest: true,
    path,
    verb,
    apiPrefix: prefix,
    apiGroup,
    apiVersion,
    namespace,
    resource,
    subresource,
    name,
    parts: rest,
    ...(fieldSelector ? { fieldSelector } : {}),
    ...(labelSelector ? { labelSelector } : {}),
  };
}

/** No group, no resource, no name. */
export const emptyPlace = {
  apiPrefix: "",
  apiGroup: "",
  apiVersion: "",
  namespace: "",
  resource: "",
  subresource: "",
  name: "",
};

function splitPath(path: string): string[] {
  const trimmed = withoutOuterSlashes(path);
  return trimmed === "" ? [] : trimmed.split("/");
}

/** Not by a pattern: one that looks for slashes at the end takes time with the square of the path. */
function withoutOuterSlashes(path: string): string {
  let start = 0;
  while (path.charAt(start) === "/") start++;
  return path.slice(start, Math.max(start, lengthWithoutSlashes(path)));
}

export function withoutTrailingSlashes(path: string): string {
  return path.slice(0, lengthWithoutSlashes(path));
}

function lengthWithoutSlashes(path: string): number {
  let end = path.length;
  while (path.charAt(end - 1) === "/") end--;
  return end;
}

/** A list of `metadata.name=x` is a request for the object x: an authorizer may allow it by that name. */
function nameFromFieldSelector(selector: string | null): string {
  if (selector === null) return "";
  for (const term of selector.split(",")) {
    const match = /^metadata\.name==?([^=!].*)$/.exec(term.trim());
    if (match?.[1] !== undefined) return match[1];
  }
  return "";
}

/** How apimachinery reads a boolean query parameter: present and neither "false" nor "0". */
export function isTrue(value: string | null): boolean {
  if (value === null) return false;
  return value.toLowerCase() !== "false" && value !== "0";
}
