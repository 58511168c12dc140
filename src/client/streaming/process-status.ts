import type { ProcessExit } from "./byte-stream.ts";

/** A process ended, or could not be run, as the error channel tells it: a `Status` in JSON. */

/** The run failed for a reason that is not the process's own exit. */
export class RemoteCommandError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RemoteCommandError";
  }
}

/** The part of a `Status` that the error channel carries. */
export interface ProcessStatus {
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly metadata?: object;
  readonly code?: number;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

export function exitStatus({ exitCode }: ProcessExit): ProcessStatus {
  if (exitCode === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}

export function failureStatus(error: unknown): ProcessStatus {
  const message = error instanceof Error ? error.message : String(error);
  return {
    metadata: {},
    status: "Failure",
    message: `Internal error occurred: ${message}`,
    reason: "InternalError",
    details: { causes: [{ message }] },
    code: 500,
  };
}

/** Reads what the error channel said; nothing at all means success. Throws `RemoteCommandError` for a failure to run. */
export function readExitStatus(text: string): ProcessExit {
  if (text === "") return { exitCode: 0 };
  let status: ProcessStatus;
  try {
    status = JSON.parse(text);
  } catch {
    throw new RemoteCommandError(text); // protocols before v4 tell an error as plain text
  }
  if (status.status === "Success") return { exitCode: 0 };
  const cause = status.details?.causes?.find(({ reason }) => reason === "ExitCode");
  const exitCode = Number(cause?.message);
  if (status.reason === "NonZeroExitCode" && Number.isInteger(exitCode)) return { exitCode };
  throw new RemoteCommandError(status.message ?? "the command could not be run");
}
