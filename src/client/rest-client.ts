import { ApiError, type Status } from "../apimachinery/api-error.ts";
import { apiVersionOf, type KubeList, type KubeObject, type ResourceType } from "../apimachinery/meta.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type {
  Client,
  DeleteOptions,
  GetOptions,
  ListOptions,
  ObjectName,
  Patch,
  UpdateOptions,
  WatchRequestOptions,
  WriteOptions,
} from "./client.ts";
import type { ApiRequest, ApiResponse, Transport, WatchEvent } from "./exchange.ts";
import {
  collectionPath,
  createPath,
  deleteBody,
  getQuery,
  listQuery,
  objectPath,
  patchContent,
  patchQuery,
  watchQuery,
  writeQuery,
} from "./request-path.ts";
import { errorOf, readText, retryAfterSecondsOf } from "./response-error.ts";
import { TransportError } from "./transport-error.ts";

/** As client-go: a server that keeps saying "later" is believed this often. */
const retryLimit = 10;
/** A longer wait is the caller's decision: the error, which says how long, is thrown. */
const longestRetryAfterMs = 60_000;
/** The largest text that `raw` returns. */
const rawLimitBytes = 64 * 1024 * 1024;

export interface RestClientOptions {
  readonly transport: Transport;
  /** Paces retries of 429 and 5xx answers that carry Retry-After; without a clock they are thrown at once. */
  readonly clock?: Clock;
  readonly userAgent?: string;
  /** Told of every `Warning` header's text. */
  readonly onWarning?: (text: string) => void;
}

/** What a call sends beyond its method and path. */
export interface RequestParts {
  readonly query?: URLSearchParams;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** A Client, and under it the plain request that every call is made of. */
export interface RestClient extends Client {
  /**
   * Sends one request, with retries as the server asks for them. A non-2xx answer is thrown as ApiError, no answer as
   * TransportError, an aborted call as the signal's reason.
   */
  request(method: ApiRequest["method"], path: string, parts?: RequestParts): Promise<ApiResponse>;
  /** Lets go of the transport's connections. */
  close(): Promise<void>;
}

const jsonType = "application/json";
const metadataOnlyList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const metadataOnlyObject = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/** A client over any transport: HTTPS to any cluster, or an API server in the same process. */
export function createClient(options: RestClientOptions): RestClient {
  const { transport } = options;

  async function request(
    method: ApiRequest["method"],
    path: string,
    parts: RequestParts = {},
  ): Promise<ApiResponse> {
    for (let retries = 0; ; retries++) {
      const response = await sendOnce(options, method, path, parts);
      if (response.status >= 200 && response.status < 300) return response;
      const waitMs = retryDelayMs(response);
      if (options.clock === undefined || waitMs === undefined || retries >= retryLimit)
        throw await errorOf(response);
      await discard(response);
      await sleep(options.clock, waitMs, parts.signal === undefined ? {} : { signal: parts.signal });
    }
  }

  /** A request whose answer is one API object. */
  async function call(method: ApiRequest["method"], path: string, parts: RequestParts): Promise<unknown> {
    const response = await request(method, path, parts);
    if (response.type === "object") return response.object;
    await discard(response);
    throw new TransportError(`${method} ${path}: the answer is not an API object`);
  }

  // The server's schema for the path is what ties its answer to T: no check at run time could say more.
  async function callFor<T>(method: ApiRequest["method"], path: string, parts: RequestParts): Promise<T> {
    return (await call(method, path, parts)) as T;
  }

  return {
    request,
    close: () => transport.close(),

    get<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, get: GetOptions = {}) {
      return callFor<T>("GET", objectPath(type, name), { query: getQuery(get), signal: get.signal });
    },

    async list<T extends KubeObject>(type: ResourceType<T>, list: ListOptions = {}) {
      const accept = list.metadataOnly === true ? metadataOnlyList : jsonType;
      const parts = { query: listQuery(list), accept, signal: list.signal };
      return withItemKinds(
        type,
        await callFor<KubeList<T>>("GET", collectionPath(type, list.namespace), parts),
      );
    },

    async watch<T extends KubeObject>(type: ResourceType<T>, watch: WatchRequestOptions) {
      const accept = watch.metadataOnly === true ? metadataOnlyObject : jsonType;
      const path = collectionPath(type, watch.namespace);
      const response = await request("GET", path, {
        query: watchQuery(watch),
        accept,
        signal: watch.signal,
      });
      if (response.type === "watch")
        return response.events as AsyncIterable<readonly WatchEvent<T | Status>[]>; // as in callFor
      await discard(response);
      throw new TransportError(`watch ${path}: the answer is not a stream of events`);
    },

    create<T extends KubeObject>(type: ResourceType<T>, object: T, write: WriteOptions = {}) {
      const path = createPath(type, object.metadata.namespace);
      return callFor<T>("POST", path, { query: writeQuery(write), body: object, signal: write.signal });
    },

    update<T extends KubeObject>(type: ResourceType<T>, object: T, write: UpdateOptions = {}) {
      const { namespace, name } = object.metadata;
      const path = objectPath(type, { namespace, name }, write.subresource);
      return callFor<T>("PUT", path, { query: writeQuery(write), body: object, signal: write.signal });
    },

    patch<T extends KubeObject>(
      type: ResourceType<T>,
      name: ObjectName,
      patch: Patch,
      write: UpdateOptions = {},
    ) {
      const path = objectPath(type, name, write.subresource);
      const query = patchQuery(patch, write);
      return callFor<T>("PATCH", path, { query, ...patchContent(patch), signal: write.signal });
    },

    delete<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, how: DeleteOptions = {}) {
      return callFor<T | Status>("DELETE", objectPath(type, name), {
        body: deleteBody(how),
        signal: how.signal,
      });
    },

    async deleteCollection(type, selection, how = {}) {
      await call("DELETE", collectionPath(type, selection.namespace), {
        query: listQuery(selection),
        body: deleteBody(how),
        signal: how.signal ?? selection.signal,
      });
    },

    createSubresource(type, name, subresource, body, write = {}) {
      const path = objectPath(type, name, subresource);
      return callFor("POST", path, { query: writeQuery(write), body, signal: write.signal });
    },

    async raw(pathAndQuery, rawOptions = {}) {
      const question = pathAndQuery.indexOf("?");
      const path = question < 0 ? pathAndQuery : pathAndQuery.slice(0, question);
      const query = new URLSearchParams(question < 0 ? "" : pathAndQuery.slice(question + 1));
      const accept = `${jsonType}, */*`;
      const response = await request("GET", path, { query, accept, signal: rawOptions.signal });
      if (response.type === "object") return response.object;
      if (response.type === "bytes") return { text: await readText(response.body, rawLimitBytes) };
      await discard(response);
      throw new TransportError(`GET ${path}: a watch is not read with raw`);
    },
  };
}

async function sendOnce(
  { transport, userAgent, onWarning }: RestClientOptions,
  method: ApiRequest["method"],
  path: string,
  { query, accept, contentType, body, signal }: RequestParts,
): Promise<ApiResponse> {
  signal?.throwIfAborted();
  try {
    const response = await transport.send({
      method,
      path,
      query: query ?? new URLSearchParams(),
      headers: {
        accept: accept ?? jsonType,
        ...(userAgent === undefined ? {} : { "user-agent": userAgent }),
        ...(body === undefined ? {} : { "content-type": contentType ?? jsonType }),
      },
      ...(body === undefined ? {} : { body: { object: body } }),
      // One that never aborts is made a call: a shared one would collect listeners.
      signal: signal ?? new AbortController().signal,
    });
    if (onWarning !== undefined) for (const text of warningsOf(response)) onWarning(text);
    return response;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof TransportError || error instanceof ApiError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new TransportError(`${method} ${path}: ${why}`, { cause: error });
  }
}

/** How long the server asks to wait before the same request is sent again; undefined: do not. */
function retryDelayMs(response: ApiResponse): number | undefined {
  if (response.status !== 429 && response.status < 500) return undefined;
  const seconds = retryAfterSecondsOf(response.headers);
  if (seconds === undefined || seconds * 1000 > longestRetryAfterMs) return undefined;
  return seconds * 1000;
}

/** Ends an answer nobody reads, so that its connection is free again. */
async function discard(response: ApiResponse): Promise<void> {
  const stream =
    response.type === "bytes" ? response.body : response.type === "watch" ? response.events : undefined;
  await stream?.[Symbol.asyncIterator]().return?.();
}

/** `299 - "text"`: the text of each Warning header. */
function* warningsOf(response: ApiResponse): Generator<string> {
  const header = response.headers.warning;
  if (header === undefined) return;
  for (const value of typeof header === "string" ? [header] : header) {
    for (const match of value.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
      if (match[1] !== undefined) yield match[1].replaceAll(/\\(.)/g, "$1");
    }
  }
}

/** Over HTTP a list names its kind once; objects everywhere else name their own, so items get it here. */
function withItemKinds<T extends KubeObject>(type: ResourceType<T>, list: KubeList<T>): KubeList<T> {
  // A null list is how Go writes an empty one that was never made.
  const items: readonly Partial<T>[] = list.items ?? [];
  if (list.items !== null && items.every((item) => item.kind !== undefined && item.apiVersion !== undefined))
    return list;
  const kind = list.kind.endsWith("List") ? list.kind.slice(0, -4) : type.kind;
  const apiVersion = list.apiVersion ?? apiVersionOf(type);
  return { ...list, items: items.map((item) => ({ apiVersion, kind, ...item }) as T) }; // T again complete
}
