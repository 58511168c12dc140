import type { Duplex } from "node:stream";
import type { ClientOptions, WebSocket } from "ws";
import { closeWebSocket } from "./accept-websocket.ts";
import { pauseWhileFull, sendMessage } from "./byte-channel.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { ByteSource, ProcessExit, ProcessStreams } from "./byte-stream.ts";
import {
  type ChannelProtocol,
  channels,
  decodeMessage,
  encodeMessage,
  encodeSize,
  remoteCommandProtocols,
} from "./channel-protocol.ts";
import { copy, readText } from "./copy.ts";
import { RemoteCommandError, readExitStatus } from "./process-status.ts";

export interface RunOverWebSocketOptions {
  readonly tty: boolean;
  readonly streams: ProcessStreams;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** How the connection is made. */
  readonly tls?: Pick<ClientOptions, "ca" | "cert" | "key" | "rejectUnauthorized"> & {
    readonly servername?: string;
    readonly createConnection?: () => Duplex;
  };
  readonly signal?: AbortSignal;
  /** Subprotocols to offer, best first. Default: v5, then v4 (which cannot tell the end of stdin). */
  readonly protocols?: readonly string[];
}

const outputBufferBytes = 256 * 1024;
const longestRefusalBytes = 4096;

/**
 * Runs the command behind an exec or attach URL ("wss://…/exec?command=…") on the caller's streams, over a WebSocket.
 * Resolves with its exit code after all output has been written; rejects with `RemoteCommandError` when it could not be
 * run, or with the signal's reason.
 */
export async function runOverWebSocket(url: string, options: RunOverWebSocketOptions): Promise<ProcessExit> {
  const { streams, tty, signal } = options;
  signal?.throwIfAborted();
  const socket = await connect(url, options);
  const onAbort = () => socket.terminate();
  signal?.addEventListener("abort", onAbort, { once: true });
  const protocol = remoteCommandProtocols.find(({ name }) => name === socket.protocol);
  try {
    signal?.throwIfAborted();
    if (protocol === undefined) throw new RemoteCommandError(`the server chose ${socket.protocol}`);
    const incoming = receive(socket, protocol);
    socket.resume();
    const drain = async (source: ByteSource) => {
      for await (const _ of source); // not asked for
    };
    const output = Promise.all([
      streams.stdout ? copy(incoming.stdout, streams.stdout) : drain(incoming.stdout),
      streams.stderr && !tty ? copy(incoming.stderr, streams.stderr) : drain(incoming.stderr),
      readText(incoming.error),
    ]);
    // These end when the process does, or when the caller's side does: nobody waits for them.
    if (streams.stdin) sendInput(socket, protocol, streams.stdin).catch(() => {});
    if (streams.resize && tty) sendSizes(socket, protocol, streams.resize).catch(() => {});
    const [, , status] = await output;
    return readExitStatus(status);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await closeWebSocket(socket);
    signal?.throwIfAborted();
  }
}

async function connect(url: string, options: RunOverWebSocketOptions): Promise<WebSocket> {
  const { WebSocket } = await import("ws");
  const offered = [...(options.protocols ?? ["v5.channel.k8s.io", "v4.channel.k8s.io"])];
  const socket = new WebSocket(url, offered, {
    ...options.tls,
    ...(options.headers && { headers: { ...options.headers } }),
    perMessageDeflate: false,
  });
  const { signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const onAbort = () => {
    socket.terminate();
    reject(signal?.reason);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  socket.once("error", reject);
  socket.once("unexpected-response", (_request, response) => {
    let body = "";
    response.on("data", (chunk: Buffer) => {
      if (body.length < longestRefusalBytes) body += chunk.toString();
    });
    response.on("error", reject);
    response.on("end", () => {
      reject(
        new RemoteCommandError(`unable to upgrade connection: ${body.trim() || response.statusMessage}`),
      );
      socket.terminate();
    });
  });
  socket.once("open", () => {
    socket.off("error", reject);
    socket.on("error", () => {}); // told as a close
    socket.pause(); // until somebody listens
    resolve(socket);
  });
  return promise.finally(() => signal?.removeEventListener("abort", onAbort));
}

function receive(socket: WebSocket, protocol: ChannelProtocol) {
  const queue = () => new ByteQueue({ limitBytes: outputBufferBytes });
  const incoming = { stdout: queue(), stderr: queue(), error: queue() };
  const byChannel = [undefined, incoming.stdout, incoming.stderr, incoming.error];
  socket.on("message", (message: Buffer) => {
    const received = decodeMessage(protocol, message);
    const target = received === undefined ? undefined : byChannel[received.channel];
    if (received === undefined || target === undefined) return;
    target.push(received.data);
    pauseWhileFull(socket, target);
  });
  socket.on("close", (code) => {
    // 1000 is the server's goodbye; anything else cut the process's output off.
    const lost = code === 1000 ? undefined : new RemoteCommandError(`the connection was lost (code ${code})`);
    for (const each of Object.values(incoming)) lost === undefined ? each.end() : each.fail(lost);
  });
  return incoming;
}

async function sendInput(socket: WebSocket, protocol: ChannelProtocol, source: ByteSource): Promise<void> {
  for await (const chunk of source) await sendMessage(socket, encodeMessage(protocol, channels.stdin, chunk));
  if (protocol.closeChannel)
    await sendMessage(socket, encodeMessage(protocol, channels.close, Uint8Array.of(channels.stdin)));
}

async function sendSizes(
  socket: WebSocket,
  protocol: ChannelProtocol,
  sizes: NonNullable<ProcessStreams["resize"]>,
): Promise<void> {
  for await (const size of sizes)
    await sendMessage(socket, encodeMessage(protocol, channels.resize, encodeSize(size)));
}
