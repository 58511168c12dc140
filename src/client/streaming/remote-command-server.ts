import type { ProcessExit, ProcessStreams } from "./byte-stream.ts";
import { remoteCommandOverSpdy } from "./remote-command-spdy.ts";
import { remoteCommandOverWebSocket } from "./remote-command-websocket.ts";
import { refuseUpgrade, type UpgradeRequest, upgradeKind } from "./upgrade.ts";

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

/**
 * Serves one exec or attach in whichever protocol the client speaks: SPDY/3.1 (v2 to v4 of the stream protocol), or a
 * WebSocket (v5, v4, base64, and the ones before). Resolves when the connection is over; never rejects. A request that
 * is no upgrade, or offers nothing known, is answered with 400 or 403.
 */
export async function serveRemoteCommand(
  upgrade: UpgradeRequest,
  options: RemoteCommandOptions,
  run: RunProcess,
): Promise<void> {
  const wanted = { ...options, stderr: options.stderr && !options.tty };
  switch (upgradeKind(upgrade)) {
    case "websocket":
      return remoteCommandOverWebSocket(upgrade, wanted, run);
    case "spdy":
      return remoteCommandOverSpdy(upgrade, wanted, run);
    case "other":
      refuseUpgrade(upgrade, 400, "unable to upgrade: missing upgrade headers in request");
  }
}
