import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { ApiRequest, RequestBody } from "../../client/exchange.ts";
import type { RequestContext } from "../api-server.ts";
import { clientCertificateOf } from "./certificate.ts";
import { wireHeaders } from "./header-values.ts";
import { type Reply, unlessFailed } from "./reply.ts";
import { parseTarget } from "./target.ts";

/** What a request line and headers say; undefined where they make no sense. */
export function readHttp1(
  message: IncomingMessage,
  body: RequestBody | undefined,
  signal: AbortSignal,
): ApiRequest | undefined {
  const target = parseTarget(message.url ?? "");
  const method = message.method ?? "";
  if (target === undefined || method === "") return undefined;
  return {
    method,
    path: target.path,
    query: target.query,
    // Node joins what came several times; only set-cookie stays a list, and nothing here reads it.
    headers: message.headers as Readonly<Record<string, string | undefined>>,
    ...(body === undefined ? {} : { body }),
    signal,
  };
}

/** What is known of whoever sent it. */
export function contextOf(socket: TLSSocket): RequestContext {
  const clientCertificate = clientCertificateOf(socket);
  return {
    ...(socket.remoteAddress === undefined ? {} : { sourceAddress: socket.remoteAddress }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

export function http1Reply(response: ServerResponse): Reply {
  return new Http1Reply(response);
}

class Http1Reply implements Reply {
  bytesSent = 0;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  writeChunk(chunk: Uint8Array, written?: () => void): boolean {
    this.bytesSent += chunk.length;
    // The connection is this answer's alone once the head is out: what goes straight to it stays in order.
    const { socket } = this.#response;
    if (socket === null || this.#response.destroyed) return true;
    return written === undefined ? socket.write(chunk) : socket.write(chunk, unlessFailed(written));
  }

  head(status: number, headers: Parameters<Reply["head"]>[1]): void {
    this.#response.writeHead(status, wireHeaders(headers));
  }

  write(bytes: Uint8Array, written?: () => void): boolean {
    if (bytes.length === 0) {
      this.#response.flushHeaders();
      return true;
    }
    this.bytesSent += bytes.length;
    return written === undefined
      ? this.#response.write(bytes)
      : this.#response.write(bytes, unlessFailed(written));
  }

  drained(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      const { socket } = response;
      if (socket === null || response.destroyed || response.closed) return resolve();
      // What went to the connection directly is the connection's to report; the answer knows what it was given itself.
      if (!socket.writableNeedDrain && !response.writableNeedDrain) return resolve();
      const settle = () => {
        socket.off("drain", settle);
        response.off("drain", settle);
        response.off("close", settle);
        resolve();
      };
      socket.on("drain", settle);
      response.on("drain", settle);
      response.on("close", settle);
    });
  }

  end(bytes?: Uint8Array, written?: () => void): void {
    if (bytes === undefined) {
      this.#response.end();
      return;
    }
    this.bytesSent += bytes.length;
    if (written === undefined) this.#response.end(bytes);
    else this.#response.end(bytes, unlessFailed(written));
  }

  destroy(): void {
    this.#response.destroy();
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  get closed(): boolean {
    return this.#response.destroyed || this.#response.closed;
  }
}
