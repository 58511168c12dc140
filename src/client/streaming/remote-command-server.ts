import type { RemoteCommandOptions, RunProcess } from "./remote-command.ts";
import { remoteCommandOverSpdy } from "./remote-command-spdy.ts";
import { remoteCommandOverWebSocket } from "./remote-command-websocket.ts";
import { refuseUpgrade, type UpgradeRequest, upgradeKind } from "./upgrade.ts";

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
