import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import type { BackendResponse } from "../connect/backend.ts";

const defaultConnectTimeoutMs = 30_000;

/** Sends a request; resolves with the head of its answer, however late that comes once there is a connection. */
export function answerTo(
  outgoing: ClientRequest,
  body: Uint8Array | undefined,
  { connectTimeoutMs = defaultConnectTimeoutMs }: { readonly connectTimeoutMs?: number } = {},
): Promise<BackendResponse> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => outgoing.destroy(new Error("i/o timeout")), connectTimeoutMs);
    const connected = () => clearTimeout(timer);
    outgoing.once("socket", (socket: Socket) => {
      if (socket.connecting)
        socket.once(outgoing.protocol === "https:" ? "secureConnect" : "connect", connected);
      else connected();
    });
    // Also after the answer has begun: what breaks off then is told by its body.
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    outgoing.once("response", (incoming) => {
      clearTimeout(timer);
      resolve({
        status: incoming.statusCode ?? 502,
        headers: incoming.headers as Readonly<Record<string, string | readonly string[]>>, // those that are there
        body: incoming,
      });
    });
    outgoing.end(body);
  });
}
