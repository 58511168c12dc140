import { ApiError, failure, type Status, type StatusReason } from "../apimachinery/api-error.ts";
import type { ApiResponse, ResponseHeaders } from "./exchange.ts";

/** The longest text of an error body that is kept. */
const errorTextLimitBytes = 2048;

/** The error that a non-2xx answer stands for: its Status, or one made from its code and text. */
export async function errorOf(response: ApiResponse): Promise<ApiError> {
  const retryAfterSeconds = retryAfterSecondsOf(response.headers);
  if (response.type === "object" && isStatus(response.object)) {
    return withRetryAfter(
      new ApiError({ ...response.object, code: response.object.code ?? response.status }),
      retryAfterSeconds,
    );
  }
  const text = response.type === "bytes" ? await readText(response.body, errorTextLimitBytes) : "";
  return withRetryAfter(genericFailure(response.status, text), retryAfterSeconds);
}

/** `Retry-After` in whole seconds; the form that is a date is not used by API servers and is ignored. */
export function retryAfterSecondsOf(headers: ResponseHeaders): number | undefined {
  const value = headers["retry-after"];
  if (typeof value !== "string" || !/^\d{1,9}$/.test(value)) return undefined;
  return Number(value);
}

function isStatus(value: unknown): value is Status {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "Status";
}

/** Reads a body up to a limit; the rest of a longer one is left unread. */
export async function readText(body: AsyncIterable<Uint8Array>, limitBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk.subarray(0, limitBytes - sizeBytes));
    sizeBytes += chunk.length;
    if (sizeBytes >= limitBytes) break;
  }
  const decoder = new TextDecoder();
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
}

const reasonOfCode: Readonly<Record<number, StatusReason>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** What is known when something other than an API server answered: a proxy, a load balancer. */
function genericFailure(code: number, text: string): ApiError {
  const message = text.trim() === "" ? `the server answered with status ${code}` : text.trim();
  return failure(code, reasonOfCode[code] ?? "", message);
}

function withRetryAfter(error: ApiError, retryAfterSeconds: number | undefined): ApiError {
  if (retryAfterSeconds === undefined || error.status.details?.retryAfterSeconds !== undefined) return error;
  return new ApiError({ ...error.status, details: { ...error.status.details, retryAfterSeconds } });
}
