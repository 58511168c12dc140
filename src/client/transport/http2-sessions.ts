import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { abortable } from "../../base/abortable.ts";
import { TransportError } from "../transport-error.ts";

export interface Http2Options {
  readonly server: URL;
  readonly tls: ConnectionOptions;
  /** A connection to the server through a proxy; absent: straight there. */
  readonly tunnel?: () => Promise<Socket>;
  /** How long a connection may take to come about. */
  readonly connectTimeoutMs: number;
  /** 30 s and 15 s, as client-go: after so long without a byte the server is asked for a sign of life, and has so long. */
  readonly silenceMs?: number;
  readonly pongMs?: number;
}

/** What the server may send before it is told to go on: lists are large. */
const streamWindowBytes = 2 * 1024 * 1024;
const sessionWindowBytes = 16 * 1024 * 1024;
/** Streams on one connection at most, whatever the server allows: one lost packet holds up all of them. */
const streamLimit = 250;

interface Session {
  readonly session: ClientHttp2Session;
  readonly socket: TLSSocket;
  streams: number;
}

/**
 * HTTP/2 connections to one server: requests and watches share one as long as the server allows more streams on it, then
 * there is a second. A connection that the server says goodbye on (GOAWAY) takes no new requests; one that falls silent is
 * asked for a sign of life. An idle one keeps no process alive.
 */
export class Http2Sessions {
  readonly #options: Http2Options;
  readonly #sessions = new Set<Session>();
  #connecting: Promise<void> | undefined;
  #isHttp1 = false;
  #isRetired = false;

  constructor(options: Http2Options) {
    this.#options = options;
  }

  /** A stream for one request; undefined where the server speaks HTTP/1.1 only. Rejects where there is no connection. */
  async open(
    headers: OutgoingHttpHeaders,
    request: { readonly body: Uint8Array | undefined; readonly signal: AbortSignal },
  ): Promise<ClientHttp2Stream | undefined> {
    for (;;) {
      if (this.#isHttp1) return undefined;
      for (const session of this.#sessions)
        if (hasRoom(session)) return startStream(session, headers, request);
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = undefined;
      });
      await abortable(this.#connecting, request.signal);
    }
  }

  /** Takes no new requests; those under way end as they will. */
  retire(): void {
    this.#isRetired = true;
    for (const { session } of this.#sessions) session.close();
  }

  destroy(): void {
    this.retire();
    for (const { session } of this.#sessions) session.destroy();
  }

  async #connect(): Promise<void> {
    const socket = await this.#connectSocket();
    if (socket.alpnProtocol !== "h2") {
      this.#isHttp1 = true;
      socket.destroy();
      return;
    }
    const session = connect(this.#options.server, {
      createConnection: () => socket,
      settings: { initialWindowSize: streamWindowBytes, enablePush: false },
    });
    const entry: Session = { session, socket, streams: 0 };
    session.on("goaway", () => this.#sessions.delete(entry));
    session.on("close", () => this.#sessions.delete(entry));
    await new Promise<void>((resolve, reject) => {
      // How many streams it takes is known once its settings have come.
      session.once("remoteSettings", () => resolve());
      session.on("error", reject);
      session.once("close", () => reject(new Error("the connection was closed")));
    });
    session.setLocalWindowSize(sessionWindowBytes);
    session.unref();
    watchSilence(entry, this.#options);
    if (this.#isRetired) session.close();
    else this.#sessions.add(entry);
  }

  async #connectSocket(): Promise<TLSSocket> {
    const { server, tls, connectTimeoutMs, tunnel } = this.#options;
    const through = await tunnel?.();
    return new Promise((resolve, reject) => {
      const socket = connectTls({
        host: server.hostname.replace(/^\[|\]$/g, ""),
        port: Number(server.port) || 443,
        ...(through === undefined ? {} : { socket: through }),
        ...tls,
        ALPNProtocols: ["h2", "http/1.1"],
      });
      socket.setNoDelay(true);
      socket.setTimeout(connectTimeoutMs, () =>
        socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
      );
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        socket.setTimeout(0);
        socket.off("error", reject);
        resolve(socket);
      });
    });
  }
}

function startStream(
  entry: Session,
  headers: OutgoingHttpHeaders,
  { body, signal }: { readonly body: Uint8Array | undefined; readonly signal: AbortSignal },
): ClientHttp2Stream {
  const stream = entry.session.request(headers, { endStream: body === undefined, signal });
  if (body !== undefined) stream.end(body);
  if (entry.streams++ === 0) entry.session.ref();
  stream.once("close", () => {
    if (--entry.streams === 0 && !entry.session.destroyed) entry.session.unref();
  });
  return stream;
}

function hasRoom({ session, streams }: Session): boolean {
  if (session.closed || session.destroyed) return false;
  return streams < Math.min(session.remoteSettings.maxConcurrentStreams ?? streamLimit, streamLimit);
}

/** Ends a connection whose peer is gone without a word: a watch on it would wait forever. */
function watchSilence(
  { session, socket }: Session,
  { silenceMs = 30_000, pongMs = 15_000 }: Http2Options,
): void {
  let lastBytes = socket.bytesRead;
  let pending: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    const { bytesRead } = socket;
    const isSilent = bytesRead === lastBytes;
    lastBytes = bytesRead;
    if (!isSilent || pending !== undefined || session.destroyed) return;
    pending = setTimeout(() => {
      session.destroy(
        new TransportError(`the server was silent for ${silenceMs + pongMs} ms`),
        constants.NGHTTP2_CANCEL,
      );
    }, pongMs).unref();
    session.ping(() => {
      clearTimeout(pending);
      pending = undefined;
    });
  }, silenceMs).unref();
  session.once("close", () => {
    clearInterval(timer);
    clearTimeout(pending);
  });
}
