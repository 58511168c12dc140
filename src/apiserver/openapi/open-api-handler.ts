import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { bytesResponse, type NonResourceHandler, textResponse } from "../non-resource.ts";
import type { OpenApi, OpenApiDocument } from "./open-api.ts";

const json = "application/json";
const gnosticV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/** Clients of old ask with an @, which is not allowed in a media type. */
const gnosticV2Deprecated = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const gnosticV3 = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
const gnosticV3Deprecated = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf";
const v3Root = "/openapi/v3";

/**
 * Serves `/openapi/v2` and `/openapi/v3`. `load` is called with the first request, so that a server which nobody asks
 * need not even load the code: `async () => (await import("./open-api.ts")).createOpenApi(…)`.
 */
export function openApiHandler(load: () => Promise<OpenApi>): NonResourceHandler {
  let loaded: Promise<OpenApi> | undefined;
  return {
    paths: ["/openapi/v2", v3Root],
    handle(request) {
      if (request.path !== "/openapi/v2" && request.path !== v3Root && !request.path.startsWith(`${v3Root}/`))
        return undefined;
      loaded ??= load();
      return loaded.then((openApi) => serve(openApi, request));
    },
  };
}

async function serve(openApi: OpenApi, request: ApiRequest): Promise<ApiResponse> {
  if (request.path === "/openapi/v2") return serveV2(openApi, request);
  if (request.path === v3Root || request.path === `${v3Root}/`)
    return answer(request, await openApi.v3Index(), json, {});
  return serveV3(openApi, request);
}

async function serveV2(openApi: OpenApi, request: ApiRequest): Promise<ApiResponse> {
  switch (firstAccepted(request, [json, gnosticV2Deprecated, gnosticV2])) {
    case json:
      return answer(request, await openApi.v2Json(), json, {});
    case gnosticV2:
    case gnosticV2Deprecated:
      return answer(request, await openApi.v2Protobuf(), gnosticV2, {});
    default:
      return notAcceptable();
  }
}

async function serveV3(openApi: OpenApi, request: ApiRequest): Promise<ApiResponse> {
  const path = request.path.slice(v3Root.length + 1);
  const accepted = firstAccepted(request, [json, gnosticV3Deprecated, gnosticV3]);
  const isJson = accepted === undefined || accepted === json;
  const document = await (isJson ? openApi.v3Document(path) : openApi.v3Protobuf(path));
  if (document === undefined) return textResponse(404, "404 page not found\n");
  if (accepted === undefined) return notAcceptable();
  const type = isJson ? json : gnosticV3;
  const hash = request.query.get("hash");
  if (hash === null || hash === "") return answer(request, document, type, {});
  if (hash !== document.etag)
    return bytesResponse(301, new Uint8Array(), { location: `${request.path}?hash=${document.etag}` });
  // The hash is part of the address, so what is behind it never changes.
  return answer(request, document, type, { "cache-control": "public, immutable, max-age=31536000" });
}

function answer(
  request: ApiRequest,
  { bytes, etag }: OpenApiDocument,
  contentType: string,
  headers: Readonly<Record<string, string>>,
): ApiResponse {
  const all = { ...headers, etag: `"${etag}"`, vary: "Accept" };
  if (request.headers["if-none-match"]?.includes(`"${etag}"`) === true)
    return bytesResponse(304, new Uint8Array(), all);
  return bytesResponse(200, bytes, { ...all, "content-type": contentType });
}

function notAcceptable(): ApiResponse {
  return textResponse(406, "406 not acceptable\n");
}

/** The first of the client's media types that is offered; the offer's first for a client that takes anything. */
function firstAccepted(request: ApiRequest, offered: readonly string[]): string | undefined {
  const accept = request.headers.accept ?? "*/*";
  for (const clause of accept === "" ? ["*/*"] : accept.split(",")) {
    const type = clause.split(";", 1)[0]?.trim().toLowerCase() ?? "";
    const found = offered.find((each) => each === type || type === "*/*" || type === "application/*");
    if (found !== undefined) return found;
  }
  return undefined;
}
