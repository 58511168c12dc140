import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { ObjectName } from "../client.ts";
import type { WebSocketWay } from "../streaming/websocket-way.ts";
import { anonymous } from "./credentials.ts";
import type { HttpsTransportOptions } from "./https-transport.ts";
import { openTunnel, proxyFor } from "./proxy.ts";
import { RotatingFile } from "./rotating-file.ts";

/** How the streams of pods are reached: as `connect` found the server, or in a way of its own. */
export interface StreamTransport extends HttpsTransportOptions {
  /** Gives a connection to the server, in the place of TCP, TLS and proxies: clusters of this process have one. */
  readonly dial?: () => Promise<Duplex>;
}

/** What `connect` gives, or a test's cluster: all that is asked of it is how to get there. */
export interface StreamConnection {
  readonly transport: StreamTransport;
}

/** A WebSocket that is to be opened: where, and how. */
export interface SocketAddress extends Required<WebSocketWay> {
  readonly url: string;
}

/** Of a subresource of a pod: "exec", "attach", "portforward". */
export async function socketAddress(
  { transport }: StreamConnection,
  { namespace = "default", name }: ObjectName,
  subresource: string,
  query: URLSearchParams,
): Promise<SocketAddress> {
  if (transport === undefined)
    throw new TypeError(
      "a connection is expected: what connect() resolves with, or a test's cluster; not its client",
    );
  const server = new URL(transport.server);
  const pod = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
  const base = server.href.replace(/^http/, "ws").replace(/\/$/, "");
  const tls = transport.dial === undefined ? await wireOf(transport, server) : await dialed(transport.dial);
  return { url: `${base}${pod}/${subresource}?${query}`, headers: await headersOf(transport), tls };
}

async function dialed(dial: () => Promise<Duplex>) {
  const stream = await dial();
  return { createConnection: () => stream };
}

async function headersOf({ headers = {}, credentials = anonymous }: HttpsTransportOptions) {
  const authorization = await credentials.authorization();
  const sent: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers))
    sent[name] = typeof value === "string" ? value : [...value];
  return { ...sent, ...(authorization === undefined ? {} : { authorization }) };
}

/** How the connection is made: as the transport of the requests makes its own. */
async function wireOf(options: HttpsTransportOptions, server: URL) {
  const { credentials = anonymous, ca, caFile, tlsServerName, insecureSkipTlsVerify } = options;
  const trusted = ca ?? (caFile === undefined ? undefined : await new RotatingFile(caFile).read());
  const tls = {
    ...(await credentials.clientCertificate()),
    ...(trusted === undefined ? {} : { ca: trusted }),
    ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
    ...(insecureSkipTlsVerify === true ? { rejectUnauthorized: false } : {}),
  };
  const proxy = proxyFor(options, server);
  if (proxy === undefined) return tls;
  const socket = await openTunnel(proxy, server);
  const servername = tlsServerName ?? server.hostname.replace(/^\[|\]$/g, "");
  const createConnection = () =>
    server.protocol === "https:" ? connectTls({ ...tls, socket, servername }) : socket;
  return { ...tls, createConnection };
}
