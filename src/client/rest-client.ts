import { ApiError, type Status } from "../apimachinery/api-error.ts";
import { apiVersionOf, type KubeList, type KubeObject, type ResourceType } from "../apimachinery/meta.ts";
import type { HeldObjects } from "../apimachinery/protobuf/older-versions.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { checkNames } from "../base/option-names.ts";
import { fullBucket, reserveToken, type TokenBucket, type TokenBucketPolicy } from "../base/token-bucket.ts";
import { acceptOf, type MetadataView } from "./accept.ts";
import {
  deleteOptionNames,
  getOptionNames,
  listOptionNames,
  updateOptionNames,
  watchOptionNames,
  writeOptionNames,
} from "./call-options.ts";
import type {
  CallOptions,
  Client,
  DeleteOptions,
  GetOptions,
  ListOptions,
  ObjectName,
  Patch,
  UpdateOptions,
  WatchedEvent,
  WatchRequestOptions,
  WriteOptions,
} from "./client.ts";
import type { ApiRequest, ApiResponse, Transport } from "./exchange.ts";
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

/** What a client is made of. Only the transport is needed. */
export interface RestClientOptions {
  readonly transport: Transport;
  /** Paces retries of 429 and 5xx answers that carry Retry-After; without a clock they are thrown at once. */
  readonly clock?: Clock;
  /** Makes requests wait for their turn; it needs the clock. Absent: none waits. */
  readonly rateLimit?: TokenBucketPolicy;
  readonly userAgent?: string;
  /** The server's host and port, for metrics. */
  readonly host?: string;
  /**
   * Of lists and watches. "protobuf", which is the default, asks for it where the kind has it, and takes JSON from whoever
   * answers in that; "json" never asks: it also shows fields that are newer than this library.
   */
  readonly encoding?: "protobuf" | "json";
  /** Told of every `Warning` header's text. */
  readonly onWarning?: (text: string) => void;
}

/** One request that was sent, for metrics. */
export interface ObservedRequest {
  readonly method: ApiRequest["method"];
  /** "" where the client was not told. */
  readonly host: string;
  /** The HTTP status; undefined where no answer was had. */
  readonly status: number | undefined;
  /** Until the answer began; 0 for a client without a clock. */
  readonly durationMs: number;
}

/** Told of every request and retry: cheap, and never throws. */
export type RequestObserver = (request: ObservedRequest) => void;

/** What a call sends beyond its method and path. */
export interface RequestParts {
  readonly query?: URLSearchParams;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly held?: HeldObjects | undefined;
}

/** A Client, and under it the plain request that every call is made of. */
export interface RestClient extends Client {
  /**
   * Sends one request, with retries as the server asks for them. A non-2xx answer is thrown as ApiError, no answer as
   * TransportError, an aborted call as the signal's reason.
   */
  request(method: ApiRequest["method"], path: string, parts?: RequestParts): Promise<ApiResponse>;
  /** Has the observer told of every request from now on; what is returned ends that. */
  observe(observer: RequestObserver): () => void;
  /** Lets go of the transport's connections. */
  close(): Promise<void>;
}

const jsonType = "application/json";

/** A client over any transport: HTTPS to any cluster, or an API server in the same process. */
export function createClient(options: RestClientOptions): RestClient {
  return new TransportClient(options);
}

class TransportClient implements RestClient {
  readonly #options: RestClientOptions;
  readonly #observers = new Set<RequestObserver>();
  #bucket: TokenBucket | undefined;

  constructor(options: RestClientOptions) {
    this.#options = options;
  }

  async request(method: ApiRequest["method"], path: string, parts: RequestParts = {}): Promise<ApiResponse> {
    const { clock } = this.#options;
    for (let retries = 0; ; retries++) {
      await this.#takeTurn(parts.signal);
      const response = await this.#observed(method, () => sendOnce(this.#options, method, path, parts));
      if (response.status >= 200 && response.status < 300) return response;
      const waitMs = retryDelayMs(response);
      if (clock === undefined || waitMs === undefined || retries >= retryLimit) throw await errorOf(response);
      await discard(response);
      await sleep(clock, waitMs, parts.signal === undefined ? {} : { signal: parts.signal });
    }
  }

  observe(observer: RequestObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  close(): Promise<void> {
    return this.#options.transport.close();
  }

  #accept(type: ResourceType<KubeObject>, view: MetadataView | undefined): string {
    return acceptOf(type, { view, binary: this.#options.encoding !== "json" });
  }

  async #takeTurn(signal: AbortSignal | undefined): Promise<void> {
    const { clock, rateLimit } = this.#options;
    if (clock === undefined || rateLimit === undefined) return;
    const nowMs = clock.now();
    const reserved = reserveToken(this.#bucket ?? fullBucket(rateLimit, nowMs), rateLimit, nowMs);
    this.#bucket = reserved.bucket;
    if (reserved.delayMs > 0) await sleep(clock, reserved.delayMs, signal === undefined ? {} : { signal });
  }

  async #observed(method: ApiRequest["method"], send: () => Promise<ApiResponse>): Promise<ApiResponse> {
    if (this.#observers.size === 0) return send();
    const { clock, host = "" } = this.#options;
    const startMs = clock?.now() ?? 0;
    const tell = (status: number | undefined) => {
      const durationMs = (clock?.now() ?? 0) - startMs;
      for (const observer of this.#observers) observer({ method, host, status, durationMs });
    };
    try {
      const response = await send();
      tell(response.status);
      return response;
    } catch (error) {
      tell(undefined);
      throw error;
    }
  }

  async get<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    options: GetOptions = {},
  ): Promise<T> {
    checkNames("get", options, getOptionNames);
    const { signal } = options;
    return this.#call<T>("GET", objectPath(type, name), { query: getQuery(options), signal });
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    checkNames("list", options, listOptionNames);
    const { signal, held } = options;
    const accept = this.#accept(
      type,
      options.metadataOnly === true ? "PartialObjectMetadataList" : undefined,
    );
    const path = collectionPath(type, options.namespace);
    const parts = { query: listQuery(options), accept, signal, held };
    const list = await this.#call<KubeList<T>>("GET", path, parts);
    return withItemKinds(type, list);
  }

  async watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchRequestOptions,
  ): Promise<AsyncIterable<readonly WatchedEvent<T>[]>> {
    checkNames("watch", options, watchOptionNames);
    const { signal, held } = options;
    const accept = this.#accept(type, options.metadataOnly === true ? "PartialObjectMetadata" : undefined);
    const path = collectionPath(type, options.namespace);
    const parts = { query: watchQuery(options), accept, signal, held };
    const response = await this.request("GET", path, parts);
    if (response.type === "watch") return response.events as AsyncIterable<readonly WatchedEvent<T>[]>; // as in #call
    await discard(response);
    throw new TransportError(`watch ${path}: the answer is not a stream of events`);
  }

  async create<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    checkNames("create", options, writeOptionNames);
    const { signal } = options;
    const path = createPath(type, object.metadata.namespace);
    return this.#call<T>("POST", path, { query: writeQuery(options), body: object, signal });
  }

  async update<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: UpdateOptions = {},
  ): Promise<T> {
    checkNames("update", options, updateOptionNames);
    const { signal } = options;
    const { namespace, name } = object.metadata;
    const path = objectPath(type, { namespace, name }, options.subresource);
    return this.#call<T>("PUT", path, { query: writeQuery(options), body: object, signal });
  }

  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    patch: Patch,
    options: UpdateOptions = {},
  ): Promise<T> {
    checkNames("patch", options, updateOptionNames);
    const { signal } = options;
    const path = objectPath(type, name, options.subresource);
    return this.#call<T>("PATCH", path, {
      query: patchQuery(patch, options),
      ...patchContent(patch),
      signal,
    });
  }

  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    options: DeleteOptions = {},
  ): Promise<T | Status> {
    checkNames("delete", options, deleteOptionNames);
    const { signal } = options;
    return this.#call<T | Status>("DELETE", objectPath(type, name), { body: deleteBody(options), signal });
  }

  async deleteCollection<T extends KubeObject>(
    type: ResourceType<T>,
    selection: ListOptions,
    options: DeleteOptions = {},
  ): Promise<void> {
    checkNames("deleteCollection", selection, listOptionNames);
    checkNames("deleteCollection", options, deleteOptionNames);
    await this.#call("DELETE", collectionPath(type, selection.namespace), {
      query: listQuery(selection),
      body: deleteBody(options),
      signal: options.signal ?? selection.signal,
    });
  }

  async createSubresource<R extends KubeObject>(
    type: ResourceType<KubeObject>,
    name: ObjectName,
    subresource: string,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<R> {
    checkNames("createSubresource", options, writeOptionNames);
    const { signal } = options;
    const path = objectPath(type, name, subresource);
    return this.#call<R>("POST", path, { query: writeQuery(options), body, signal });
  }

  async raw(pathAndQuery: string, { signal }: CallOptions = {}): Promise<unknown> {
    const question = pathAndQuery.indexOf("?");
    const path = question < 0 ? pathAndQuery : pathAndQuery.slice(0, question);
    const query = new URLSearchParams(question < 0 ? "" : pathAndQuery.slice(question + 1));
    const response = await this.request("GET", path, { query, accept: `${jsonType}, */*`, signal });
    if (response.type === "object") return response.object;
    if (response.type === "bytes") return { text: await readText(response.body, rawLimitBytes) };
    await discard(response);
    throw new TransportError(`GET ${path}: a watch is not read with raw`);
  }

  async stream(
    path: string,
    { signal, query }: CallOptions & { readonly query?: URLSearchParams } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const parts = { accept: "*/*", signal, ...(query === undefined ? {} : { query }) };
    const response = await this.request("GET", path, parts);
    if (response.type === "bytes") return response.body;
    if (response.type === "object")
      return (async function* () {
        yield new TextEncoder().encode(JSON.stringify(response.object));
      })();
    await discard(response);
    throw new TransportError(`GET ${path}: a watch is not read as bytes`);
  }

  /**
   * A request whose answer is one API object. The server's schema for the path is what ties it to T: no check at run
   * time could say more.
   */
  async #call<T>(method: ApiRequest["method"], path: string, parts: RequestParts): Promise<T> {
    const response = await this.request(method, path, parts);
    if (response.type === "object") return response.object as T;
    await discard(response);
    throw new TransportError(`${method} ${path}: the answer is not an API object`);
  }
}

async function sendOnce(
  { transport, userAgent, onWarning }: RestClientOptions,
  method: ApiRequest["method"],
  path: string,
  { query, accept, contentType, body, signal, held }: RequestParts,
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
      ...(held === undefined ? {} : { held }),
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
