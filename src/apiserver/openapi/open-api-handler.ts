import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { clausesOf, meets } from "../content/accept.ts";
import { bytesResponse, type NonResourceHandler } from "../non-resource.ts";
import type { OpenApi, OpenApiDocument } from "./open-api.ts";

const json = "application/json";
const gnosticV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/** Clients of old ask with an @, which is not allowed in a media type. */
const gnosticV2Deprecated = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const gnosticV3 = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
const gnosticV3Deprecated = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf";
const v2Path = "/openapi/v2";
const v3Root = "/openapi/v3";

/**
 * Serves `/openapi/v2` and `/openapi/v3`. `load` is called with the first request, so that a server which nobody asks
 * need not even load the code: `async () => (await import("./open-api.ts")).createOpenApi(…)`.
 */
export function openApiHandler(load: () => Promise<OpenApi>, now: () => number): NonResourceHandler {
  let loaded: Promise<OpenApi> | undefined;
  return {
    paths: [v2Path, v3Root, `${v3Root}/`],
    handle(request) {
      if (request.path !== v2Path && request.path !== v3Root && !request.path.startsWith(`${v3Root}/`))
        return undefined;
      loaded ??= load();
      return loaded.then((openApi) => serve(openApi, request, now()));
    },
  };
}

/** One form of a document: what the client may call it, and what it is sent as. */
interface Form {
  readonly accepted: readonly string[];
  readonly contentType: string;
  readonly document: () => Promise<OpenApiDocument | undefined>;
}

async function serve(openApi: OpenApi, request: ApiRequest, nowMs: number): Promise<ApiResponse> {
  const { path } = request;
  if (path === v3Root)
    return answer(request, await openApi.v3Index(), { "content-type": "text/plain; charset=utf-8" });
  if (path !== v2Path) return serveV3(openApi, request, nowMs);
  const binary = { accepted: [gnosticV2Deprecated, gnosticV2], contentType: gnosticV2 };
  const form = acceptedForm(request, [
    { accepted: [json], contentType: json, document: () => openApi.v2Json() },
    { ...binary, document: () => openApi.v2Protobuf() },
  ]);
  const document = await form?.document();
  if (form === undefined || document === undefined) return notAcceptable();
  return answer(request, document, { vary: "Accept-Encoding, Accept", "content-type": form.contentType });
}

async function serveV3(openApi: OpenApi, request: ApiRequest, nowMs: number): Promise<ApiResponse> {
  const group = request.path.slice(v3Root.length + 1);
  const binary = { accepted: [gnosticV3, gnosticV3Deprecated], contentType: gnosticV3 };
  const form = acceptedForm(request, [
    { accepted: [json], contentType: json, document: () => openApi.v3Document(group) },
    { ...binary, document: () => openApi.v3Protobuf(group) },
  ]);
  if (form === undefined) return notAcceptable();
  const document = await form.document();
  if (document === undefined) return bytesResponse(404, new Uint8Array(), {});
  const headers = { vary: "Accept", "content-type": form.contentType, etag: quoted(document) };
  const hash = request.query.get("hash") ?? "";
  if (hash === "") return answer(request, document, headers);
  if (hash !== document.etag)
    return bytesResponse(301, new Uint8Array(), {
      ...headers,
      location: `${v3Root}/${group}?hash=${document.etag}`,
    });
  // The hash is part of the address, so what is behind it never changes.
  return answer(request, document, {
    ...headers,
    "cache-control": "public, immutable",
    expires: aYearLater(nowMs),
  });
}

/** In the form of RFC 1123, with the name of the zone that Go gives: UTC. */
function aYearLater(nowMs: number): string {
  const date = new Date(nowMs);
  date.setUTCFullYear(date.getUTCFullYear() + 1);
  return date.toUTCString().replace("GMT", "UTC");
}

function quoted({ etag }: OpenApiDocument): string {
  return `"${etag}"`;
}

function answer(
  request: ApiRequest,
  document: OpenApiDocument,
  headers: Readonly<Record<string, string>>,
): ApiResponse {
  const etag = quoted(document);
  const { "content-type": _type, ...unchanged } = headers;
  const known = request.headers["if-none-match"] ?? "";
  if (known.trim() === "*" || known.includes(etag))
    return bytesResponse(304, new Uint8Array(), { ...unchanged, etag });
  return bytesResponse(200, document.bytes, { ...headers, etag });
}

function notAcceptable(): ApiResponse {
  return bytesResponse(406, new Uint8Array(), { vary: "Accept" });
}

/** The form that the client likes best; the first of several that it likes as much. */
function acceptedForm({ headers: { accept } }: ApiRequest, forms: readonly Form[]): Form | undefined {
  for (const clause of clausesOf(accept === undefined || accept === "" ? "*/*" : accept))
    for (const form of forms) if (form.accepted.some((type) => meets(clause, type))) return form;
  return undefined;
}
