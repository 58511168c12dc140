/**
 * Errors as the API states them: a Status object with a machine-readable reason. Reasons, codes and message forms
 * are those of apimachinery's `api/errors`.
 */
export type StatusReason =
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Gone"
  | "Invalid"
  | "ServerTimeout"
  | "StorageReadError"
  | "Timeout"
  | "TooManyRequests"
  | "BadRequest"
  | "MethodNotAllowed"
  | "NotAcceptable"
  | "RequestEntityTooLarge"
  | "UnsupportedMediaType"
  | "InternalError"
  | "Expired"
  | "ServiceUnavailable"
  | "";

/** One fault of several: which field, and what is wrong with it. */
export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** Which object an error is about, its causes, and how many seconds to wait before the next try. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** What the API answers when there is no object to answer with (`metav1.Status`). */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  readonly code?: number;
}

export interface QualifiedResource {
  readonly group: string;
  readonly resource: string;
}

/** The server refused: thrown by every call of a client, with the answer's Status. `isApiError` tells one by its reason. */
export class ApiError extends Error {
  readonly status: Status;

  constructor(status: Status) {
    super(status.message ?? status.reason ?? "unknown error");
    this.name = "ApiError";
    this.status = status;
  }

  get code(): number {
    return this.status.code ?? 500;
  }

  get reason(): StatusReason {
    return this.status.reason ?? "";
  }
}

export function failure(
  code: number,
  reason: StatusReason,
  message: string,
  details?: StatusDetails,
): ApiError {
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    ...(reason === "" ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  });
}

/** "pods" or "deployments.apps": how messages name a resource. */
function qualifiedName({ group, resource }: QualifiedResource): string {
  return group === "" ? resource : `${resource}.${group}`;
}

function resourceDetails(resource: QualifiedResource, name: string): StatusDetails {
  return {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    ...(resource.resource === "" ? {} : { kind: resource.resource }),
  };
}

export function notFound(resource: QualifiedResource, name: string): ApiError {
  return failure(
    404,
    "NotFound",
    `${qualifiedName(resource)} "${name}" not found`,
    resourceDetails(resource, name),
  );
}

export function alreadyExists(resource: QualifiedResource, name: string): ApiError {
  const message = `${qualifiedName(resource)} "${name}" already exists`;
  return failure(409, "AlreadyExists", message, resourceDetails(resource, name));
}

export function conflict(resource: QualifiedResource, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`;
  return failure(409, "Conflict", message, resourceDetails(resource, name));
}

/** The conflict of a stale resourceVersion, in the words clients match on. */
export function staleObject(resource: QualifiedResource, name: string): ApiError {
  return conflict(
    resource,
    name,
    "the object has been modified; please apply your changes to the latest version and try again",
  );
}

export function forbidden(resource: QualifiedResource, name: string, why: string): ApiError {
  const subject =
    resource.resource === ""
      ? "forbidden"
      : `${qualifiedName(resource)}${name === "" ? "" : ` "${name}"`} is forbidden`;
  return failure(403, "Forbidden", `${subject}: ${why}`, resourceDetails(resource, name));
}

export function badRequest(message: string): ApiError {
  return failure(400, "BadRequest", message);
}

export function unauthorized(message = "Unauthorized"): ApiError {
  return failure(401, "Unauthorized", message);
}

export function tooManyRequests(message: string, retryAfterSeconds: number): ApiError {
  return failure(429, "TooManyRequests", message, { retryAfterSeconds });
}

export function internalError(message: string): ApiError {
  return failure(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
}

/** A resourceVersion that has been compacted away: list again. */
export function expired(message: string): ApiError {
  return failure(410, "Expired", message);
}

export function serviceUnavailable(message: string): ApiError {
  return failure(503, "ServiceUnavailable", message);
}

/** One thing wrong with an object, at a path. */
export interface FieldError {
  readonly type:
    | "FieldValueNotFound"
    | "FieldValueRequired"
    | "FieldValueDuplicate"
    | "FieldValueInvalid"
    | "FieldValueNotSupported"
    | "FieldValueForbidden"
    | "FieldValueTooLong"
    | "FieldValueTooMany"
    | "InternalError"
    | "FieldValueTypeInvalid";
  /** As upstream writes paths: `spec.containers[0].image`, `metadata.labels[a/b]`. */
  readonly field: string;
  /** Without the field: `Invalid value: "x": must be …`. */
  readonly message: string;
}

/** What is wrong with several fields as one text, each fault said once. */
export function sentenceOf(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}

/** 422 with every field error as a cause. `kind` is the Kind ("Pod"), not the plural. */
export function invalid(
  gk: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const kind = gk.group === "" ? gk.kind : `${gk.kind}.${gk.group}`;
  return failure(422, "Invalid", `${kind} "${name}" is invalid: ${sentenceOf(errors)}`, {
    ...(name === "" ? {} : { name }),
    ...(gk.group === "" ? {} : { group: gk.group }),
    ...(gk.kind === "" ? {} : { kind: gk.kind }),
    causes: errors.map(({ type, message, field }) => ({ reason: type, message, field })),
  });
}

/** Whether this is an ApiError, and of this reason where one is given. Reason "" is an error that names none. */
export function isApiError(error: unknown, reason?: StatusReason): error is ApiError {
  return error instanceof ApiError && (reason === undefined || error.reason === reason);
}
