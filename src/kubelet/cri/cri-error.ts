/** gRPC's status codes by their names, without OK. */
export type CriErrorCode =
  | "Cancelled"
  | "Unknown"
  | "InvalidArgument"
  | "DeadlineExceeded"
  | "NotFound"
  | "AlreadyExists"
  | "PermissionDenied"
  | "ResourceExhausted"
  | "FailedPrecondition"
  | "Aborted"
  | "OutOfRange"
  | "Unimplemented"
  | "Internal"
  | "Unavailable"
  | "DataLoss"
  | "Unauthenticated";

/** How every call to a container runtime fails. `message` is the runtime's own. */
export class CriError extends Error {
  readonly code: CriErrorCode;

  constructor(code: CriErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CriError";
    this.code = code;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof CriError && error.code === "NotFound";
}

/** The waiting reasons a failed pull gives a container, as upstream's kubelet names them. */
export type ImagePullReason =
  | "ErrImagePull"
  | "InvalidImageName"
  | "RegistryUnavailable"
  | "SignatureValidationFailed";

/** A failed pull: `reason` becomes the container's waiting reason, `message` its message. */
export class ImagePullError extends CriError {
  readonly reason: ImagePullReason;

  constructor(reason: ImagePullReason, code: CriErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.name = "ImagePullError";
    this.reason = reason;
  }
}
