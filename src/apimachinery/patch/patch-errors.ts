import { type ApiError, failure } from "../api-error.ts";

/** A patch that is well formed but does not apply: 422, with the reason after upstream's sentence. */
export function unprocessable(why: string): ApiError {
  const message = "the server rejected our request due to an error in our request";
  // No causes: kubectl would print them with an empty field instead of the message.
  return failure(422, "Invalid", `${message}: ${why}`);
}
