import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { frameOf } from "../cache/cache-event.ts";
import { isTrue } from "../request-info.ts";

const binaryProtocol = "binary.k8s.io";
const base64Protocol = "base64.binary.k8s.io";
const protocols = [binaryProtocol, base64Protocol];

/** Answers that stream may come over a WebSocket, too: logs and watches. */
export function streamsOverWebSocket(request: ApiRequest): boolean {
  if (request.headers.upgrade?.toLowerCase() !== "websocket") return false;
  return /\/pods\/[^/]+\/log\/?$/.test(request.path) || isTrue(request.query.get("watch"));
}

/** Sends a streaming answer as messages: pieces of a log, events of a watch. */
export async function streamOverWebSocket(
  upgrade: { readonly message: IncomingMessage; readonly client: Duplex; readonly head: Buffer },
  response: ApiResponse & { readonly type: "bytes" | "watch" },
): Promise<void> {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({
    noServer: true,
    // What the client sends is not read: it has nothing to say.
    maxPayload: 1024,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  });
  const socket = await new Promise<InstanceType<typeof import("ws").WebSocket>>((resolve) => {
    server.handleUpgrade(upgrade.message, upgrade.client, upgrade.head, resolve);
  });
  socket.on("error", () => socket.terminate());
  const send = (data: Uint8Array) =>
    new Promise<void>((resolve) => {
      const asText = socket.protocol === base64Protocol;
      socket.send(
        asText ? Buffer.from(data).toString("base64") : data,
        { binary: !asText && socket.protocol === binaryProtocol },
        () => resolve(),
      );
    });
  const pieces = response.type === "watch" ? framesOf(response.events) : response.body;
  for await (const piece of pieces) {
    if (socket.readyState !== socket.OPEN) break;
    // Resolves when it is written: a slow client holds up its own stream alone.
    await send(piece);
  }
  socket.close(1000);
}

async function* framesOf(
  events: (ApiResponse & { readonly type: "watch" })["events"],
): AsyncGenerator<Uint8Array> {
  for await (const batch of events) for (const event of batch) yield frameOf(event);
}
