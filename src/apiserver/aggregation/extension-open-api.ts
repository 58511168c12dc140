import { isJsonObject, type JsonObject } from "../../apimachinery/patch/json-value.ts";
import { hexOf } from "../../base/base64.ts";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { bytesResponse, type NonResourceHandler } from "../non-resource.ts";
import { type RequestInfo, withoutTrailingSlashes } from "../request-info.ts";
import type { Aggregator } from "./aggregator.ts";
import type { ExtensionDocument } from "./extension-client.ts";
import { readAll } from "./proxy.ts";
import type { ExtensionRoute } from "./routes.ts";

const json = "application/json";
const maxDocumentBytes = 64 * 1024 * 1024;

/**
 * For the handler of OpenAPI; any other is given back as it is. The OpenAPI of this server and of those behind it in one, while there are any: their versions in the index of version
 * 3, their paths and definitions in version 2. What a server does not answer in time is left out of the answer.
 */
export function extensionOpenApi(aggregator: Aggregator, own: NonResourceHandler): NonResourceHandler {
  if (!own.paths.includes("/openapi/v3")) return own;
  return {
    paths: own.paths,
    handle(request, info) {
      const routes = aggregator.availableRoutes;
      if (routes.length === 0 || !request.path.startsWith("/openapi/v")) return own.handle(request, info);
      return new Merged(aggregator, own, routes).handle(request, info);
    },
  };
}

class Merged {
  readonly #aggregator: Aggregator;
  readonly #own: NonResourceHandler;
  readonly #routes: readonly ExtensionRoute[];

  constructor(aggregator: Aggregator, own: NonResourceHandler, routes: readonly ExtensionRoute[]) {
    this.#aggregator = aggregator;
    this.#own = own;
    this.#routes = routes;
  }

  async handle(request: ApiRequest, info: RequestInfo): Promise<ApiResponse | undefined> {
    const path = withoutTrailingSlashes(request.path);
    if (path === "/openapi/v2") return this.#v2(request, info);
    if (path === "/openapi/v3") return this.#v3Index(request, info);
    const route = this.#routes.find((each) => path === `/openapi/v3/${versionPath(each)}`);
    return route === undefined ? this.#own.handle(request, info) : this.#v3Document(route, request);
  }

  async #v3Document(route: ExtensionRoute, request: ApiRequest): Promise<ApiResponse | undefined> {
    const { query, path, headers, signal } = request;
    const target = query.size === 0 ? path : `${path}?${query}`;
    const found = await this.#aggregator.document(
      route,
      target,
      { accept: headers.accept ?? json },
      { signal },
    );
    return bytesResponse(found.status, found.bytes, {
      "content-type": found.contentType,
      vary: "Accept",
      ...found.caching,
    });
  }

  async #v3Index(request: ApiRequest, info: RequestInfo): Promise<ApiResponse | undefined> {
    const own = await this.#ownDocument(request, info);
    if (own === undefined) return this.#own.handle(request, info);
    const paths = { ...objectOf(own.paths) };
    for (const { route, document } of await this.#documents("/openapi/v3", request)) {
      const entry = objectOf(document.paths)[versionPath(route)];
      if (isJsonObject(entry)) paths[versionPath(route)] = entry;
    }
    return documentAnswer(request, { ...own, paths });
  }

  async #v2(request: ApiRequest, info: RequestInfo): Promise<ApiResponse | undefined> {
    const own = await this.#ownDocument(request, info);
    if (own === undefined) return this.#own.handle(request, info);
    const paths = { ...objectOf(own.paths) };
    const definitions = { ...objectOf(own.definitions) };
    for (const { route, document } of await this.#documents("/openapi/v2", request)) {
      const prefix = `/${versionPath(route)}`;
      for (const [path, item] of Object.entries(objectOf(document.paths)))
        if (path === prefix || path.startsWith(`${prefix}/`)) paths[path] = item;
      // What both have, such as metadata, is this server's.
      for (const [name, schema] of Object.entries(objectOf(document.definitions)))
        if (!Object.hasOwn(definitions, name)) definitions[name] = schema;
    }
    const merged = { ...own, paths, definitions };
    if (wantsJson(request)) return documentAnswer(request, merged);
    const { encodeGnosticV2 } = await import("../openapi/gnostic-v2.ts");
    return bytesAnswer(request, encodeGnosticV2(merged), gnosticV2);
  }

  /** This server's own part. */
  async #ownDocument(request: ApiRequest, info: RequestInfo): Promise<JsonObject | undefined> {
    const { "if-none-match": _known, ...headers } = request.headers;
    const response = await this.#own.handle({ ...request, headers: { ...headers, accept: json } }, info);
    if (response?.type !== "bytes" || response.status !== 200) return undefined;
    return parsed(await readAll(response.body, maxDocumentBytes));
  }

  async #documents(
    path: string,
    { signal }: ApiRequest,
  ): Promise<readonly { readonly route: ExtensionRoute; readonly document: JsonObject }[]> {
    const found = await Promise.all(
      this.#routes.map(async (route) => {
        const answer = await this.#aggregator
          .document(route, path, { accept: json }, { signal })
          .catch((): ExtensionDocument | undefined => undefined);
        const document = answer?.status === 200 ? parsed(answer.bytes) : undefined;
        return document === undefined ? [] : [{ route, document }];
      }),
    );
    return found.flat();
  }
}

const gnosticV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

function wantsJson({ headers }: ApiRequest): boolean {
  return !(headers.accept ?? json).includes("proto-openapi");
}

function versionPath({ group, version }: ExtensionRoute): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function parsed(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function documentAnswer(request: ApiRequest, document: object): Promise<ApiResponse> {
  return bytesAnswer(request, new TextEncoder().encode(JSON.stringify(document)), json);
}

async function bytesAnswer(
  request: ApiRequest,
  bytes: Uint8Array,
  contentType: string,
): Promise<ApiResponse> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
  const etag = `"${hexOf(digest).toUpperCase()}"`;
  const headers = { etag, vary: "Accept" };
  if (request.headers["if-none-match"]?.includes(etag) === true)
    return bytesResponse(304, new Uint8Array(), headers);
  return bytesResponse(200, bytes, { ...headers, "content-type": contentType });
}
