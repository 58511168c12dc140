import { type ApiError, failure } from "../api-error.ts";

/** A patch that is well formed but does not apply: 422. As upstream, it tells the client no reason; `cause` has it. */
export function unprocessable(why: string): ApiError {
  const error = failure(422, "Invalid", "the server rejected our request due to an error in our request", {});
  error.cause = why;
  return error;
}

/** Reasons quote the patch, however long it is. */
const maxMessageLength = 10_000;

/** A strategic merge patch that does not fit what it is merged into. Upstream has no status for it but 500. */
export function unmergeable(why: string): ApiError {
  return failure(500, "", why.slice(0, maxMessageLength));
}
