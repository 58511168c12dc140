import type { IncomingMessage } from "node:http";
import type { WebSocket, WebSocketServer } from "ws";
import { refuseUpgrade, type UpgradeRequest } from "./upgrade.ts";

/** Larger than any client's writes; a message is held whole. */
const largestMessageBytes = 16 * 1024 * 1024;
const closeTimeoutMs = 5000;
/** More than any writer leaves unsent. */
const mostUnsentBytes = 1024 * 1024;

/**
 * Makes a WebSocket of an upgrade request with the subprotocol that `choose` picks from those offered; refuses it, as
 * upstream does, when that is none: resolves to undefined then. It is paused: resume it once its listeners are there.
 */
export async function acceptWebSocket(
  upgrade: UpgradeRequest,
  choose: (offered: readonly string[]) => string | undefined,
): Promise<WebSocket | undefined> {
  const offered = (upgrade.request.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const chosen = choose(offered);
  if (chosen === undefined) {
    refuseUpgrade(upgrade, 403, `none of the subprotocols is supported: ${offered.join(", ")}`);
    return undefined;
  }
  const { WebSocketServer } = await import("ws");
  const server: WebSocketServer = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: largestMessageBytes,
  });
  const { socket, head } = upgrade;
  // The library refuses names with a slash, and kubectl's tunnel has one: it is left out of that negotiation.
  const { "sec-websocket-protocol": _, ...headers } = upgrade.request.headers;
  const request: IncomingMessage = Object.create(upgrade.request, { headers: { value: headers } });
  server.on("headers", (lines) => {
    if (chosen !== "") lines.push(`Sec-WebSocket-Protocol: ${chosen}`);
  });
  return new Promise((resolve) => {
    // A handshake that fails is answered by the library, and its socket closed.
    socket.once("close", () => resolve(undefined));
    server.handleUpgrade(request, socket, head, (accepted) => {
      accepted.on("error", () => {}); // told as a close
      accepted.pause();
      accepted.on("ping", (said) => {
        // One who asks without reading the answers gets no more of them: they would pile up here.
        if (accepted.bufferedAmount < mostUnsentBytes) accepted.pong(said);
      });
      resolve(accepted);
    });
  });
}

/** Closes with the goodbye that the client expects, and resolves when it is gone. */
export function closeWebSocket(socket: WebSocket): Promise<void> {
  if (socket.readyState === socket.CLOSED) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.terminate(), closeTimeoutMs);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.close(1000);
    socket.resume(); // the client's answer must be read
  });
}
