import type { ProcessExit, ProcessStreams } from "./byte-stream.ts";

/** Which streams the request asked for. With a terminal there is no stderr, asked for or not. */
export interface RemoteCommandOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/**
 * Runs or joins the process on the given streams; resolves when it has ended (without an exit for an attach). The signal
 * aborts when the client is gone. A rejection is told to the client as the failure to run.
 */
export type RunProcess = (
  streams: ProcessStreams,
  options: { readonly signal: AbortSignal },
  // biome-ignore lint/suspicious/noConfusingVoidType: an attach ends without saying how
) => Promise<ProcessExit | void>;
