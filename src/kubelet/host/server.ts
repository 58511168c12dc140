import type { IncomingMessage, Server as PlainServer, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TLSSocket } from "node:tls";
import type { Pod } from "../../api/core/types.generated.ts";
import type { Logger } from "../../base/log.ts";
import { textContentType } from "../../base/metrics/text-format.ts";
import type { UserInfo } from "../../client/exchange.ts";
import { servePortForward } from "../../client/streaming/port-forward-server.ts";
import { serveRemoteCommand } from "../../client/streaming/remote-command-server.ts";
import { refuseUpgrade } from "../../client/streaming/upgrade.ts";
import type { ContainerRuntime } from "../cri/runtime.ts";
import { InvalidLogOptions, parseLogOptions } from "../log-line.ts";
import { type PodAccess, PodAccessError } from "../pod-access.ts";
import type { ServerAccess } from "../server-access.ts";
import type { KubeletViews } from "../stats/views.ts";
import { readLog } from "./log-reader.ts";

/** What the kubelet answers with. */
export interface KubeletServices {
  /** Absent: whoever can connect is believed. */
  readonly access?: ServerAccess;
  readonly pods: PodAccess;
  readonly views: KubeletViews;
  readonly runtime: ContainerRuntime;
  readonly logger: Logger;
  /** How logs are read; default: from files. */
  readonly readLog?: typeof readLog;
  /** By which clock logs are stamped; default: the machine's. */
  readonly nowMs?: () => number;
}

export interface KubeletServerOptions extends KubeletServices {
  readonly address: string;
  /** Upstream: 10250. 0: any free one. */
  readonly port: number;
  readonly certificate: string;
  readonly privateKey: string;
  /** Whose clients are believed by their certificates. */
  readonly clientAuthority: string;
  readonly access: ServerAccess;
}

export interface KubeletServer extends AsyncDisposable {
  readonly port: number;
}

/** The kubelet's own API: logs, exec, attach and port-forward for the API server, statistics for the metrics server. */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const server = createServer({
    cert: options.certificate,
    key: options.privateKey,
    ca: options.clientAuthority,
    requestCert: true,
    // Those without a certificate may bring a token.
    rejectUnauthorized: false,
  });
  serveKubelet(server, options);
  server.on("tlsClientError", (_, socket) => socket.destroy());
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

/** Answers whatever connections the server has. */
export function serveKubelet(server: Server | PlainServer, options: KubeletServices): void {
  server.on("request", (request, response) => {
    answer(request, response, options).catch((error: unknown) => fail(response, error, options.logger));
  });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    upgrade(request, socket, head, options).catch((error: unknown) => {
      const status = error instanceof PodAccessError ? error.status : 500;
      refuseUpgrade(
        { request, socket, head },
        status,
        error instanceof Error ? error.message : String(error),
      );
    });
  });
}

function listen(server: Server, { address, port }: KubeletServerOptions): Promise<void> {
  return new Promise((done, refuse) => {
    server.once("error", refuse);
    server.listen({ host: address, port }, () => {
      server.off("error", refuse);
      done();
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: KubeletServices,
): Promise<void> {
  const { url, path } = targetOf(request);
  if (url.pathname === "/healthz") return text(response, 200, "ok");
  await admit(request, url.pathname, options);
  const [first, namespace = "", pod = "", container = ""] = path;
  const view = await viewOf(path.join("/"), options.views);
  if (view !== undefined) return typeof view === "string" ? metrics(response, view) : json(response, view);
  switch (first) {
    case "containerLogs":
      return sendLog(request, response, { namespace, pod, container, query: url.searchParams }, options);
    case "exec":
    case "attach":
    case "portForward":
      return text(
        response,
        400,
        "you must specify at least 1 of stdin, stdout, stderr and ask for an upgrade",
      );
    default:
      return text(response, 404, "404 page not found");
  }
}

/** What a request names; throws 400 where that cannot be read. */
function targetOf({ url: target = "/" }: IncomingMessage): { url: URL; path: readonly string[] } {
  try {
    const url = new URL(`https://kubelet${target.startsWith("/") ? "" : "/"}${target}`);
    const segments = url.pathname.split("/").filter((segment) => segment !== "");
    return { url, path: segments.map(decodeURIComponent) };
  } catch {
    throw new PodAccessError(400, "the request's target cannot be read");
  }
}

/** What there is to see of the kubelet itself; a text is a page of metrics. */
async function viewOf(path: string, views: KubeletViews): Promise<object | string | undefined> {
  const list = (items: readonly Pod[]) => ({ kind: "PodList", apiVersion: "v1", metadata: {}, items });
  switch (path) {
    case "pods":
      return list(views.pods());
    case "runningpods":
      return list(views.runningPods());
    case "stats/summary":
      return views.summary();
    case "configz":
      return views.configuration();
    case "metrics":
      return views.metrics();
    case "metrics/resource":
      return views.resourceMetrics();
    case "metrics/probes":
      return views.probeMetrics();
    case "metrics/cadvisor":
      return views.cadvisorMetrics();
    default:
      return undefined;
  }
}

/** Throws 401 or 403 where the one who asks may not. */
async function admit(request: IncomingMessage, path: string, { access }: KubeletServices): Promise<void> {
  if (access === undefined) return;
  const user = await userOf(request, access);
  if (user === undefined) throw new PodAccessError(401, "Unauthorized");
  const allowed = await access.authorize(user, { method: request.method ?? "GET", path });
  if (!allowed)
    throw new PodAccessError(403, `Forbidden (user=${user.name}, verb=${request.method}, resource=nodes)`);
}

async function userOf(request: IncomingMessage, access: ServerAccess): Promise<UserInfo | undefined> {
  const socket = request.socket as TLSSocket; // this server speaks TLS only
  if (socket.authorized) {
    const { CN, O } = socket.getPeerCertificate().subject ?? {};
    const groups = O === undefined ? [] : typeof O === "string" ? [O] : O;
    const name = Array.isArray(CN) ? CN[0] : CN;
    if (name !== undefined) return { name, groups: [...groups, "system:authenticated"] };
  }
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  return scheme?.toLowerCase() === "bearer" && token !== undefined ? access.authenticate(token) : undefined;
}

interface LogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly query: URLSearchParams;
}

async function sendLog(
  request: IncomingMessage,
  response: ServerResponse,
  { namespace, pod, container, query }: LogRequest,
  { pods, ...options }: KubeletServices,
): Promise<void> {
  const read = options.readLog ?? readLog;
  const logOptions = parseLogOptions(query, options.nowMs?.() ?? Date.now());
  const previous = ["true", "1"].includes(query.get("previous") ?? "");
  const found = await pods.loggedContainer(namespace, pod, container, previous);
  const gone = new AbortController();
  request.socket.once("close", () => gone.abort());
  response.once("close", () => gone.abort());
  const source = { path: found.logPath, isLive: () => pods.isRunning(found.id) };
  response.writeHead(200, { "content-type": "text/plain", "transfer-encoding": "chunked" });
  response.flushHeaders();
  await pipeline(Readable.from(read(source, logOptions, gone.signal)), response).catch((error: unknown) => {
    // The reader left: that is how following ends.
    if (!gone.signal.aborted) throw error;
  });
}

async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: KubeletServices,
): Promise<void> {
  const { url, path } = targetOf(request);
  await admit(request, url.pathname, options);
  const { pods, runtime } = options;
  const query = url.searchParams;
  const [verb, namespace = "", pod = "", ...rest] = path;
  // The pod's uid may stand before the container's name.
  const container = rest.at(-1) ?? "";
  const isTrue = (name: string) => ["true", "1"].includes(query.get(name) ?? "");
  const streams = {
    stdin: isTrue("input"),
    stdout: isTrue("output"),
    stderr: isTrue("error"),
    tty: isTrue("tty"),
  };
  const connection = { request, socket, head };
  switch (verb) {
    case "exec": {
      const { id } = await pods.runningContainer(namespace, pod, container);
      const command = query.getAll("command");
      return serveRemoteCommand(connection, streams, (given, { signal }) =>
        runtime.exec({ containerId: id, command, tty: streams.tty }, given, { signal }),
      );
    }
    case "attach": {
      const { id } = await pods.runningContainer(namespace, pod, container);
      return serveRemoteCommand(connection, streams, (given, { signal }) =>
        runtime.attach({ containerId: id, tty: streams.tty }, given, { signal }),
      );
    }
    case "portForward": {
      const sandboxId = await pods.sandbox(namespace, pod);
      const ports = query.getAll("port").flatMap((list) => list.split(",").map(Number));
      return servePortForward(
        connection,
        (port, forwarded, { signal }) => runtime.portForward(sandboxId, port, forwarded, { signal }),
        { ports },
      );
    }
    default:
      throw new PodAccessError(404, "404 page not found");
  }
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(body);
}

function metrics(response: ServerResponse, body: string): void {
  response.writeHead(200, { "content-type": textContentType });
  response.end(body);
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function fail(response: ServerResponse, error: unknown, logger: Logger): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status =
    error instanceof PodAccessError ? error.status : error instanceof InvalidLogOptions ? 400 : 500;
  if (status === 500) logger.warn({ error }, "a request to the kubelet failed");
  text(response, status, error instanceof Error ? error.message : String(error));
}
