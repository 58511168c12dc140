import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import { ApiError, type Status } from "../../apimachinery/api-error.ts";
import { RemoteCommandError } from "./process-status.ts";
import type { WebSocketWay } from "./websocket-way.ts";

export interface OpenWebSocketOptions extends WebSocketWay {
  /** Subprotocols to offer, best first. */
  readonly protocols: readonly string[];
  readonly signal?: AbortSignal;
}

export interface OpenedWebSocket {
  /** It is paused: resume it once somebody listens. */
  readonly socket: WebSocket;
  /** The one that the server chose; empty: none. */
  readonly protocol: string;
}

const longestRefusalBytes = 16 * 1024;

/**
 * Opens a WebSocket. Rejects with the server's Status as an ApiError when it refuses, with `RemoteCommandError` when something else
 * does, with the connection's own error, or with the signal's reason.
 */
export async function openWebSocket(url: string, options: OpenWebSocketOptions): Promise<OpenedWebSocket> {
  const { protocols, signal, headers, tls } = options;
  signal?.throwIfAborted();
  const { WebSocket } = await import("ws");
  const socket = new WebSocket(url, {
    ...tls,
    // The library takes no names with a slash, which port-forward's has: offered and chosen apart from it.
    headers: { ...headers, "sec-websocket-protocol": protocols.join(", ") },
    perMessageDeflate: false,
  });
  let protocol = "";
  socket.once("upgrade", (response: IncomingMessage) => {
    protocol = response.headers["sec-websocket-protocol"] ?? "";
    delete response.headers["sec-websocket-protocol"];
  });
  const onAbort = () => socket.terminate();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await opened(socket);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  return { socket, protocol };
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("unexpected-response", (_request, response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => {
        if (body.length < longestRefusalBytes) body += chunk.toString();
      });
      response.on("end", () => {
        reject(refusal(body.trim(), response));
        socket.terminate();
      });
    });
    socket.once("open", () => {
      socket.off("error", reject);
      socket.on("error", () => {}); // told as a close
      socket.pause();
      resolve();
    });
  });
}

function refusal(body: string, { statusCode, statusMessage }: IncomingMessage): Error {
  try {
    const status: Partial<Status> = JSON.parse(body);
    if (status.kind === "Status")
      return new ApiError({ ...(status as Status), code: status.code ?? statusCode ?? 500 });
  } catch {
    // No API server's answer.
  }
  return new RemoteCommandError(`unable to upgrade connection: ${body || statusMessage}`);
}
