import type { KubeObject } from "../../apimachinery/meta.ts";
import { WatchDecoder } from "../../apimachinery/watch-decoder.ts";
import type { ApiRequest, ApiResponse, UserInfo, WatchEvent } from "../../client/exchange.ts";
import type { BackendResponse } from "../connect/backend.ts";
import { isTrue } from "../request-info.ts";
import type { ExtensionRequest } from "./extension-transport.ts";

/** What a client may not say for itself, or says to this server alone. */
const withheldHeaders =
  /^(authorization|host|connection|upgrade|content-length|transfer-encoding|keep-alive|proxy-.*|te|trailer|impersonate-.*|x-remote-.*|:.*)$/;

/** Who asks, as a front proxy says it. A group or value is a header of its own. */
export function identityHeaders(user: UserInfo): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = { "x-remote-user": user.name };
  if (user.uid !== undefined && user.uid !== "") headers["x-remote-uid"] = user.uid;
  if (user.groups.length > 0) headers["x-remote-group"] = user.groups;
  for (const [key, values] of Object.entries(user.extra ?? {}))
    headers[`x-remote-extra-${encodeURIComponent(key.toLowerCase())}`] = values;
  return headers;
}

const encoder = new TextEncoder();

/** The request as it goes on, in the name of the user. */
export function extensionRequest(request: ApiRequest, user: UserInfo): ExtensionRequest {
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !withheldHeaders.test(name)) headers[name] = value;
  const { body, method, query } = request;
  const path = request.path.split("/").map(encodeURIComponent).join("/");
  return {
    method,
    target: query.size === 0 ? path : `${path}?${query}`,
    headers: {
      ...(body !== undefined && "object" in body ? { "content-type": "application/json" } : {}),
      ...headers,
      ...identityHeaders(user),
    },
    ...(body === undefined
      ? {}
      : { body: "bytes" in body ? body.bytes : encoder.encode(JSON.stringify(body.object)) }),
  };
}

/** A request that takes its connection over: it says so to the other server, too. */
export function upgradeRequest(request: ApiRequest, user: UserInfo): ExtensionRequest {
  const { connection, upgrade } = request.headers;
  const { headers, ...rest } = extensionRequest(request, user);
  return {
    ...rest,
    headers: {
      ...headers,
      ...(connection === undefined ? {} : { connection }),
      ...(upgrade === undefined ? {} : { upgrade }),
    },
  };
}

/** The answer as it is passed on: what belongs to one connection is left out. */
export function passedOn({
  status,
  headers,
  body,
}: BackendResponse): ApiResponse & { readonly type: "bytes" } {
  const { connection: _c, "keep-alive": _k, "transfer-encoding": _t, upgrade: _u, ...kept } = headers;
  return { type: "bytes", status, headers: kept, body };
}

/** The answer as a client in this process takes it: an object, or the events of a watch. Other content stays bytes. */
export async function decoded(
  response: ApiResponse & { readonly type: "bytes" },
  request: ApiRequest,
): Promise<ApiResponse> {
  const { status, headers, body } = response;
  const type = String(headers["content-type"] ?? "").split(";", 1)[0];
  if (type !== "application/json") return response;
  if (status === 200 && isTrue(request.query.get("watch")))
    return { type: "watch", status, headers, events: watchEvents(body) };
  const text = new TextDecoder().decode(await readAll(body, maxObjectBytes));
  return { type: "object", status, headers, object: JSON.parse(text) as unknown };
}

const maxObjectBytes = 64 * 1024 * 1024;

async function* watchEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly WatchEvent<KubeObject>[]> {
  const decoder = new WatchDecoder();
  for await (const chunk of body) {
    const events = decoder.push(chunk) as unknown as WatchEvent<KubeObject>[]; // as the extension server says
    if (events.length > 0) yield events;
  }
}

/** The whole body. Throws an Error beyond `maxBytes`. */
export async function readAll(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
