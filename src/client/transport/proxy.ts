import type { Agent as HttpAgent } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { TransportError } from "../transport-error.ts";
import { http } from "./node-http.ts";
import { proxyOfEnvironment } from "./proxy-environment.ts";
import { connectThroughSocks } from "./socks.ts";

/** As in HttpsTransportOptions. */
interface ProxyOptions {
  readonly proxyUrl?: string;
  readonly proxyFromEnvironment?: boolean;
}

/** Whether a host is this machine: never behind a proxy, and not worth packing for. */
export function isLocal(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

/** The proxy on the way to a server; undefined: straight there. Throws where it is of no kind that is known. */
export function proxyFor({ proxyUrl, proxyFromEnvironment }: ProxyOptions, server: URL): URL | undefined {
  const found =
    proxyUrl ??
    (proxyFromEnvironment === true && !isLocal(server.hostname)
      ? proxyOfEnvironment(server, process.env)
      : undefined);
  if (found === undefined) return undefined;
  const proxy = URL.parse(found);
  const scheme = proxy?.protocol.slice(0, -1) ?? "";
  if (proxy === null) throw new Error(`proxy-url: ${JSON.stringify(found)} is not a URL`);
  if (!schemes.has(scheme))
    throw new Error(`proxy-url: unsupported scheme ${scheme}, must be http, https, or socks5`);
  return proxy;
}

const schemes: ReadonlySet<string> = new Set(["http", "https", "socks5", "socks5h"]);

/** How an HTTP/1.1 agent goes through a proxy: with requests to it where nothing is secret, else by a tunnel. */
export function routeThrough(proxy: URL, server: URL, agent: HttpAgent): void {
  const isPlain = server.protocol === "http:" && !proxy.protocol.startsWith("socks");
  if (!isPlain) agent.createConnection = tunnelledConnection(proxy, server);
}

/** What an agent for plain requests through an HTTP proxy is made with. */
export function plainProxyOptions(proxy: URL | undefined): object {
  if (proxy === undefined || proxy.protocol.startsWith("socks")) return {};
  return { proxyEnv: { HTTP_PROXY: proxy.href } };
}

/** A connection to the server through its proxy. Rejects with TransportError, which names the proxy. */
export function openTunnel(proxy: URL, server: URL): Promise<Socket> {
  const host = server.hostname.replace(/^\[|\]$/g, "");
  const port = Number(server.port) || (server.protocol === "https:" ? 443 : 80);
  if (proxy.protocol.startsWith("socks")) return connectThroughSocks(proxy, host, port);
  return connectThroughHttp(proxy, `${server.hostname}:${port}`);
}

const tunnelLimitMs = 30_000;

/** CONNECT (RFC 9110, section 9.3.6). */
function connectThroughHttp(proxy: URL, target: string): Promise<Socket> {
  const { username, password, protocol, hostname, port } = proxy;
  const user = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const authorization = { "proxy-authorization": `Basic ${user.toString("base64")}` };
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(new TransportError(`proxy ${proxy.host}: cannot connect to ${target}: ${why}`, { cause }));
    const request = (protocol === "https:" ? httpsRequest : http.request)({
      agent: false,
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: port || (protocol === "https:" ? 443 : 80),
      method: "CONNECT",
      path: target,
      headers: { host: target, ...(username === "" ? {} : authorization) },
    });
    request.setTimeout(tunnelLimitMs, () => request.destroy(new Error("no answer in time")));
    request.once("connect", ({ statusCode, statusMessage }, socket: Socket, head) => {
      socket.setTimeout(0);
      if (statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.destroy();
      fail(`${statusCode} ${statusMessage}`);
    });
    // A proxy that does not know CONNECT answers as to any request.
    request.once("response", (response) => {
      response.destroy();
      fail(`${response.statusCode} ${response.statusMessage}`);
    });
    request.on("error", (error) => fail(error.message, error));
    request.end();
  });
}

/** An agent's `createConnection` through a proxy, with TLS inside where the server speaks it. */
function tunnelledConnection(proxy: URL, server: URL): HttpAgent["createConnection"] {
  return (options: ConnectionOptions, callback) => {
    // Of an error nobody looks at the socket beside it.
    const connected = callback as (error: Error | null, socket?: Duplex) => void;
    openTunnel(proxy, server).then((socket) => {
      if (server.protocol !== "https:") {
        connected(null, socket);
        return;
      }
      const servername = options.servername ?? server.hostname.replace(/^\[|\]$/g, "");
      const secure = connectTls({ ...options, socket, servername });
      secure.once("secureConnect", () => connected(null, secure));
      secure.once("error", connected);
    }, connected);
    return undefined;
  };
}
