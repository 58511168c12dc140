import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { Duplex } from "node:stream";

/** How long what a client still sends is thrown away, so that it finds the time to read why nobody wants it. */
const lingerMs = 500;

/** Ends a connection when its answer is out: the rest of the request's body is not wanted. */
export function leaveUnread(message: IncomingMessage, response: ServerResponse): void {
  const { socket } = message;
  response.once("finish", () => {
    // Closed at once, with bytes unread, the connection would be reset and the answer lost on its way.
    message.resume();
    socket.end();
    destroySoon(socket);
  });
}

/** The answer to what is no HTTP, or too much of it. */
export function refuseBytes(errorCode: string | undefined, socket: Duplex): void {
  // Whatever comes after it is a fault again.
  if (refused.has(socket)) return;
  refused.add(socket);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const status = statuses[errorCode ?? ""] ?? "400 Bad Request";
  socket.resume();
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
  destroySoon(socket);
}

const refused = new WeakSet<Duplex>();

const statuses: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

function destroySoon(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}

/** The same for one stream of many. */
export function leaveStreamUnread(stream: ServerHttp2Stream): void {
  stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
}
