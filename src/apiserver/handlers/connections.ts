import type { SubresourceDefinition } from "../../api/definition.ts";
import {
  badRequest,
  failure,
  forbidden,
  internalError,
  serviceUnavailable,
} from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { attributesOf } from "../authorize.ts";
import type { Backend, BackendRequest, BackendResponse, BackendTransport } from "../connect/backend.ts";
import { kubeletOf } from "../connect/kubelet-address.ts";
import { type ProxiedRoot, rewriteLink, rewritePage } from "../connect/links.ts";
import {
  connectOptions,
  logTarget,
  nodeOf,
  portForwardTarget,
  specOf,
  streamTarget,
} from "../connect/pod-streams.ts";
import { parseProxyName, podBackend, serviceBackend } from "../connect/proxy-target.ts";
import { bytesResponse } from "../non-resource.ts";
import { withoutTrailingSlashes } from "../request-info.ts";
import { methodNotAllowed } from "../router-refusals.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { admissionAttributes, placeOf } from "./call.ts";

/** Subresources whose requests go on to a kubelet, pod or service. */
const connectSubresources: ReadonlySet<string> = new Set([
  "pods/exec",
  "pods/attach",
  "pods/portforward",
  "pods/proxy",
  "services/proxy",
  "nodes/proxy",
]);

const proxiedMethods: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const streamingMethods: readonly string[] = ["GET", "POST"];

export function isConnection(call: Pick<ResourceCall, "definition" | "info">): boolean {
  return (
    call.definition.group === "" &&
    connectSubresources.has(`${call.definition.plural}/${call.info.subresource}`)
  );
}

/** Where an upgrade goes, past admission. Throws ApiErrors. */
export async function resolveConnection(
  context: HandlerContext,
  call: ResourceCall,
  subresource: SubresourceDefinition,
): Promise<BackendRequest> {
  const { query, method } = call.request;
  const methods = call.info.subresource === "proxy" ? proxiedMethods : streamingMethods;
  if (!methods.includes(method)) throw methodNotAllowed();
  if (query.has("dryRun")) throw badRequest("dryRun is not supported");
  const object = connectOptions(subresource.kind, query);
  const name = call.info.name;
  const attributes = admissionAttributes(call, { operation: "CONNECT", name, object, dryRun: false });
  await context.admission.admit(attributes);
  await context.admission.validate(attributes);
  if (call.info.subresource !== "proxy") await authorizeCreation(context, call);
  const { backend, target } = await locate(context, call);
  return backendRequest(call.request, backend, target);
}

/** Browsers open WebSockets by GET, which is a reader's verb: whoever runs something in a pod must be allowed to create. */
async function authorizeCreation(
  { authorizer }: HandlerContext,
  { info, user }: ResourceCall,
): Promise<void> {
  if (info.verb === "create") return;
  const { allowed, reason, error } = await authorizer.authorize({
    ...attributesOf(user, info),
    verb: "create",
  });
  if (allowed) return;
  if (error !== undefined) throw internalError(error);
  throw forbidden({ group: info.apiGroup, resource: info.resource }, info.name, reason);
}

async function locate(
  context: HandlerContext,
  call: ResourceCall,
): Promise<{ backend: Backend; target: string }> {
  const { query } = call.request;
  const nodes = context.storeOf({ group: "", plural: "nodes" });
  switch (`${call.definition.plural}/${call.info.subresource}`) {
    case "pods/exec":
    case "pods/attach":
    case "pods/portforward": {
      const pod = await call.store.get(placeOf(call));
      const verb = call.info.subresource;
      const target =
        verb === "portforward"
          ? portForwardTarget(pod, query)
          : streamTarget(verb === "exec" ? "exec" : "attach", pod, query);
      return { backend: await kubeletOf(nodes, nodeOf(pod)), target };
    }
    case "nodes/proxy": {
      const [name = "", port] = call.info.name.split(":");
      const kubelet = await kubeletOf(nodes, name);
      const backend = port === undefined ? kubelet : { ...kubelet, port: Number(port) };
      return { backend, target: proxiedTarget(call) };
    }
    case "pods/proxy": {
      const parsed = parseProxyName(call.info.name, "pod");
      const pod = await call.store.get({ ...placeOf(call), name: parsed.name });
      return { backend: podBackend(pod, parsed), target: proxiedTarget(call) };
    }
    default: {
      const parsed = parseProxyName(call.info.name, "service");
      const service = await call.store.get({ ...placeOf(call), name: parsed.name });
      const slices = await slicesOf(context, service);
      return {
        backend: serviceBackend(service, slices, parsed, context.random),
        target: proxiedTarget(call),
      };
    }
  }
}

async function slicesOf(context: HandlerContext, service: AnyObject): Promise<readonly AnyObject[]> {
  const store = context.storeOf({ group: "discovery.k8s.io", plural: "endpointslices" });
  const { name = "", namespace = "" } = service.metadata;
  const list = await store?.cache.list({
    selection: {
      namespace,
      matches: ({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name,
    },
  });
  return (list?.items ?? []).map(({ object }) => object);
}

/** What follows "proxy" in the path, with the query. */
function proxiedTarget(call: ResourceCall): string {
  const { info, request } = call;
  const rest = info.parts.slice(3).map(encodeURIComponent).join("/");
  const trailing = request.path.endsWith("/") && !rest.endsWith("/") && rest !== "" ? "/" : "";
  return `/${rest}${trailing}${request.query.size === 0 ? "" : `?${request.query}`}`;
}

const withheldHeaders =
  /^(authorization|host|content-length|transfer-encoding|keep-alive|proxy-.*|te|trailer|impersonate-.*|x-remote-.*|:.*)$/;

const webSocketTokenPrefix = "base64url.bearer.authorization.k8s.io.";

function backendRequest(request: ApiRequest, backend: Backend, target: string): BackendRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !withheldHeaders.test(name)) headers[name] = value;
  const protocols = headers["sec-websocket-protocol"];
  // Browsers send their token as a protocol: it is for this server alone.
  if (protocols !== undefined)
    headers["sec-websocket-protocol"] = protocols
      .split(",")
      .filter((protocol) => !protocol.trim().startsWith(webSocketTokenPrefix))
      .join(",")
      .trim();
  const body = request.body !== undefined && "bytes" in request.body ? request.body.bytes : undefined;
  return { backend, method: request.method, target, headers, ...(body === undefined ? {} : { body }) };
}

/** A proxied request that takes nothing over: answered with what the backend answers. */
export async function handleProxy(
  context: HandlerContext,
  call: ResourceCall,
  subresource: SubresourceDefinition,
  transport: BackendTransport | undefined,
): Promise<ApiResponse> {
  if (call.info.subresource !== "proxy") {
    // Names and rights are checked first, as they would be for an upgrade.
    await resolveConnection(context, call, subresource);
    throw badRequest("Upgrade request required");
  }
  const { method, path, query } = call.request;
  const request = await resolveConnection(context, call, subresource);
  // Of what is there: a name that nothing has is not found, whatever its path ends with.
  if (call.info.parts.length === 3 && !path.endsWith("/") && (method === "GET" || method === "HEAD"))
    return bytesResponse(301, new Uint8Array(), {
      location: `${encodeURI(path)}/${query.size === 0 ? "" : `?${query}`}`,
    });
  // Plain, so that links can be read.
  const { connection: _hop, upgrade: _upgrade, "accept-encoding": _encoding, ...headers } = request.headers;
  const root = { path: proxiedRoot(call), host: call.request.headers.host ?? "" };
  const forwarded = { ...headers, "x-forwarded-uri": path };
  const response = await reach(transport, { ...request, headers: forwarded }, call.request.signal);
  return proxyResponse(response, root);
}

/** The path of a proxied request up to where the backend's own begins. */
function proxiedRoot({ request, info }: ResourceCall): string {
  const segments = withoutTrailingSlashes(request.path).split("/");
  // Resource, name and "proxy" come first; what is beyond them is the backend's.
  return segments.slice(0, segments.length - (info.parts.length - 3)).join("/");
}

function proxyResponse(response: BackendResponse, root: ProxiedRoot): ApiResponse {
  const { status, body } = response;
  const headers = proxyHeaders(response.headers);
  const { location, "content-type": contentType } = headers;
  if (typeof location === "string")
    return { type: "bytes", status, headers: { ...headers, location: rewriteLink(location, root) }, body };
  const isPage = typeof contentType === "string" && contentType.split(";", 1)[0]?.trim() === "text/html";
  if (!isPage || headers["content-encoding"] !== undefined) return { type: "bytes", status, headers, body };
  const { "content-length": _length, ...others } = headers;
  return { type: "bytes", status, headers: others, body: rewritePage(body, root) };
}

function proxyHeaders(headers: Readonly<Record<string, string | readonly string[]>>) {
  const { connection: _c, "keep-alive": _k, "transfer-encoding": _t, ...kept } = headers;
  return kept;
}

/** GET of a pod's log: streamed from the kubelet. */
export async function handleLog(
  context: HandlerContext,
  call: ResourceCall,
  transport: BackendTransport | undefined,
): Promise<ApiResponse> {
  const pod = await call.store.get(placeOf(call));
  const target = logTarget(pod, call.request.query);
  const { nodeName = "" } = specOf(pod);
  // Not scheduled yet: nothing has been logged.
  if (nodeName === "") return bytesResponse(204, new Uint8Array(), {});
  const backend = await kubeletOf(context.storeOf({ group: "", plural: "nodes" }), nodeName);
  const request: BackendRequest = { backend, method: "GET", target, headers: {} };
  const response = await reach(transport, request, call.request.signal);
  if (response.status < 200 || response.status > 206) {
    const text = (await readText(response.body)).trim();
    if (response.status === 400) throw badRequest(text);
    if (response.status === 404)
      throw failure(404, "NotFound", "the server could not find the requested resource", {});
    throw internalError(text === "" ? `the kubelet answered ${response.status}` : text);
  }
  return { type: "bytes", status: 200, headers: { "content-type": "text/plain" }, body: response.body };
}

async function reach(transport: BackendTransport | undefined, request: BackendRequest, signal: AbortSignal) {
  if (transport === undefined) throw serviceUnavailable("this server does not reach nodes");
  try {
    return await transport.request(request, { signal });
  } catch (error) {
    const { scheme, host, port } = request.backend;
    const what = `${request.method} "${scheme}://${host}:${port}${request.target}"`;
    throw internalError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const errorTextLimit = 64 * 1024;

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > errorTextLimit) break;
  }
  return text;
}
