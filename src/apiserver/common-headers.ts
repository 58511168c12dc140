import type { Random } from "../base/random.ts";
import type { ApiRequest, ApiResponse } from "../client/exchange.ts";
import type { AuditTrail } from "./audit/trail.ts";
import type { Seat } from "./flow-control/seat.ts";
import type { ServedResource } from "./resource-table.ts";
import { warningHeaders } from "./warning-headers.ts";

/** What comes to be known of a request on its way. */
export interface Told {
  /** What it is a request for; undefined: no resource, or none that is served. */
  readonly served: ServedResource | undefined;
  readonly warnings: string[];
  readonly audit: AuditTrail | undefined;
  seat: Seat | undefined;
  /** For its seat. */
  waitedMs: number;
  /** It came to whoever serves it. */
  isHandled: boolean;
}

const auditIdMaxLength = 64;

/** What a request goes by: what the client calls it, or a name of its own. */
export function auditIdOf({ headers }: Pick<ApiRequest, "headers">, random: Random): string {
  return headers["audit-id"]?.slice(0, auditIdMaxLength) ?? random.uuid();
}

export function commonHeaders(auditId: string) {
  return { "audit-id": auditId, "cache-control": "no-cache, private" };
}

/** The answer with what is on every answer: how it can be found again, how it was judged, and what it warns of; and how it is to be laid out. */
export function withCommonHeaders(
  response: ApiResponse,
  auditId: string,
  { warnings, seat, isPretty }: Pick<Told, "seat" | "warnings"> & { readonly isPretty: boolean },
): ApiResponse {
  const headers = {
    ...commonHeaders(auditId),
    ...(seat === undefined ? {} : seat.route.headers),
    ...response.headers,
    ...(warnings.length === 0 ? {} : { warning: warningHeaders(warnings) }),
  };
  return isPretty && response.type === "object"
    ? { ...response, headers, isPretty }
    : { ...response, headers };
}
