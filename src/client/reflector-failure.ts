import { ApiError } from "../apimachinery/api-error.ts";

/** What a failed list or watch means for the reflector. */
export interface ReflectorFailure {
  readonly kind: ReflectorFailureKind;
  /** The server's own wish; 0: none. */
  readonly retryAfterMs: number;
  readonly message: string;
}

export type ReflectorFailureKind =
  /** The version or the continue token is no longer in the server's history: list again. */
  | "expired"
  /** The server has never seen the version (restored from a backup, another server): list what it has. */
  | "futureVersion"
  /** The request itself is not understood: asking the same again will not help. */
  | "refused"
  /** Another answer with an error: busy, forbidden for now, internal. */
  | "server"
  /** No answer, or a stream cut short. */
  | "connection";

export function classifyFailure(error: unknown): ReflectorFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ApiError)) return { kind: "connection", retryAfterMs: 0, message };
  const retryAfterMs = (error.status.details?.retryAfterSeconds ?? 0) * 1000;
  return { kind: kindOf(error), retryAfterMs, message };
}

function kindOf(error: ApiError): ReflectorFailureKind {
  if (error.reason === "Expired" || error.reason === "Gone" || error.code === 410) return "expired";
  if (isFutureVersion(error)) return "futureVersion";
  if ([400, 405, 406, 415, 422, 501].includes(error.code)) return "refused";
  return "server";
}

/** A Timeout whose cause says so; servers before 1.17 said it only in the message. */
function isFutureVersion(error: ApiError): boolean {
  const { details } = error.status;
  return (
    details?.causes?.some(({ reason }) => reason === "ResourceVersionTooLarge") === true ||
    (error.code === 504 && error.message.startsWith("Too large resource version"))
  );
}
