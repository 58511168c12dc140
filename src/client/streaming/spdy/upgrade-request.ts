import type { ClientRequest, ClientRequestArgs } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { http } from "../../transport/node-http.ts";
import { PatientSocket } from "../patient-socket.ts";
import { RemoteCommandError } from "../process-status.ts";

export interface UpgradeOptions {
  /** What X-Stream-Protocol-Version offers, best first. */
  readonly protocols: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: Pick<RequestOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "servername">;
  readonly signal?: AbortSignal;
}

export interface UpgradedConnection {
  readonly socket: Duplex;
  readonly head: Buffer;
  /** The one that the server chose; undefined where it chose none. */
  readonly protocol: string | undefined;
}

const longestRefusalBytes = 4096;

const openPatiently = ({ host, port }: ClientRequestArgs) =>
  PatientSocket.open({ host: host ?? "localhost", port: Number(port ?? 80) });

/** Asks a server to speak SPDY/3.1 on this connection. Rejects with the server's own words when it refuses. */
export function upgradeToSpdy(url: string, options: UpgradeOptions): Promise<UpgradedConnection> {
  const secure = url.startsWith("https:");
  const request = secure ? httpsRequest : http.request;
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = request(url, {
      method: "POST",
      headers: {
        ...options.headers,
        connection: "Upgrade",
        upgrade: "SPDY/3.1",
        "x-stream-protocol-version": [...options.protocols],
        "content-length": "0",
      },
      ...(secure ? options.tls : { createConnection: openPatiently }),
      ...(options.signal && { signal: options.signal }),
    });
    outgoing.once("upgrade", (response, socket, head) => {
      const protocol = response.headers["x-stream-protocol-version"];
      resolve({ socket, head, protocol: Array.isArray(protocol) ? protocol[0] : protocol });
    });
    outgoing.once("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        if (body.length < longestRefusalBytes) body += chunk;
      });
      response.on("end", () => {
        const said = body.trim() === "" ? (response.statusMessage ?? "") : body.trim();
        reject(new RemoteCommandError(`unable to upgrade connection: ${said}`));
      });
      response.on("error", reject);
    });
    outgoing.once("error", reject);
    outgoing.end();
  });
}
