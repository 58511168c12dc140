import { setImmediate as nextTurn } from "node:timers/promises";
import type { ProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import type { ApiResponse, ResponseHeaders } from "../../client/exchange.ts";
import { mediaTypes } from "../content/negotiate.ts";
import { isList, joined, jsonPieces, yamlBytes } from "./encode.ts";
import type { Reply } from "./reply.ts";
import { streamWatch } from "./watch-stream.ts";

export interface RespondOptions {
  readonly acceptEncoding: string;
  readonly isHead: boolean;
  readonly protobuf?: ProtobufCodec;
}

/** Upstream's threshold: below it, compression costs more than it saves. */
const gzipMinBytes = 128 * 1024;
/** A list is encoded this much at a time, then others get their turn. */
const pieceBytes = 256 * 1024;
const singleWriteItems = 50;

/** Puts an answer on the wire. Rejects only for faults of this server; a client that goes away ends it quietly. */
export async function sendResponse(
  response: ApiResponse,
  reply: Reply,
  options: RespondOptions,
): Promise<void> {
  if (options.isHead) {
    reply.head(response.status, response.headers);
    reply.end();
    return discard(response);
  }
  switch (response.type) {
    case "object":
      return sendObject(response, reply, options);
    case "watch":
      return streamWatch(response, reply, options.protobuf);
    case "bytes":
      return sendBytes(response, reply);
  }
}

type ObjectResponse = ApiResponse & { readonly type: "object" };

async function sendObject(response: ObjectResponse, reply: Reply, options: RespondOptions): Promise<void> {
  const { status, headers } = response;
  const object = response.object as object; // answers are JSON objects
  switch (headers["content-type"]) {
    case mediaTypes.protobuf:
      if (options.protobuf !== undefined)
        return sendWhole(status, headers, options.protobuf.encode(object), reply, options);
      break;
    case mediaTypes.yaml:
      return sendWhole(status, headers, await yamlBytes(object), reply, options);
  }
  if (isList(object) && object.items.length > singleWriteItems)
    return sendPieces(status, headers, jsonPieces(object), reply, options);
  return sendWhole(status, headers, joined([...jsonPieces(object)]), reply, options);
}

async function sendWhole(
  status: number,
  headers: ResponseHeaders,
  bytes: Uint8Array,
  reply: Reply,
  options: RespondOptions,
): Promise<void> {
  if (bytes.length >= gzipMinBytes && acceptsGzip(options)) {
    const compressed = await gzip([bytes]);
    reply.head(status, {
      ...headers,
      "content-encoding": "gzip",
      vary: "Accept-Encoding",
      "content-length": compressed.length,
    });
    reply.end(compressed);
    return;
  }
  reply.head(status, { ...headers, "content-length": bytes.length });
  reply.end(bytes);
}

/** A long list, encoded and sent part by part: it holds neither the event loop nor its whole text at once. */
async function sendPieces(
  status: number,
  headers: ResponseHeaders,
  pieces: Iterable<Uint8Array>,
  reply: Reply,
  options: RespondOptions,
): Promise<void> {
  if (acceptsGzip(options)) return sendCompressed(status, headers, pieces, reply, options);
  reply.head(status, headers);
  for (const part of parts(pieces)) {
    if (reply.closed) return;
    if (!reply.write(part)) await reply.drained();
    else await nextTurn();
  }
  reply.end();
}

async function sendCompressed(
  status: number,
  headers: ResponseHeaders,
  pieces: Iterable<Uint8Array>,
  reply: Reply,
  options: RespondOptions,
): Promise<void> {
  const whole: Uint8Array[] = [];
  let bytes = 0;
  for (const part of parts(pieces)) {
    whole.push(part);
    bytes += part.length;
    await nextTurn();
  }
  if (bytes < gzipMinBytes) return sendWhole(status, headers, joined(whole), reply, options);
  const compressed = await gzip(whole);
  reply.head(status, {
    ...headers,
    "content-encoding": "gzip",
    vary: "Accept-Encoding",
    "content-length": compressed.length,
  });
  reply.end(compressed);
}

function* parts(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    waiting.push(piece);
    bytes += piece.length;
    if (bytes < pieceBytes) continue;
    yield joined(waiting);
    waiting = [];
    bytes = 0;
  }
  if (bytes > 0) yield joined(waiting);
}

function acceptsGzip({ acceptEncoding }: RespondOptions): boolean {
  return (
    acceptEncoding !== "" && /(^|,)\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[^,]*)?(,|$)/i.test(acceptEncoding)
  );
}

/** Off the event loop; level 1 is what upstream uses. */
async function gzip(pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  const { gzip: compress } = await import("node:zlib");
  return new Promise((resolve, reject) => {
    compress(Buffer.concat(pieces), { level: 1 }, (error, result) =>
      error ? reject(error) : resolve(result),
    );
  });
}

async function sendBytes(response: ApiResponse & { readonly type: "bytes" }, reply: Reply): Promise<void> {
  reply.head(response.status, response.headers);
  for await (const chunk of response.body) {
    if (reply.closed) return;
    if (!reply.write(chunk)) await reply.drained();
  }
  reply.end();
}

async function discard(response: ApiResponse): Promise<void> {
  const source =
    response.type === "watch" ? response.events : response.type === "bytes" ? response.body : undefined;
  await source?.[Symbol.asyncIterator]().return?.();
}
