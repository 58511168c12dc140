import type { ApiRequest, ApiResponse } from "../client/exchange.ts";
import type { RequestInfo } from "./request-info.ts";
import { methodNotAllowed } from "./router-refusals.ts";
import type { DocumentHandler } from "./stages.ts";

/** Serves paths that are not resources: discovery, health, metrics, OpenAPI. */
export interface NonResourceHandler {
  /** For the index at "/". */
  readonly paths: readonly string[];
  /** Undefined: not one of its paths. */
  handle(request: ApiRequest, info: RequestInfo): Promise<ApiResponse | undefined> | ApiResponse | undefined;
}

const encoder = new TextEncoder();

/** An answer of plain text. */
export function textResponse(
  status: number,
  text: string,
  contentType = "text/plain; charset=utf-8",
): ApiResponse {
  return bytesResponse(status, encoder.encode(text), { "content-type": contentType });
}

/** What Go's HTTP library answers where nothing knows the path. */
export function pageNotFound(): ApiResponse {
  return plainPage(404, "404 page not found\n");
}

/** Text as Go's HTTP library writes errors: no browser is to take it for anything else. */
export function plainPage(status: number, text: string): ApiResponse {
  return unsniffed(textResponse(status, text));
}

/** The answer with the word that browsers are to believe its type. */
export function unsniffed(response: ApiResponse): ApiResponse {
  return { ...response, headers: { ...response.headers, "x-content-type-options": "nosniff" } };
}

export function bytesResponse(
  status: number,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
): ApiResponse {
  return { type: "bytes", status, headers, body: once(bytes) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** A JSON document at a path of its own. */
export function documentHandler(handler: DocumentHandler): NonResourceHandler {
  const { path, contentType, cacheControl, document } = handler;
  const headers = {
    "content-type": contentType,
    ...(cacheControl === undefined ? {} : { "cache-control": cacheControl }),
  };
  return {
    paths: [path],
    handle(request) {
      if (request.path !== path) return undefined;
      if (request.method !== "GET") throw methodNotAllowed();
      return bytesResponse(200, encoder.encode(JSON.stringify(document())), headers);
    },
  };
}
