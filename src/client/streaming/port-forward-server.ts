import type { WebSocket } from "ws";
import { acceptWebSocket, closeWebSocket } from "./accept-websocket.ts";
import {
  type ByteChannel,
  pauseWhileFull,
  sendMessage,
  socketChannel,
  webSocketChannel,
} from "./byte-channel.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { ForwardedConnection } from "./byte-stream.ts";
import { type ChannelProtocol, chooseProtocol, decodeMessage, encodeMessage } from "./channel-protocol.ts";
import { SpdyConnection, type SpdyStream } from "./spdy/connection.ts";
import {
  acceptSpdy,
  offeredStreamProtocols,
  refuseUpgrade,
  type UpgradeRequest,
  upgradeKind,
} from "./upgrade.ts";

/** Connects to a port of the pod and copies both ways until both have ended. A rejection is told to the client. */
export type ForwardPort = (
  port: number,
  connection: ForwardedConnection,
  options: { readonly signal: AbortSignal },
) => Promise<void>;

export interface PortForwardOptions {
  /** The ports that the request's query names: only the channel protocol goes by them. */
  readonly ports?: readonly number[];
}

const portForwardProtocol = "portforward.k8s.io";
/** SPDY inside a WebSocket (KEP-4006), which kubectl asks for first. */
const tunnelProtocol = `SPDY/3.1+${portForwardProtocol}`;
const pairTimeoutMs = 30_000;

/**
 * Serves one port-forward request: SPDY/3.1, SPDY tunnelled in a WebSocket, or the channel protocol of clients without
 * SPDY. Resolves when the connection is over; never rejects.
 */
export async function servePortForward(
  upgrade: UpgradeRequest,
  forward: ForwardPort,
  options: PortForwardOptions = {},
): Promise<void> {
  switch (upgradeKind(upgrade)) {
    case "websocket":
      return overWebSocket(upgrade, forward, options.ports ?? []);
    case "spdy":
      if (!offeredStreamProtocols(upgrade).includes(portForwardProtocol)) {
        refuseUpgrade(upgrade, 403, `unable to upgrade: the only stream protocol is ${portForwardProtocol}`, {
          "X-Accepted-Stream-Protocol-Versions": portForwardProtocol,
        });
        return;
      }
      acceptSpdy(upgrade, portForwardProtocol);
      return overSpdy(socketChannel(upgrade.socket, upgrade.head), forward);
    case "other":
      refuseUpgrade(upgrade, 400, "unable to upgrade: missing upgrade headers in request");
  }
}

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  readonly timer: NodeJS.Timeout;
}

/** Every forwarded connection is two streams of one request id: its data, and its error. */
async function overSpdy(channel: ByteChannel, forward: ForwardPort): Promise<void> {
  const gone = new AbortController();
  const pairs = new Map<string, Pair>();
  const onStream = (stream: SpdyStream) => {
    const type = stream.headers.streamtype;
    const port = Number(stream.headers.port);
    const id = stream.headers.requestid ?? String(type === "error" ? stream.id : stream.id - 2);
    const valid =
      Number.isInteger(port) && port > 0 && port < 65_536 && (type === "data" || type === "error");
    if (!valid || pairs.get(id)?.[type] !== undefined) {
      stream.reset();
      return;
    }
    const pair: Pair = pairs.get(id) ?? { timer: setTimeout(() => abandon(id), pairTimeoutMs) };
    pair[type] = stream;
    pairs.set(id, pair);
    const { data, error } = pair;
    if (data === undefined || error === undefined) return;
    clearTimeout(pair.timer);
    pairs.delete(id);
    forwardPair(port, { data, error }, forward, gone.signal).catch(() => {}); // it tells its failure itself
  };
  const abandon = (id: string) => {
    const pair = pairs.get(id);
    pairs.delete(id);
    pair?.data?.reset();
    pair?.error?.reset();
  };
  const connection = new SpdyConnection(channel, { role: "server", onStream });
  await connection.ended;
  for (const { timer } of pairs.values()) clearTimeout(timer);
  gone.abort(new Error("the client is gone"));
}

async function forwardPair(
  port: number,
  { data, error }: { readonly data: SpdyStream; readonly error: SpdyStream },
  forward: ForwardPort,
  signal: AbortSignal,
): Promise<void> {
  error.discard();
  try {
    await forward(port, { source: data.source, sink: data }, { signal });
  } catch (failure) {
    const message = failure instanceof Error ? failure.message : String(failure);
    await error.write(new TextEncoder().encode(message)).catch(() => {}); // nobody is left to be told
  }
  await Promise.all([data.close(), error.close()]);
  data.discard();
}

const channelProtocols: readonly ChannelProtocol[] = [
  { name: "v4.channel.k8s.io", base64: false, status: false, closeChannel: false },
  { name: "v4.base64.channel.k8s.io", base64: true, status: false, closeChannel: false },
];

async function overWebSocket(
  upgrade: UpgradeRequest,
  forward: ForwardPort,
  ports: readonly number[],
): Promise<void> {
  let protocol: ChannelProtocol | undefined;
  const socket = await acceptWebSocket(upgrade, (offered) => {
    if (offered.includes(tunnelProtocol)) return tunnelProtocol;
    protocol = chooseProtocol(offered, channelProtocols);
    return protocol?.name;
  });
  if (socket === undefined) return;
  if (protocol === undefined) await overSpdy(webSocketChannel(socket), forward);
  else await overChannels(socket, protocol, ports, forward);
  await closeWebSocket(socket);
}

const portBufferBytes = 256 * 1024;

/** One connection a port: channel 2n is its data, 2n+1 its error; each begins with the port's number. */
async function overChannels(
  socket: WebSocket,
  protocol: ChannelProtocol,
  ports: readonly number[],
  forward: ForwardPort,
): Promise<void> {
  const gone = new AbortController();
  const queues = ports.map(() => new ByteQueue({ limitBytes: portBufferBytes }));
  socket.on("close", () => {
    for (const queue of queues) queue.end();
    gone.abort(new Error("the client is gone"));
  });
  socket.on("message", (message: Buffer) => {
    const received = decodeMessage(protocol, message);
    const queue =
      received !== undefined && received.channel % 2 === 0 ? queues[received.channel / 2] : undefined;
    if (received === undefined || queue === undefined) return;
    queue.push(received.data);
    pauseWhileFull(socket, queue);
  });
  socket.resume();
  const send = (channel: number, data: Uint8Array) =>
    sendMessage(socket, encodeMessage(protocol, channel, data));
  await Promise.all(
    queues.map(async (source, index) => {
      const port = ports[index] ?? 0;
      const sink = { write: (chunk: Uint8Array) => send(2 * index, chunk), close: async () => {} };
      try {
        const number = Uint8Array.of(port % 256, Math.floor(port / 256));
        await send(2 * index, number);
        await send(2 * index + 1, number);
        await forward(port, { source, sink }, { signal: gone.signal });
      } catch (failure) {
        const message = failure instanceof Error ? failure.message : String(failure);
        await send(2 * index + 1, new TextEncoder().encode(message)).catch(() => {}); // nobody is left to be told
      }
    }),
  );
}
