import type { WebSocket } from "ws";
import { acceptWebSocket, closeWebSocket } from "./accept-websocket.ts";
import { pauseWhileFull, sendMessage } from "./byte-channel.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { ByteSink } from "./byte-stream.ts";
import {
  type ChannelProtocol,
  channels,
  chooseProtocol,
  decodeMessage,
  encodeMessage,
  remoteCommandProtocols,
  terminalSizes,
} from "./channel-protocol.ts";
import { exitStatus, failureStatus, type ProcessStatus } from "./process-status.ts";
import type { RemoteCommandOptions, RunProcess } from "./remote-command.ts";
import type { UpgradeRequest } from "./upgrade.ts";

const stdinBufferBytes = 256 * 1024;

export async function remoteCommandOverWebSocket(
  upgrade: UpgradeRequest,
  options: RemoteCommandOptions,
  run: RunProcess,
): Promise<void> {
  let protocol: ChannelProtocol | undefined;
  const socket = await acceptWebSocket(upgrade, (offered) => {
    protocol = chooseProtocol(offered, remoteCommandProtocols);
    return protocol?.name;
  });
  if (socket === undefined || protocol === undefined) return;
  const gone = new AbortController();
  const stdin = new ByteQueue({ limitBytes: stdinBufferBytes });
  const resize = new ByteQueue({ limitBytes: stdinBufferBytes });
  receive(socket, protocol, {
    stdin: options.stdin ? stdin : undefined,
    resize: options.tty ? resize : undefined,
  });
  socket.on("close", () => {
    stdin.end();
    resize.end();
    gone.abort(new Error("the client is gone"));
  });
  socket.resume();
  const channelSink = (channel: number) => sink(socket, protocol as ChannelProtocol, channel);
  // Tells the client that it is connected before the process says anything.
  const first = options.stdout ? channels.stdout : options.stderr ? channels.stderr : channels.error;
  await channelSink(first)
    .write(new Uint8Array(0))
    .catch(() => {});

  const status = await run(
    {
      ...(options.stdin && { stdin }),
      ...(options.stdout && { stdout: channelSink(channels.stdout) }),
      ...(options.stderr && { stderr: channelSink(channels.stderr) }),
      ...(options.tty && { resize: terminalSizes(resize) }),
    },
    { signal: gone.signal },
  ).then((exit) => exitStatus(exit ?? { exitCode: 0 }), failureStatus);
  stdin.discard();
  resize.discard();
  await channelSink(channels.error)
    .write(statusBytes(protocol, status))
    .catch(() => {}); // nobody is left to be told
  await closeWebSocket(socket);
}

function receive(
  socket: WebSocket,
  protocol: ChannelProtocol,
  queues: { readonly stdin: ByteQueue | undefined; readonly resize: ByteQueue | undefined },
): void {
  const queueOf = (channel: number) =>
    channel === channels.stdin ? queues.stdin : channel === channels.resize ? queues.resize : undefined;
  socket.on("message", (message: Buffer) => {
    const received = decodeMessage(protocol, message);
    if (received === undefined) return;
    const { channel, data } = received;
    if (protocol.closeChannel && channel === channels.close) {
      queueOf(data[0] ?? channels.close)?.end();
      return;
    }
    const queue = queueOf(channel);
    if (queue === undefined) return;
    queue.push(data);
    pauseWhileFull(socket, queue);
  });
}

function sink(socket: WebSocket, protocol: ChannelProtocol, channel: number): ByteSink {
  return {
    write: (chunk) => sendMessage(socket, encodeMessage(protocol, channel, chunk)),
    close: async () => {}, // the channels end together, with the status
  };
}

/** Before v4 success is silence, and a failure its bare message. */
function statusBytes(protocol: ChannelProtocol, status: ProcessStatus): Uint8Array {
  const text = protocol.status
    ? JSON.stringify(status)
    : status.status === "Success"
      ? ""
      : (status.message ?? "");
  return new TextEncoder().encode(text);
}
