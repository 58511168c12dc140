import type { KubeObject } from "../apimachinery/meta.ts";
import type { HeldObjects } from "../apimachinery/protobuf/older-versions.ts";

/**
 * One request to a Kubernetes API and its answer, apart from any wire: what the client's transports send and what the
 * API server's handler takes. In one process the transport hands these records straight to the handler, so that an
 * object is never turned into JSON between them; over HTTP the edges translate.
 */

/** Who asks, as the API server's authenticators found out (`authentication.k8s.io` UserInfo). */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The methods that a Kubernetes API knows. */
export type HttpMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";

/** One request, whatever carries it: what a `Transport` sends. */
export interface ApiRequest {
  /** A `HttpMethod`; what else a client may send is refused with 405 by whoever serves the path. */
  readonly method: string;
  /** The path without the query, percent-decoded a segment at a time: "/api/v1/namespaces/default/pods". */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body?: RequestBody;
  /** What the caller holds: over a wire the answer's objects share with their older versions what has not changed. */
  readonly held?: HeldObjects | undefined;
  /** Aborted when the client goes away or the caller gives up. */
  readonly signal: AbortSignal;
}

/** Already decoded (in process; must never change afterwards), or bytes of the request's content-type. */
export type RequestBody = { readonly object: unknown } | { readonly bytes: Uint8Array };

/** What a watch says of an object. A BOOKMARK tells only how far the watch has come; an ERROR ends it. */
export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** `object` is a Status for ERROR; a bookmark's object carries only kind, apiVersion and metadata.resourceVersion. */
export interface WatchEvent<T = KubeObject> {
  readonly type: WatchEventType;
  readonly object: T;
  /** The object's (`objectKey`), where a transport has found it in passing. */
  readonly key?: string;
}

/**
 * Answers as the client sees them. A non-2xx answer from an API server arrives as `object` with a Status; whoever wants
 * it as an exception uses the REST client, which throws ApiError.
 */
export type ApiResponse =
  | {
      readonly type: "object";
      readonly status: number;
      readonly headers: ResponseHeaders;
      readonly object: unknown;
      /** JSON of it is for people: with line breaks, indented. */
      readonly isPretty?: boolean;
      /** It is a list whose items leave out their kind and version, as built-in kinds' do wherever it is encoded. */
      readonly plainItems?: boolean;
    }
  | {
      readonly type: "watch";
      readonly status: 200;
      readonly headers: ResponseHeaders;
      /** Batches as they arrive; ends when the server closes the watch or the request's signal aborts. */
      readonly events: AsyncIterable<readonly WatchEvent[]>;
    }
  | {
      /** Anything that is not an API object: logs, metrics, health checks, OpenAPI documents. */
      readonly type: "bytes";
      readonly status: number;
      readonly headers: ResponseHeaders;
      readonly body: AsyncIterable<Uint8Array>;
    };

/** Names in lower case; `warning` may repeat. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[]>>;

/** How a client reaches an API server: HTTPS, or the handler in the same process. */
export interface Transport {
  /** Rejects only when no answer could be had (connection refused, reset, timed out, aborted). */
  send(request: ApiRequest): Promise<ApiResponse>;
  close(): Promise<void>;
}
