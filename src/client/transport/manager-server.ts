import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { HealthReport } from "../manager/health.ts";
import { http } from "./node-http.ts";

interface ReportOptions {
  readonly only?: string;
  readonly verbose?: boolean;
  readonly exclude?: readonly string[];
}

export interface ManagerServerOptions {
  readonly port: number;
  /** All addresses unless said: the kubelet probes from outside. */
  readonly host?: string;
  healthz(options: ReportOptions): Promise<HealthReport>;
  readyz(options: ReportOptions): Promise<HealthReport>;
  metrics?(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** /healthz, /readyz and /metrics over plain HTTP. Rejects where the port cannot be had. */
export async function serveManager(
  options: ManagerServerOptions,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = http.createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(options, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port, // it listens on a TCP port
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  options: ManagerServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://manager");
  const [, endpoint = "", only, ...rest] = pathname.split("/");
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
  } else if (endpoint === "metrics" && only === undefined && options.metrics !== undefined) {
    const { contentType, text } = await options.metrics();
    response.writeHead(200, { "content-type": contentType }).end(text);
  } else if ((endpoint === "healthz" || endpoint === "readyz") && rest.length === 0) {
    const { status, text } = await options[endpoint]({
      ...(only === undefined || only === "" ? {} : { only }),
      verbose: searchParams.has("verbose"),
      exclude: searchParams.getAll("exclude"),
    });
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
  } else {
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("404 page not found\n");
  }
}
