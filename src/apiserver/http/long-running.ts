import type { ApiRequest } from "../../client/exchange.ts";
import { isTrue } from "../request-info.ts";

const streamingSubresources = /\/(log|exec|attach|portforward|proxy)(\/|$)/;

/** Requests that may last: watches, streams and proxies. All others must be answered within the request timeout. */
export function isLongRunning(request: Pick<ApiRequest, "path" | "query">): boolean {
  if (request.query.size > 0 && isTrue(request.query.get("watch"))) return true;
  if (streamingSubresources.test(request.path)) return true;
  if (request.path.startsWith("/debug/pprof/")) return true;
  return /^\/apis?\/([^/]+\/)?[^/]+\/watch\//.test(request.path);
}
