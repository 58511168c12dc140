import type { Agent as HttpAgent } from "node:http";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
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

/** Whether the environment names a proxy that may be meant for this server. */
export function isProxiedByEnvironment(server: URL): boolean {
  const { HTTPS_PROXY, https_proxy: lower } = process.env;
  return !isLocal(server.hostname) && (HTTPS_PROXY ?? lower ?? "") !== "";
}

/** How an agent connects where that is not straight to the server. */
export function proxyOptions({ proxyUrl, proxyFromEnvironment }: ProxyOptions, server: URL): object {
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
export function socksOf({ proxyUrl }: Pick<ProxyOptions, "proxyUrl">): URL | undefined {
  const proxy = proxyUrl === undefined ? undefined : new URL(proxyUrl);
  if (proxy === undefined || httpProxies.has(proxy.protocol)) return undefined;
  if (proxy.protocol !== "socks5:" && proxy.protocol !== "socks5h:")
    throw new Error(
      `proxy-url: unsupported scheme ${proxy.protocol.slice(0, -1)}, must be http, https, or socks5`,
    );
  return proxy;
}

/** An agent's `createConnection` through a SOCKS proxy, with TLS inside where the server speaks it. */
export function socksConnection(proxy: URL, server: URL): HttpAgent["createConnection"] {
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
