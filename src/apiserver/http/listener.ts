import { X509Certificate } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Readable } from "node:stream";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { badRequest, failure, type Status, tooManyRequests } from "../../apimachinery/api-error.ts";
import type { ProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import type { Logger } from "../../base/log.ts";
import type { ApiRequest, RequestBody } from "../../client/exchange.ts";
import { http } from "../../client/transport/node-http.ts";
import { TransportError } from "../../client/transport-error.ts";
import type { ApiServer, RequestContext } from "../api-server.ts";
import { type BrowserPolicy, browserHeaders, isPreflight } from "../browser-policy.ts";
import { maxTimeoutMs as defaultTimeoutMs, requestedTimeoutMs } from "../request-deadline.ts";
import { BodyBudget, type BodyShare, readBody } from "./body.ts";
import { trustClientsOf } from "./certificate.ts";
import { contextOf, http1Reply, readHttp1 } from "./http1.ts";
import { http2Reply, readHttp2, retire } from "./http2.ts";
import { isLongRunning } from "./long-running.ts";
import type { Reply } from "./reply.ts";
import { sendResponse } from "./respond.ts";
import type { TlsPolicy } from "./tls-policy.ts";
import { leaveStreamUnread, leaveUnread, refuseBytes } from "./unread.ts";
import { type DialInProcess, handleUpgrade, type KubeletIdentity, takesUpgrade } from "./upgrade.ts";

export interface ListenerOptions {
  readonly server: ApiServer;
  /** Stands before the server, and is asked in its place. */
  readonly gate?: Pick<ApiServer, "handle" | "upgrade">;
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
  /** PEM; certificates of clients must end at one of these to count as verified. */
  readonly clientAuthorities: readonly string[];
  /** PEM; front proxies' certificates end at one of these: taken in the handshake, never believed as a client's. */
  readonly frontProxyAuthorities?: readonly string[];
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly logger: Logger;
  readonly protobuf?: ProtobufCodec;
  /** How the server proves itself to kubelets. */
  readonly kubelet?: KubeletIdentity;
  /** Kubelets and pods of this process. */
  readonly dialInProcess?: DialInProcess;
  /** `--request-timeout`: what a request that does not stream may take, its body's coming included; default 60 s. */
  readonly requestTimeoutMs?: number;
  /** How long a request line and its headers may take to come; default 32 s. */
  readonly headersTimeoutMs?: number;
  /** `--disable-http2-serving`: HTTP/1.1 alone. */
  readonly http1Only?: boolean;
  /** `--http2-max-streams-per-connection`; default 250. */
  readonly maxStreams?: number;
  /** `--permit-port-sharing`: other processes may listen on the same port. */
  readonly sharesPort?: boolean;
  /** What a handshake must come to; default TLS 1.2 and what Node takes. */
  readonly tls?: TlsPolicy;
  /** What refusals made here tell browsers; the server tells them on its own answers (`forBrowsers`). */
  readonly browsers?: BrowserPolicy;
  /** `--goaway-chance`: how probable it is that a request makes its HTTP/2 connection its last; default 0, at most 0.02. */
  readonly goawayChance?: number;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Takes no more connections, ends watches, waits for the rest up to `graceMs` (default 5 s), then breaks off. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const defaultHeadersTimeoutMs = 32_000;
const idleTimeoutMs = 90_000;
const defaultGraceMs = 5_000;
const maxHeaderBytes = 64 * 1024;
const defaultMaxStreams = 250;

/** HTTPS on one port: HTTP/2 for those who ask for it in the handshake, HTTP/1.1 for the others. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const edge = new Edge(options);
  return edge.start();
}

class Edge {
  readonly #options: ListenerOptions;
  readonly #http1: Server;
  readonly #http2: Http2Server;
  readonly #sockets = new Set<TLSSocket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #closing = new AbortController();
  readonly #bodies = new BodyBudget();

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#http2 = createHttp2Server({
      settings: { maxConcurrentStreams: options.maxStreams ?? defaultMaxStreams },
    });
    this.#http1 = http.createServer({
      maxHeaderSize: maxHeaderBytes,
      keepAliveTimeout: idleTimeoutMs,
      headersTimeout: options.headersTimeoutMs ?? defaultHeadersTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, options.headersTimeoutMs ?? defaultHeadersTimeoutMs),
      // Bodies are bounded by the request timeout below; watches must not be cut.
      requestTimeout: 0,
      noDelay: true,
      shouldUpgradeCallback: takesUpgrade,
    });
    this.#http1.on("request", (message, response) => this.#onHttp1(message, response));
    this.#http1.on("upgrade", (message, socket, head) => {
      const tls = socket as TLSSocket; // only sockets of the TLS server are given to this one
      const server = options.gate ?? options.server;
      handleUpgrade(message, tls, head, { ...options, server, context: contextOf(tls) });
    });
    this.#http1.on("clientError", (error: NodeJS.ErrnoException, socket) => refuseBytes(error.code, socket));
    this.#http2.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
      // Streams that are open keep it from being idle, however quiet they are.
      session.setTimeout(idleTimeoutMs, () => session.close());
      session.on("error", (error) => options.logger.debug({ error }, "http2 session failed"));
    });
    this.#http2.on(
      "stream",
      (stream, headers) => this.#onHttp2(stream as ServerHttp2Stream, headers), // a server's sessions have no others
    );
  }

  async start(): Promise<Listener> {
    const { certificate, privateKey, clientAuthorities, host, port, logger } = this.#options;
    const { frontProxyAuthorities = [], http1Only, sharesPort = false, tls } = this.#options;
    const server = createTlsServer({
      cert: certificate,
      key: privateKey,
      ca: [...clientAuthorities, ...frontProxyAuthorities],
      requestCert: true,
      // Who has no certificate, or one that does not verify, may still come with a token or as nobody.
      rejectUnauthorized: false,
      ALPNProtocols: http1Only === true ? ["http/1.1"] : ["h2", "http/1.1"],
      minVersion: "TLSv1.2",
      ...tls,
      handshakeTimeout: 10_000,
    });
    const roots = new Set(clientAuthorities.map((pem) => new X509Certificate(pem).fingerprint256));
    server.on("secureConnection", (socket) => {
      trustClientsOf(socket, roots);
      this.#onConnection(socket);
    });
    server.on("tlsClientError", (error, socket) => {
      this.#options.server.metrics.requests.tlsHandshakeErrors++;
      logger.debug({ error: error.message }, "TLS handshake failed");
      socket.destroy();
    });
    // It never listens itself, and would not look after its connections' timeouts otherwise.
    this.#http1.emit("listening");
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, reusePort: sharesPort }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    server.on("error", (error) => logger.error({ error }, "the listener failed"));
    const address = server.address() as AddressInfo; // it listens on TCP
    return {
      host: address.address,
      port: address.port,
      close: (closeOptions) => this.#close(() => server.close(), closeOptions?.graceMs ?? defaultGraceMs),
    };
  }

  #onConnection(socket: TLSSocket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", (error) => this.#options.logger.debug({ error: error.message }, "connection failed"));
    const server = socket.alpnProtocol === "h2" ? this.#http2 : this.#http1;
    server.emit("connection", socket);
  }

  #onHttp1(message: IncomingMessage, response: ServerResponse): void {
    const socket = message.socket as TLSSocket; // only sockets of the TLS server are given to this one
    const reply = http1Reply(response);
    const acceptEncoding = message.headers["accept-encoding"];
    response.on("error", (error) => this.#options.logger.debug({ error: error.message }, "answer failed"));
    if (this.#closing.signal.aborted) response.shouldKeepAlive = false;
    void this.#exchange({
      source: message,
      hasBody:
        message.headers["content-length"] !== undefined || message.headers["transfer-encoding"] !== undefined,
      contentLength: message.headers["content-length"],
      acceptEncoding: typeof acceptEncoding === "string" ? acceptEncoding : "",
      origin: message.headers.origin,
      reply,
      onClose: (callback) => response.once("close", callback),
      leaveUnread: () => leaveUnread(message, response),
      share: this.#bodies.open(isStranger(socket, message.headers)),
      read: (body, signal) => readHttp1(message, body, signal),
      context: () => contextOf(socket),
    });
  }

  #onHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on("error", (error) => this.#options.logger.debug({ error: error.message }, "stream failed"));
    const { browsers, goawayChance = 0 } = this.#options;
    const stranger = isStranger(stream.session?.socket, headers);
    const isAsking = browsers !== undefined && isPreflight(browsers, headers[":method"], headers.origin);
    // HTTP/2 is dear: whoever does not say who they are gets a connection for each request.
    if ((stranger && !isAsking) || (goawayChance > 0 && Math.random() < goawayChance)) retire(stream.session);
    void this.#exchange({
      source: stream,
      hasBody: !stream.endAfterHeaders,
      contentLength: headers["content-length"],
      acceptEncoding: String(headers["accept-encoding"] ?? ""),
      origin: headers.origin,
      reply: http2Reply(stream),
      onClose: (callback) => stream.once("close", callback),
      leaveUnread: () => leaveStreamUnread(stream),
      share: this.#bodies.open(stranger),
      read: (body, signal) => readHttp2(headers, body, signal),
      context: () => contextOf(stream.session?.socket as TLSSocket), // sessions are made on TLS sockets alone
    });
  }

  async #exchange(exchange: Exchange): Promise<void> {
    const { reply, origin } = exchange;
    const abort = new AbortController();
    let answered = false;
    exchange.onClose(() => {
      if (!answered) abort.abort(clientGone);
    });
    const maxTimeoutMs = this.#options.requestTimeoutMs ?? defaultTimeoutMs;
    let isBodyRead = !exchange.hasBody;
    const timeOut = () => {
      if (!isBodyRead) exchange.leaveUnread();
      if (!reply.headersSent) this.#refuse(reply, timedOut);
      abort.abort(outOfTime);
    };
    // A body that does not come is as late as an answer that does not.
    let timer: NodeJS.Timeout | undefined = setTimeout(timeOut, maxTimeoutMs);
    let conclude: ((bytes: number) => void) | undefined;
    let onServerClosing: (() => void) | undefined;
    try {
      const body = exchange.hasBody
        ? await readBody(exchange.source, exchange.contentLength, exchange.share)
        : undefined;
      if (typeof body === "string") {
        exchange.leaveUnread();
        return this.#refuse(reply, body === "too large" ? tooLarge : noRoom, origin);
      }
      isBodyRead = true;
      if (exchange.hasBody && body === undefined) return;
      const request = exchange.read(body === undefined ? undefined : { bytes: body }, abort.signal);
      if (request === undefined) return this.#refuse(reply, malformed);
      if (isLongRunning(request)) {
        onServerClosing = () => abort.abort(serverClosing);
        this.#closing.signal.addEventListener("abort", onServerClosing);
        clearTimeout(timer);
      } else {
        const wanted = requestedTimeoutMs(request.query);
        if (wanted instanceof Error) return this.#refuse(reply, badRequest(wanted.message).status);
        if (wanted !== undefined && wanted < maxTimeoutMs) {
          clearTimeout(timer);
          timer = setTimeout(timeOut, wanted);
        }
      }
      const response = await (this.#options.gate ?? this.#options.server).handle(request, {
        ...exchange.context(),
        onAnswered: (callback) => {
          conclude = callback;
        },
      });
      // The time was up meanwhile: that was the answer.
      if (reply.headersSent || reply.closed) return;
      const { protobuf } = this.#options;
      await sendResponse(response, reply, {
        acceptEncoding: exchange.acceptEncoding,
        isHead: request.method === "HEAD",
        ...(protobuf === undefined ? {} : { protobuf }),
      });
    } catch (error) {
      // Whoever stands before the server may say that no answer comes through (a fault of a test).
      const isCut = error instanceof TransportError;
      if (!abort.signal.aborted && !isCut) this.#failed(error);
      if (reply.headersSent || isCut) reply.destroy();
      else if (!reply.closed) this.#refuse(reply, brokenAnswer, origin);
    } finally {
      exchange.share.release();
      answered = true;
      clearTimeout(timer);
      conclude?.(reply.bytesSent);
      if (onServerClosing !== undefined) this.#closing.signal.removeEventListener("abort", onServerClosing);
    }
  }

  /** Pages may read it where their origin is given: upstream says no to the others before it looks for one. */
  #refuse(reply: Reply, status: Status, origin?: string): void {
    if (reply.closed || reply.headersSent) return;
    const { browsers } = this.#options;
    const bytes = new TextEncoder().encode(JSON.stringify(status));
    reply.head(status.code ?? 500, {
      ...(browsers && browserHeaders(browsers, origin)),
      "content-type": "application/json",
      "content-length": bytes.length,
    });
    reply.end(bytes);
  }

  #failed(error: unknown): void {
    this.#options.logger.error({ error }, "an answer could not be sent");
  }

  async #close(stopListening: () => void, graceMs: number): Promise<void> {
    stopListening();
    this.#closing.abort();
    this.#http1.closeIdleConnections();
    for (const session of this.#sessions) session.close();
    const deadline = performance.now() + graceMs;
    while (this.#sockets.size > 0 && performance.now() < deadline) {
      this.#http1.closeIdleConnections();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const socket of this.#sockets) socket.destroy();
    this.#http1.close();
  }
}

interface Exchange {
  readonly source: Readable;
  readonly hasBody: boolean;
  readonly contentLength: string | undefined;
  readonly acceptEncoding: string;
  readonly origin: string | undefined;
  readonly reply: Reply;
  readonly onClose: (callback: () => void) => void;
  /** Before an answer to a request whose body was not read to its end. */
  readonly leaveUnread: () => void;
  readonly share: BodyShare;
  readonly read: (body: RequestBody | undefined, signal: AbortSignal) => ApiRequest | undefined;
  readonly context: () => RequestContext;
}

// Shared: an error made for each request that ends would cost more than the rest of its ending.
const clientGone = new Error("the client went away");
const serverClosing = new Error("the server is closing");
const outOfTime = new Error("the request took too long");

const malformed = failure(400, "BadRequest", "the request line or its headers cannot be understood").status;
const noRoom = tooManyRequests("Too many requests, please try again later.", 1).status;
const tooLarge = failure(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728").status;
const timedOut = failure(
  504,
  "Timeout",
  "Timeout: request did not complete within the allotted timeout",
  {},
).status;
const brokenAnswer = failure(500, "InternalError", "the answer could not be written").status;

/** Whether nothing says who the client is: what it may say is still to be believed. */
function isStranger(socket: Socket | TLSSocket | undefined, headers: IncomingHttpHeaders): boolean {
  // Not asked for with "in": an HTTP/2 session's socket is a proxy that does not answer that.
  const isKnown = (socket as Partial<TLSSocket> | undefined)?.authorized === true;
  return !isKnown && headers.authorization === undefined;
}
