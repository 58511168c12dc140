import type { Agent as HttpAgent, OutgoingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { ApiRequest, ApiResponse, Transport } from "../exchange.ts";
import { TransportError } from "../transport-error.ts";
import { anonymous, type Credentials } from "./credentials.ts";
import { Http2Sessions } from "./http2-sessions.ts";
import { http } from "./node-http.ts";
import { isLocal, openTunnel, plainProxyOptions, proxyFor, routeThrough } from "./proxy.ts";
import { decodeResponse, type WireResponse } from "./response-decoder.ts";
import type { ResponseLimits } from "./response-limits.ts";
import { RotatingFile } from "./rotating-file.ts";
import { codeOf, type Exchange, http2Exchange, isObject, wireResponse } from "./wire-exchange.ts";

/** Which server, whom to believe, and how to show who one is. */
export interface HttpsTransportOptions {
  /** "https://host:6443", with a path where the API lives under one. "http://" is for tests and local proxies. */
  readonly server: string;
  /** PEM; absent: the system's authorities. */
  readonly ca?: string;
  /** A file of it, read again when it changes; `ca` comes before it. */
  readonly caFile?: string;
  /** What the server's certificate must name, where that is not the host of `server`. */
  readonly tlsServerName?: string;
  /** Believes any certificate. */
  readonly insecureSkipTlsVerify?: boolean;
  readonly credentials?: Credentials;
  /** Sent with every request: impersonation. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** "http://proxy:3128", "https://…" or "socks5://…", with user and password where it asks for them. */
  readonly proxyUrl?: string;
  /** Without `proxyUrl`: HTTPS_PROXY, HTTP_PROXY and NO_PROXY count as in Go, but never for a server on this machine. */
  readonly proxyFromEnvironment?: boolean;
  /** Shares a connection among requests and watches where the server speaks HTTP/2, through a proxy too. */
  readonly http2?: boolean;
  /** Asks for compressed answers; by default where the server is not on this machine. */
  readonly gzip?: boolean;
  /** How long a connection may stay silent before an answer that is no stream; 60 s unless said. */
  readonly idleTimeoutMs?: number;
  readonly limits?: Partial<ResponseLimits>;
}

const defaultIdleTimeoutMs = 60_000;
const tcpKeepAliveMs = 30_000;
const idleSocketLimit = 64;

/**
 * A transport over HTTPS. With HTTP/1.1 connections are kept and used again, as many as requests run at once, a watch
 * holding one for itself; with HTTP/2 all share one. Certificates and tokens are asked for at each request, so that rotation needs no restart.
 */
export function createHttpsTransport(options: HttpsTransportOptions): Transport {
  return new HttpsTransport(options);
}

class HttpsTransport implements Transport {
  readonly #options: HttpsTransportOptions;
  readonly #base: URL;
  readonly #credentials: Credentials;
  readonly #gzip: boolean;
  readonly #caFile: RotatingFile | undefined;
  #agent: { readonly agent: HttpAgent | HttpsAgent; readonly trust: Trust } | undefined;
  #http2: { readonly sessions: Http2Sessions; readonly trust: Trust } | undefined;
  #closed = false;

  constructor(options: HttpsTransportOptions) {
    this.#options = options;
    this.#base = new URL(options.server);
    this.#credentials = options.credentials ?? anonymous;
    this.#gzip = options.gzip ?? !isLocal(this.#base.hostname);
    if (options.ca === undefined && options.caFile !== undefined)
      this.#caFile = new RotatingFile(options.caFile, (text) => text.includes("-----END CERTIFICATE-----"));
  }

  async send(request: ApiRequest): Promise<ApiResponse> {
    const authorization = await this.#credentials.authorization();
    const first = await this.#sendOnce(request, authorization);
    if (first.status !== 401 || !this.#credentials.rejected(authorization)) return first;
    return this.#sendOnce(request, await this.#credentials.authorization());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#agent?.agent.destroy();
    this.#agent = undefined;
    this.#http2?.sessions.destroy();
    this.#http2 = undefined;
  }

  async #sendOnce(request: ApiRequest, authorization: string | undefined): Promise<ApiResponse> {
    if (this.#closed) throw new TransportError("the transport is closed");
    request.signal.throwIfAborted();
    const trust = await this.#trust();
    const isWatch = request.query.get("watch") === "true";
    for (let retried = false; ; retried = true) {
      const exchange =
        (await this.#beginHttp2(request, trust, authorization, isWatch)) ??
        this.#begin(request, this.#agentFor(trust), authorization, isWatch);
      try {
        const response = await exchange.answer;
        const { signal, held } = request;
        return await decodeResponse(response, { isWatch, signal, held, ...this.#options.limits });
      } catch (error) {
        request.signal.throwIfAborted();
        const stale = exchange.wasNotSeen(error, safeToRepeat.has(request.method));
        if (stale && !retried) continue;
        throw asTransportError(error, this.#base);
      }
    }
  }

  async #beginHttp2(
    request: ApiRequest,
    trust: Trust,
    authorization: string | undefined,
    isWatch: boolean,
  ): Promise<Exchange | undefined> {
    const sessions = this.#sessionsFor(trust);
    if (sessions === undefined) return undefined;
    const body = bodyBytes(request);
    const headers = {
      ...this.#headers(request, authorization, body),
      ":method": request.method,
      ":path": this.#target(request),
    };
    try {
      const stream = await sessions.open(headers, { body, signal: request.signal });
      if (stream === undefined) return undefined;
      return http2Exchange(stream, isWatch ? 0 : (this.#options.idleTimeoutMs ?? defaultIdleTimeoutMs));
    } catch (error) {
      request.signal.throwIfAborted();
      throw asTransportError(error, this.#base);
    }
  }

  /** Kept until a certificate changes; undefined: HTTP/1.1 it is. */
  #sessionsFor(trust: Trust): Http2Sessions | undefined {
    const { http2, tlsServerName, idleTimeoutMs } = this.#options;
    if (http2 !== true || this.#base.protocol !== "https:") return undefined;
    const known = this.#http2;
    if (known !== undefined && isSame(known.trust, trust)) return known.sessions;
    known?.sessions.retire();
    const host = this.#base.hostname.replace(/^\[|\]$/g, "");
    const servername = tlsServerName ?? (isIP(host) === 0 ? host : undefined);
    const proxy = proxyFor(this.#options, this.#base);
    const sessions = new Http2Sessions({
      server: this.#base,
      tls: { ...this.#tls(trust), ...(servername === undefined ? {} : { servername }) },
      connectTimeoutMs: idleTimeoutMs ?? defaultIdleTimeoutMs,
      ...(proxy === undefined ? {} : { tunnel: () => openTunnel(proxy, this.#base) }),
    });
    this.#http2 = { sessions, trust };
    return sessions;
  }

  /** What is asked for at each request: it may have been renewed. */
  async #trust(): Promise<Trust> {
    const certificate = await this.#credentials.clientCertificate();
    const ca = this.#options.ca ?? (await this.#caFile?.read());
    return { ...certificate, ...(ca === undefined ? {} : { ca }) };
  }

  #tls(trust: Trust): ConnectionOptions {
    return {
      ...trust,
      ...(this.#options.insecureSkipTlsVerify === true ? { rejectUnauthorized: false } : {}),
    };
  }

  #begin(
    request: ApiRequest,
    agent: HttpAgent | HttpsAgent,
    authorization: string | undefined,
    isWatch: boolean,
  ): Exchange {
    const body = bodyBytes(request);
    const { hostname, port, protocol } = this.#base;
    const clientRequest = (protocol === "https:" ? httpsRequest : http.request)({
      agent,
      hostname: hostname.replace(/^\[|\]$/g, ""),
      ...(port === "" ? {} : { port }),
      method: request.method,
      path: this.#target(request),
      headers: this.#headers(request, authorization, body),
      signal: request.signal,
      ...(this.#options.tlsServerName === undefined ? {} : { servername: this.#options.tlsServerName }),
    });
    const idleMs = isWatch ? 0 : (this.#options.idleTimeoutMs ?? defaultIdleTimeoutMs);
    clientRequest.setTimeout(idleMs, () =>
      clientRequest.destroy(new TransportError(`no answer for ${idleMs} ms`)),
    );
    // A peer that is gone without a word is found by the kernel's probes long before a watch would have brought anything.
    if (isWatch) clientRequest.once("socket", (socket) => socket.setKeepAlive(true, tcpKeepAliveMs));
    const answer = new Promise<WireResponse>((resolve, reject) => {
      clientRequest.once("response", (response) => {
        // From here on the stream's reader is told of errors; a text that is followed may be silent for long.
        if (!isObject(response.headers)) clientRequest.setTimeout(0);
        resolve(wireResponse(response));
      });
      clientRequest.on("error", reject);
    });
    clientRequest.end(body);
    return {
      answer,
      // The server closed a kept connection just when it was used again: nothing of the request was looked at.
      wasNotSeen: (error, isSafe) => isSafe && clientRequest.reusedSocket && codeOf(error) === "ECONNRESET",
    };
  }

  /** Kept until a certificate changes. */
  #agentFor(trust: Trust): HttpAgent | HttpsAgent {
    const known = this.#agent;
    if (known !== undefined && isSame(known.trust, trust)) return known.agent;
    if (known !== undefined) retire(known.agent);
    const proxy = proxyFor(this.#options, this.#base);
    const kept = {
      keepAlive: true,
      keepAliveMsecs: tcpKeepAliveMs,
      maxSockets: Number.POSITIVE_INFINITY,
      maxFreeSockets: idleSocketLimit,
      scheduling: "lifo" as const,
    };
    const agent =
      this.#base.protocol === "https:"
        ? new HttpsAgent({ ...kept, ...this.#tls(trust), ALPNProtocols: ["http/1.1"] })
        : new http.Agent({ ...kept, ...plainProxyOptions(proxy) });
    if (proxy !== undefined) routeThrough(proxy, this.#base, agent);
    this.#agent = { agent, trust };
    return agent;
  }

  #target({ path, query }: ApiRequest): string {
    const prefix = this.#base.pathname.replace(/\/$/, "");
    const encoded = path.split("/").map(encodeURIComponent).join("/");
    const search = query.toString();
    return `${prefix}${encoded}${search === "" ? "" : `?${search}`}`;
  }

  #headers(
    request: ApiRequest,
    authorization: string | undefined,
    body: Uint8Array | undefined,
  ): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {};
    for (const [name, value] of Object.entries(this.#options.headers ?? {}))
      headers[name] = typeof value === "string" ? value : [...value];
    for (const [name, value] of Object.entries(request.headers))
      if (value !== undefined) headers[name] = value;
    if (this.#gzip && headers["accept-encoding"] === undefined) headers["accept-encoding"] = "gzip";
    if (authorization !== undefined) headers.authorization = authorization;
    if (body !== undefined) headers["content-length"] = String(body.length);
    return headers;
  }
}

/** Requests under way end on their own connections; no connection is used again. */
function retire(agent: HttpAgent | HttpsAgent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets))
    for (const socket of sockets ?? []) socket.destroy();
}

const safeToRepeat: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

function bodyBytes({ body }: ApiRequest): Uint8Array | undefined {
  if (body === undefined) return undefined;
  return "bytes" in body ? body.bytes : Buffer.from(JSON.stringify(body.object));
}

/** Whom a connection believes, and by what certificate it proves itself; in PEM. */
interface Trust {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

function isSame(left: Trust, right: Trust): boolean {
  return left.ca === right.ca && left.cert === right.cert && left.key === right.key;
}

function asTransportError(error: unknown, server: URL): TransportError {
  if (error instanceof TransportError) return error;
  const why = error instanceof Error ? error.message || codeOf(error) : String(error);
  return new TransportError(`${server.host}: ${why}`, { cause: error });
}
