import type { IncomingMessage } from "node:http";
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { Logger } from "../../base/log.ts";
import type { ApiResponse, ResponseHeaders } from "../../client/exchange.ts";
import { http } from "../../client/transport/node-http.ts";
import type { ApiServer, RequestContext } from "../api-server.ts";
import type { Backend, BackendRequest } from "../connect/backend.ts";
import { readHttp1 } from "./http1.ts";
import { streamOverWebSocket, streamsOverWebSocket } from "./websocket.ts";

/** How the server proves itself to kubelets, and knows them. PEM. */
export interface KubeletIdentity {
  readonly certificate: string;
  readonly privateKey: string;
  /** Absent: kubelets are believed as they are (their certificates are often self-signed). */
  readonly authority?: string;
}

/** Connects to backends of this process, without a socket; undefined: it is none. Rejects where it refuses. */
export type DialInProcess = (place: Pick<Backend, "host" | "port">) => Promise<Duplex | undefined>;

export interface UpgradeOptions {
  readonly server: Pick<ApiServer, "handle" | "upgrade">;
  readonly context: RequestContext;
  readonly kubelet?: KubeletIdentity;
  readonly dialInProcess?: DialInProcess;
  readonly logger: Logger;
}

const dialTimeoutMs = 30_000;

/**
 * Whether an offer to change protocols is taken up. Where nothing could be done with the connection it is answered as if it
 * had offered nothing, as HTTP has it: kubectl 1.22 offers SPDY with whatever it asks after an exec.
 */
export function takesUpgrade({ url = "", headers }: IncomingMessage): boolean {
  if (headers.upgrade?.toLowerCase() === "websocket") return true;
  const [path = ""] = url.split("?", 1);
  // Whatever an extension serves may be one.
  return path.startsWith("/apis/") || /\/(exec|attach|portforward|proxy)(\/|$)/.test(path);
}

/**
 * A request to take the connection over (exec, attach, portforward, proxy): authorized and admitted like any other, then its
 * bytes are passed on to the backend and back as they come, whatever protocol they speak.
 */
export function handleUpgrade(
  message: IncomingMessage,
  client: Duplex,
  head: Buffer,
  options: UpgradeOptions,
): void {
  client.on("error", (error) => options.logger.debug({ error: error.message }, "upgraded connection failed"));
  passOn(message, client, head, options).catch((error: unknown) => {
    options.logger.warn({ error, path: message.url }, "an upgrade failed");
    client.destroy();
  });
}

async function passOn(
  message: IncomingMessage,
  client: Duplex,
  head: Buffer,
  options: UpgradeOptions,
): Promise<void> {
  const abort = new AbortController();
  client.once("close", () => abort.abort());
  const request = readHttp1(message, undefined, abort.signal);
  if (request === undefined) {
    client.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    return;
  }
  if (streamsOverWebSocket(request)) {
    const response = await options.server.handle(request, options.context);
    if (response.type === "object" || response.status >= 300) return writeRefusal(client, response);
    return streamOverWebSocket({ message, client, head }, response);
  }
  const outcome = await options.server.upgrade(request, options.context);
  if ("refusal" in outcome) return writeRefusal(client, outcome.refusal);
  const { ended } = outcome;
  if (ended !== undefined) {
    if (client.destroyed) ended();
    else client.once("close", ended);
  }
  let backend: Duplex;
  try {
    const place = outcome.passage.backend;
    backend = (await options.dialInProcess?.(place)) ?? (await dial(place, options.kubelet));
  } catch (error) {
    const { host, port } = outcome.passage.backend;
    const why = error instanceof Error ? error.message : String(error);
    return writeStatus(client, 500, `error dialing backend: dial tcp ${host}:${port}: ${why}`);
  }
  if (client.destroyed) {
    backend.destroy();
    return;
  }
  backend.write(requestHead(outcome.passage));
  if (head.length > 0) backend.write(head);
  backend.pipe(client);
  client.pipe(backend);
  backend.on("error", () => client.destroy());
  backend.once("close", () => client.end());
  client.once("close", () => backend.destroy());
}

/** Connects to a backend. Rejects with what went wrong. */
function dial(backend: Backend, kubelet: KubeletIdentity | undefined): Promise<Duplex> {
  const { host, port } = backend;
  return new Promise((resolve, reject) => {
    const socket =
      backend.scheme === "http"
        ? connectTcp({ host, port, noDelay: true })
        : connectTls({ host, port, ...tlsOptions(backend, kubelet) });
    const timer = setTimeout(() => socket.destroy(new Error("i/o timeout")), dialTimeoutMs);
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once("error", failed);
    socket.once(backend.scheme === "http" ? "connect" : "secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", failed);
      resolve(socket);
    });
  });
}

/** Shared with plain requests: pods' certificates are not checked, as upstream does not. */
export function tlsOptions(backend: Backend, kubelet: KubeletIdentity | undefined) {
  const { frontProxy } = backend;
  if (frontProxy !== undefined)
    return {
      servername: frontProxy.serverName,
      rejectUnauthorized: !frontProxy.insecure,
      ...(frontProxy.certificate === undefined ? {} : { cert: frontProxy.certificate }),
      ...(frontProxy.privateKey === undefined ? {} : { key: frontProxy.privateKey }),
      ...(frontProxy.authority === undefined ? {} : { ca: frontProxy.authority }),
    };
  if (backend.identity === "none" || kubelet === undefined) return { rejectUnauthorized: false };
  return {
    cert: kubelet.certificate,
    key: kubelet.privateKey,
    ...(kubelet.authority === undefined ? { rejectUnauthorized: false } : { ca: kubelet.authority }),
  };
}

function requestHead({ method, target, headers, backend }: BackendRequest): string {
  const host = backend.host.includes(":") ? `[${backend.host}]` : backend.host;
  const lines = [`${method} ${target} HTTP/1.1`, `host: ${host}:${backend.port}`, ...headerLines(headers)];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function writeRefusal(client: Duplex, response: ApiResponse): void {
  if (response.type !== "object") {
    writeStatus(client, 500, "the answer cannot be sent on this connection");
    return;
  }
  writeAnswer(client, response.status, JSON.stringify(response.object), response.headers);
}

function writeStatus(client: Duplex, code: number, message: string): void {
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code };
  writeAnswer(client, code, JSON.stringify(status));
}

function writeAnswer(client: Duplex, code: number, json: string, headers: ResponseHeaders = {}): void {
  const own = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(json)),
    connection: "close",
  };
  const lines = [
    `HTTP/1.1 ${code} ${http.STATUS_CODES[code] ?? code}`,
    ...headerLines({ ...headers, ...own }),
  ];
  client.end(`${lines.join("\r\n")}\r\n\r\n${json}`);
}

function headerLines(headers: ResponseHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((each) => `${name}: ${each}`),
  );
}
