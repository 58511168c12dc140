import { parseDuration } from "../apimachinery/protobuf/duration.ts";

/** What a request that does not stream may take (`--request-timeout`). */
export const maxTimeoutMs = 60_000;

/**
 * What `?timeout=` asks for, in milliseconds; undefined: nothing, or 0, which asks for the server's own limit. An Error
 * says why the text is no duration.
 */
export function requestedTimeoutMs(query: URLSearchParams): number | undefined | Error {
  if (query.size === 0) return undefined;
  const text = query.get("timeout") ?? "";
  if (text === "") return undefined;
  try {
    const nanoseconds = parseDuration(text);
    return nanoseconds > 0 ? nanoseconds / 1e6 : undefined;
  } catch {
    const problem = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? "missing unit in" : "invalid";
    return new Error(
      `invalid timeout specified in the request URL - time: ${problem} duration ${JSON.stringify(text)}`,
    );
  }
}
