import { type ApiError, isApiError } from "../../apimachinery/api-error.ts";

/** Whether a create failed because its namespace is being deleted. */
export function isNamespaceTerminating(error: unknown): error is ApiError {
  return (
    isApiError(error, "Forbidden") &&
    (error.status.details?.causes ?? []).some(({ reason }) => reason === "NamespaceTerminating")
  );
}
