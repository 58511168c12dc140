import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { ApiRequest, HttpMethod, RequestBody } from "../../client/exchange.ts";
import { wireHeaders } from "./header-values.ts";
import type { Reply } from "./reply.ts";
import { parseTarget } from "./target.ts";

const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** What a stream's headers say; undefined where they make no sense. */
export function readHttp2(
  headers: IncomingHttpHeaders,
  body: RequestBody | undefined,
  signal: AbortSignal,
): ApiRequest | undefined {
  const target = parseTarget(String(headers[":path"] ?? ""));
  const method = String(headers[":method"] ?? "");
  if (target === undefined || !methods.has(method)) return undefined;
  return {
    method: method as HttpMethod, // one of the set
    path: target.path,
    query: target.query,
    headers: headers as Readonly<Record<string, string | undefined>>, // lists occur only for set-cookie
    ...(body === undefined ? {} : { body }),
    signal,
  };
}

export function http2Reply(stream: ServerHttp2Stream): Reply {
  let bytesSent = 0;
  return {
    get bytesSent() {
      return bytesSent;
    },
    head(status, headers) {
      if (stream.destroyed || stream.headersSent) return;
      stream.respond({ ":status": status, ...wireHeaders(headers) });
    },
    write(bytes) {
      bytesSent += bytes.length;
      return bytes.length === 0 || stream.destroyed || stream.write(bytes);
    },
    drained: () =>
      new Promise((resolve) => {
        if (stream.destroyed || stream.closed) return resolve();
        const settle = () => {
          stream.off("drain", settle);
          stream.off("close", settle);
          resolve();
        };
        stream.on("drain", settle);
        stream.on("close", settle);
      }),
    end(bytes) {
      if (stream.destroyed) return;
      if (bytes === undefined) stream.end();
      else {
        bytesSent += bytes.length;
        stream.end(bytes);
      }
    },
    destroy: () => stream.destroy(),
    get headersSent() {
      return stream.headersSent;
    },
    get closed() {
      return stream.destroyed || stream.closed;
    },
  };
}
