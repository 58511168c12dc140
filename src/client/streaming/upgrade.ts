import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { http } from "../transport/node-http.ts";

/** An HTTP/1.1 request to speak something else on its connection, as node:http's "upgrade" event gives it. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came after the request's head already. */
  readonly head: Buffer;
}

export function upgradeKind({ request }: UpgradeRequest): "websocket" | "spdy" | "other" {
  const wanted = (request.headers.upgrade ?? "").toLowerCase();
  if (wanted === "websocket") return "websocket";
  return wanted === "spdy/3.1" ? "spdy" : "other";
}

/** How long a client that was refused may take to close its side. */
const lingerMs = 5000;

/** Answers with plain text instead of upgrading, and closes the connection. */
export function refuseUpgrade(
  { socket }: UpgradeRequest,
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  socket.on("error", () => {}); // the client may be gone
  const body = `${message}\n`;
  const lines = Object.entries({
    ...headers,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(body)),
    Connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${body}`);
  // What it still sends is dropped, since closing on it could cut the answer off; but it cannot keep the connection.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("end", () => socket.destroy());
  socket.once("close", () => clearTimeout(timer));
}

/** Says yes to SPDY/3.1, with the stream protocol that was chosen. */
export function acceptSpdy({ socket }: UpgradeRequest, streamProtocol: string): void {
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n" +
      `X-Stream-Protocol-Version: ${streamProtocol}\r\n\r\n`,
  );
}

/** The stream protocols that a SPDY client offers, best first. */
export function offeredStreamProtocols({ request }: UpgradeRequest): string[] {
  const offered = request.headersDistinct["x-stream-protocol-version"] ?? [];
  return offered.flatMap((line) => line.split(",")).map((name) => name.trim());
}
