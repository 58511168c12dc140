import type { Random } from "../base/random.ts";
import type { ApiRequest, ApiResponse, ResponseHeaders } from "../client/exchange.ts";
import type { ApiServer, RequestContext, Upgrade } from "./api-server.ts";
import { auditIdOf, commonHeaders } from "./common-headers.ts";
import { bytesResponse } from "./non-resource.ts";

/** What browsers are told beside the answers. */
export interface BrowserPolicy {
  /** `--cors-allowed-origins`: pages of an origin in which one of these is found may read the answers. */
  readonly allowedOrigins: readonly RegExp[];
  /** `--strict-transport-security-directives`: how long, and for what, HTTPS is insisted on (RFC 6797). Empty: nothing is said. */
  readonly transportSecurity: readonly string[];
}

const forAllowedOrigins = {
  "access-control-allow-methods": "POST, GET, OPTIONS, PUT, DELETE, PATCH",
  "access-control-allow-headers":
    "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since",
  "access-control-expose-headers": "Date",
  "access-control-allow-credentials": "true",
};

/** On each answer to a page of that origin; undefined: no page asks. */
export function browserHeaders(policy: BrowserPolicy, origin: string | undefined): ResponseHeaders {
  const { transportSecurity } = policy;
  return {
    ...(transportSecurity.length > 0 && { "strict-transport-security": transportSecurity.join("; ") }),
    ...(isAllowed(policy, origin) && { "access-control-allow-origin": origin, ...forAllowedOrigins }),
  };
}

/** A browser asks, before it lets the page ask: that is answered before anybody is asked who they are. */
export function isPreflight(
  policy: BrowserPolicy,
  method: string | undefined,
  origin: string | undefined,
): boolean {
  return method === "OPTIONS" && isAllowed(policy, origin);
}

function isAllowed({ allowedOrigins }: BrowserPolicy, origin = ""): origin is string {
  return origin !== "" && allowedOrigins.some((pattern) => pattern.test(origin));
}

type Asked = Pick<ApiServer, "handle" | "upgrade">;

/** The way into a server for those who come with browsers; it knows neither what is asked nor who asks. */
export function forBrowsers(
  server: Asked,
  policy: BrowserPolicy,
  { random }: { readonly random: Random },
): Asked {
  const told = (response: ApiResponse, headers: ResponseHeaders): ApiResponse => ({
    ...response,
    headers: { ...response.headers, ...headers },
  });
  return {
    async handle(request: ApiRequest, context: RequestContext): Promise<ApiResponse> {
      const { origin } = request.headers;
      const headers = browserHeaders(policy, origin);
      if (!isPreflight(policy, request.method, origin))
        return told(await server.handle(request, context), headers);
      const common = commonHeaders(auditIdOf(request, random));
      return bytesResponse(204, new Uint8Array(), { ...common, ...headers });
    },
    async upgrade(request: ApiRequest, context: RequestContext): Promise<Upgrade> {
      const outcome = await server.upgrade(request, context);
      if (!("refusal" in outcome)) return outcome;
      return { refusal: told(outcome.refusal, browserHeaders(policy, request.headers.origin)) };
    },
  };
}
