import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CallOptions, ObjectName } from "../client.ts";
import { webSocketChannel } from "../streaming/byte-channel.ts";
import { readText } from "../streaming/copy.ts";
import { openWebSocket } from "../streaming/open-websocket.ts";
import { RemoteCommandError } from "../streaming/process-status.ts";
import { SpdyConnection, type SpdyStream } from "../streaming/spdy/connection.ts";
import { type StreamConnection, socketAddress } from "./stream-address.ts";

/** Where to listen, and for how long. */
export interface ForwardPortOptions extends CallOptions {
  /** Default: any free one. */
  readonly localPort?: number;
  /** Default 127.0.0.1. */
  readonly localHost?: string;
  /** Told of each connection that failed; the port stays open. */
  readonly onError?: (error: Error) => void;
}

/** A port of this machine that is one of a pod's. */
export interface ForwardedPort extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Ends the connections, too. */
  close(): Promise<void>;
}

/** A connection to a port of a pod: a stream of Node's, whose two directions end apart. */
export type PodSocket = Duplex;

/** SPDY inside a WebSocket (KEP-4006): many connections to many ports of one pod. */
const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";

/** The way to a pod's ports, opened with the first connection, and again after it was lost. */
class Tunnel {
  readonly #open: () => Promise<SpdyConnection>;
  #opened: Promise<SpdyConnection> | undefined;
  #connections = 0;

  constructor(connection: StreamConnection, pod: ObjectName, { signal }: CallOptions) {
    this.#open = async () => {
      const { url, ...how } = await socketAddress(connection, pod, "portforward", new URLSearchParams());
      const protocols = [tunnelProtocol];
      const { socket, protocol } = await openWebSocket(url, { ...how, protocols, ...(signal && { signal }) });
      if (protocol !== tunnelProtocol) {
        socket.terminate();
        throw new RemoteCommandError("the server does not forward ports over WebSockets");
      }
      return new SpdyConnection(webSocketChannel(socket), { role: "client" });
    };
  }

  async connect(port: number): Promise<Duplex> {
    const opened = this.#opened ?? this.#begin();
    const connection = await opened;
    const named = { port: String(port), requestid: String(this.#connections++) };
    const error = await connection.open({ ...named, streamtype: "error" });
    await error.close();
    return duplexOf(await connection.open({ ...named, streamtype: "data" }), error);
  }

  async close(): Promise<void> {
    const connection = await this.#opened?.catch(() => undefined);
    connection?.destroy();
    await connection?.ended;
  }

  #begin(): Promise<SpdyConnection> {
    const opened = this.#open();
    this.#opened = opened;
    const forget = () => {
      if (this.#opened === opened) this.#opened = undefined;
    };
    opened.then(({ ended }) => ended).then(forget, forget);
    return opened;
  }
}

/** A connection's two streams as one of Node's, at the pace of its reader. */
function duplexOf(data: SpdyStream, error: SpdyStream): Duplex {
  const incoming = data.source[Symbol.asyncIterator]();
  const failure = readText(error.source).catch(() => "the connection was lost");
  const next = async (): Promise<Uint8Array | null> => {
    const { done, value } = await incoming.next();
    if (done !== true) return value;
    const message = await failure;
    if (message !== "") throw new RemoteCommandError(message);
    return null;
  };
  return new Duplex({
    read() {
      next().then(
        (chunk) => this.push(chunk),
        (reason: Error) => this.destroy(reason),
      );
    },
    write: (chunk: Uint8Array, _encoding, done) => void data.write(chunk).then(() => done(), done),
    final: (done) => void data.close().then(() => done(), done),
    destroy(reason, done) {
      data.reset();
      error.reset();
      done(reason);
    },
  });
}

/** As `nc` to a port of the pod: see `connectToPod` of `k8ts/client`. */
export async function connectToPod(
  connection: StreamConnection,
  pod: ObjectName,
  port: number,
  { signal }: CallOptions = {},
): Promise<PodSocket> {
  const tunnel = new Tunnel(connection, pod, signal === undefined ? {} : { signal });
  try {
    const stream = await tunnel.connect(port);
    const onAbort = () => stream.destroy(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    stream.once("close", () => {
      signal?.removeEventListener("abort", onAbort);
      void tunnel.close();
    });
    if (signal?.aborted) onAbort();
    return stream;
  } catch (error) {
    await tunnel.close();
    throw error;
  }
}

/** As `kubectl port-forward`: see `forwardPort` of `k8ts/client`. */
export async function forwardPort(
  connection: StreamConnection,
  pod: ObjectName,
  port: number,
  { localPort = 0, localHost = "127.0.0.1", onError = () => {}, signal }: ForwardPortOptions = {},
): Promise<ForwardedPort> {
  signal?.throwIfAborted();
  const tunnel = new Tunnel(connection, pod, signal === undefined ? {} : { signal });
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    forward(socket, tunnel, port).catch((error: Error) => {
      socket.destroy();
      if (server.listening) onError(error);
    });
  });
  await listening(server, localPort, localHost);
  const close = async () => {
    signal?.removeEventListener("abort", onAbort);
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await Promise.all([closed, tunnel.close()]);
  };
  const onAbort = () => void close();
  signal?.addEventListener("abort", onAbort, { once: true });
  const { address, port: chosen } = server.address() as AddressInfo; // it listens on TCP
  return { host: address, port: chosen, close, [Symbol.asyncDispose]: close };
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function forward(socket: Socket, tunnel: Tunnel, port: number): Promise<void> {
  socket.on("error", () => {}); // told as a close
  const stream = await tunnel.connect(port);
  await Promise.all([pipeline(socket, stream, noOptions), pipeline(stream, socket, noOptions)]).finally(() =>
    stream.destroy(),
  );
}

const noOptions = {};
