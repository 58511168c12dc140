import type { WebSocket } from "ws";
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
import { type OpenWebSocketOptions, openWebSocket } from "./open-websocket.ts";
import { RemoteCommandError, readExitStatus } from "./process-status.ts";

export interface RunOverWebSocketOptions extends Omit<OpenWebSocketOptions, "protocols"> {
  readonly tty: boolean;
  readonly streams: ProcessStreams;
  /** Subprotocols to offer, best first. Default: v5, then v4 (which cannot tell the end of stdin). */
  readonly protocols?: readonly string[];
}

const outputBufferBytes = 256 * 1024;

/**
 * Runs the command behind an exec or attach URL ("wss://…/exec?command=…") on the caller's streams, over a WebSocket.
 * Resolves with its exit code after all output has been written; rejects with `RemoteCommandError` when it could not be
 * run, with `ApiError` when the server refused it, or with the signal's reason.
 */
export async function runOverWebSocket(url: string, options: RunOverWebSocketOptions): Promise<ProcessExit> {
  const { streams, tty, signal } = options;
  const { socket, protocol: chosen } = await openWebSocket(url, {
    ...options,
    protocols: options.protocols ?? ["v5.channel.k8s.io", "v4.channel.k8s.io"],
  });
  const onAbort = () => socket.terminate();
  signal?.addEventListener("abort", onAbort, { once: true });
  const broken = new AbortController();
  broken.signal.addEventListener("abort", onAbort, { once: true });
  const protocol = remoteCommandProtocols.find(({ name }) => name === chosen);
  try {
    signal?.throwIfAborted();
    if (protocol === undefined) throw new RemoteCommandError(`the server chose ${chosen}`);
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
    // Where they fail by themselves, the process would wait for the rest without end.
    const onFailure = (error: unknown) => socket.readyState === socket.OPEN && broken.abort(error);
    if (streams.stdin) sendInput(socket, protocol, streams.stdin).catch(onFailure);
    if (streams.resize && tty) sendSizes(socket, protocol, streams.resize).catch(onFailure);
    const [, , status] = await output;
    return readExitStatus(status);
  } catch (error) {
    broken.signal.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await closeWebSocket(socket);
    signal?.throwIfAborted();
  }
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
