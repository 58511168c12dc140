import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { ApiRequest, ApiResponse, Transport } from "../exchange.ts";
import { TransportError } from "../transport-error.ts";
import { anonymous, type ClientCertificate, type Credentials } from "./credentials.ts";
import { decodeResponse, type ResponseLimits } from "./response-decoder.ts";
import { connectThroughSocks } from "./socks.ts";

export interface HttpsTransportOptions {
  /** "https://host:6443", with a path where the API lives under one. "http://" is for tests and local proxies. */
  readonly server: string;
  /** PEM; absent: the system's authorities. */
  readonly ca?: string;
  /** What the server's certificate must name, where that is not the host of `server`. */
  readonly tlsServerName?: string;
  /** Believes any certificate. */
  readonly insecureSkipTlsVerify?: boolean;
  readonly credentials?: Credentials;
  /** Sent with every request: impersonation. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** "http://proxy:3128", "https://…" or "socks5://…", with user and password where it asks for them. */
  readonly proxyUrl?: string;
  /** Without `proxyUrl`: HTTPS_PROXY, HTTP_PROXY and NO_PROXY count, but never for a server on this machine. */
  readonly proxyFromEnvironment?: boolean;
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
 * A transport over HTTPS/1.1 with connections that are kept and used again, as many as requests run at once: a watch
 * holds one for itself. Certificates and tokens are asked for at each request, so that rotation needs no restart.
 */
export function createHttpsTransport(options: HttpsTransportOptions): Transport {
  return new HttpsTransport(options);
}

class HttpsTransport implements Transport {
  readonly #options: HttpsTransportOptions;
  readonly #base: URL;
  readonly #credentials: Credentials;
  readonly #gzip: boolean;
  #agent:
    | { readonly agent: HttpAgent | HttpsAgent; readonly certificate: ClientCertificate | undefined }
    | undefined;
  #closed = false;

  constructor(options: HttpsTransportOptions) {
    this.#options = options;
    this.#base = new URL(options.server);
    this.#credentials = options.credentials ?? anonymous;
    this.#gzip = options.gzip ?? !isLocal(this.#base.hostname);
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
  }

  async #sendOnce(request: ApiRequest, authorization: string | undefined): Promise<ApiResponse> {
    if (this.#closed) throw new TransportError("the transport is closed");
    request.signal.throwIfAborted();
    const agent = this.#agentFor(await this.#credentials.clientCertificate());
    const isWatch = request.query.get("watch") === "true";
    for (let retried = false; ; retried = true) {
      const exchange = this.#begin(request, agent, authorization, isWatch);
      try {
        const response = await exchange.answer;
        return await decodeResponse(response, { isWatch, signal: request.signal, ...this.#options.limits });
      } catch (error) {
        request.signal.throwIfAborted();
        // The server closed a kept connection just when it was used again: nothing of the request was looked at.
        const stale = exchange.clientRequest.reusedSocket && codeOf(error) === "ECONNRESET";
        if (stale && !retried && safeToRepeat.has(request.method)) continue;
        throw asTransportError(error, this.#base);
      }
    }
  }

  #begin(
    request: ApiRequest,
    agent: HttpAgent | HttpsAgent,
    authorization: string | undefined,
    isWatch: boolean,
  ): { readonly clientRequest: ClientRequest; readonly answer: Promise<IncomingMessage> } {
    const body = bodyBytes(request);
    const { hostname, port, protocol } = this.#base;
    const clientRequest = (protocol === "https:" ? httpsRequest : httpRequest)({
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
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      clientRequest.once("response", (response) => {
        // From here on the stream's reader is told of errors; a text that is followed may be silent for long.
        if (!isJson(response)) clientRequest.setTimeout(0);
        resolve(response);
      });
      clientRequest.on("error", reject);
    });
    clientRequest.end(body);
    return { clientRequest, answer };
  }

  /** Kept until the client certificate changes. */
  #agentFor(certificate: ClientCertificate | undefined): HttpAgent | HttpsAgent {
    const known = this.#agent;
    if (
      known !== undefined &&
      known.certificate?.cert === certificate?.cert &&
      known.certificate?.key === certificate?.key
    )
      return known.agent;
    if (known !== undefined) retire(known.agent);
    const { ca, insecureSkipTlsVerify } = this.#options;
    const kept = {
      keepAlive: true,
      keepAliveMsecs: tcpKeepAliveMs,
      maxSockets: Number.POSITIVE_INFINITY,
      maxFreeSockets: idleSocketLimit,
      scheduling: "lifo" as const,
      ...proxyOptions(this.#options, this.#base),
    };
    const agent =
      this.#base.protocol === "https:"
        ? new HttpsAgent({
            ...kept,
            ...(ca === undefined ? {} : { ca }),
            ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
            ...(insecureSkipTlsVerify === true ? { rejectUnauthorized: false } : {}),
            ALPNProtocols: ["http/1.1"],
          })
        : new HttpAgent(kept);
    const throughSocks = socksOf(this.#options);
    if (throughSocks !== undefined) agent.createConnection = socksConnection(throughSocks, this.#base);
    this.#agent = { agent, certificate };
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

/** How an agent connects where that is not straight to the server. */
function proxyOptions({ proxyUrl, proxyFromEnvironment }: HttpsTransportOptions, server: URL): object {
  if (proxyUrl === undefined) {
    const { env } = process;
    return proxyFromEnvironment === true && !isLocal(server.hostname) ? { proxyEnv: { ...env } } : {};
  }
  return httpProxies.has(new URL(proxyUrl).protocol)
    ? { proxyEnv: { HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl } }
    : {};
}

const httpProxies: ReadonlySet<string> = new Set(["http:", "https:"]);

/** The proxy's URL where it is one of SOCKS. Throws where it is of no kind that is known. */
function socksOf({ proxyUrl }: HttpsTransportOptions): URL | undefined {
  const proxy = proxyUrl === undefined ? undefined : new URL(proxyUrl);
  if (proxy === undefined || httpProxies.has(proxy.protocol)) return undefined;
  if (proxy.protocol !== "socks5:" && proxy.protocol !== "socks5h:")
    throw new Error(
      `proxy-url: unsupported scheme ${proxy.protocol.slice(0, -1)}, must be http, https, or socks5`,
    );
  return proxy;
}

/** An agent's `createConnection` through a SOCKS proxy, with TLS inside where the server speaks it. */
function socksConnection(proxy: URL, server: URL): HttpAgent["createConnection"] {
  return (options: ConnectionOptions, callback) => {
    // Of an error nobody looks at the socket beside it.
    const connected = callback as (error: Error | null, socket?: Duplex) => void;
    const host = server.hostname.replace(/^\[|\]$/g, "");
    const port = Number(server.port) || (server.protocol === "https:" ? 443 : 80);
    connectThroughSocks(proxy, host, port).then((socket) => {
      if (server.protocol !== "https:") {
        connected(null, socket);
        return;
      }
      const secure = connectTls({ ...options, socket, servername: options.servername ?? host });
      secure.once("secureConnect", () => connected(null, secure));
      secure.once("error", connected);
    }, connected);
    return undefined;
  };
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

function isJson(response: IncomingMessage): boolean {
  return response.headers["content-type"]?.startsWith("application/json") === true;
}

function isLocal(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function asTransportError(error: unknown, server: URL): TransportError {
  if (error instanceof TransportError) return error;
  const why = error instanceof Error ? error.message || codeOf(error) : String(error);
  return new TransportError(`${server.host}: ${why}`, { cause: error });
}
