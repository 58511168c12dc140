import { constants, type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { ApiRequest, RequestBody } from "../../client/exchange.ts";
import { wireHeaders } from "./header-values.ts";
import { type Reply, unlessFailed } from "./reply.ts";
import { parseTarget } from "./target.ts";

/** What a stream's headers say; undefined where they make no sense. */
export function readHttp2(
  headers: IncomingHttpHeaders,
  body: RequestBody | undefined,
  signal: AbortSignal,
): ApiRequest | undefined {
  const target = parseTarget(String(headers[":path"] ?? ""));
  const method = String(headers[":method"] ?? "");
  if (target === undefined || method === "") return undefined;
  return {
    method,
    path: target.path,
    query: target.query,
    headers: headers as Readonly<Record<string, string | undefined>>, // lists occur only for set-cookie
    ...(body === undefined ? {} : { body }),
    signal,
  };
}

/** Streams that are on their way when they are told to be the last: as long as Go's server waits. */
const retirementMs = 1000;
const retiring = new WeakSet<Http2Session>();

/** Tells the client to make a new connection for further requests; what it sent before it heard so is still answered. */
export function retire(session: Http2Session | undefined): void {
  if (session === undefined || session.destroyed || retiring.has(session)) return;
  retiring.add(session);
  session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
  const timer = setTimeout(() => session.close(), retirementMs);
  timer.unref();
  session.once("close", () => clearTimeout(timer));
}

export function http2Reply(stream: ServerHttp2Stream): Reply {
  return new Http2Reply(stream);
}

class Http2Reply implements Reply {
  bytesSent = 0;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  head(status: number, headers: Parameters<Reply["head"]>[1]): void {
    if (this.#stream.destroyed || this.#stream.headersSent) return;
    // Credentials that are no good are none: see the listener.
    if (status === 401) retire(this.#stream.session);
    this.#stream.respond({ ":status": status, ...wireHeaders(headers) });
  }

  write(bytes: Uint8Array, written?: () => void): boolean {
    this.bytesSent += bytes.length;
    if (bytes.length === 0 || this.#stream.destroyed) return true;
    return written === undefined
      ? this.#stream.write(bytes)
      : this.#stream.write(bytes, unlessFailed(written));
  }

  drained(): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve) => {
      if (stream.destroyed || stream.closed) return resolve();
      const settle = () => {
        stream.off("drain", settle);
        stream.off("close", settle);
        resolve();
      };
      stream.on("drain", settle);
      stream.on("close", settle);
    });
  }

  end(bytes?: Uint8Array, written?: () => void): void {
    if (this.#stream.destroyed) return;
    if (bytes === undefined) {
      this.#stream.end();
      return;
    }
    this.bytesSent += bytes.length;
    if (written === undefined) this.#stream.end(bytes);
    else this.#stream.end(bytes, unlessFailed(written));
  }

  destroy(): void {
    this.#stream.destroy();
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  get closed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }
}
