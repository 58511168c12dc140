import type { ProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import type { ApiResponse, ResponseHeaders } from "../../client/exchange.ts";
import { type ListMembers, membersOf } from "../content/lazy-list.ts";
import { mediaTypes } from "../content/negotiate.ts";
import { ChunkWriter, type Piece } from "./chunk-writer.ts";
import {
  jsonBytes,
  jsonListPieces,
  plainItem,
  protobufBytes,
  protobufListPieces,
  yamlBytes,
} from "./encode.ts";
import { prettyBytes, prettyListPieces } from "./encode-pretty.ts";
import { gzipSink, type Sink } from "./gzip-sink.ts";
import { type Reply, roomIn } from "./reply.ts";
import { turns } from "./turns.ts";
import { streamWatch } from "./watch-stream.ts";

export interface RespondOptions {
  readonly acceptEncoding: string;
  readonly isHead: boolean;
  readonly protobuf?: ProtobufCodec;
}

/** Upstream's threshold: below it, compression costs more than it saves. */
const gzipAboveBytes = 128 * 1024;
const gzipHeaders = { "content-encoding": "gzip", vary: "Accept-Encoding" };
/** A list is encoded this much at a time: below this it is one piece, and not compressed. */
const chunkBytes = gzipAboveBytes;
/** Or for this long, if that is less. */
const pieceMs = 2;

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
  const { protobuf } = options;
  const members = membersOf(object);
  const plain = response.plainItems === true;
  const mediaType = String(headers["content-type"]).split(";", 1)[0];
  if (mediaType === mediaTypes.yaml)
    return sendWhole(
      status,
      headers,
      await yamlBytes(plain ? withPlainItems(object) : object),
      reply,
      options,
    );
  if (mediaType === mediaTypes.protobuf && protobuf !== undefined)
    return members === undefined
      ? sendWhole(status, headers, protobufBytes(object, protobuf), reply, options)
      : sendPieces(status, headers, protobufListPieces(members, protobuf), reply, options);
  if (response.isPretty === true)
    return members === undefined
      ? sendWhole(status, headers, prettyBytes(object), reply, options)
      : sendPieces(
          status,
          headers,
          prettyListPieces(plain ? plainMembers(members) : members),
          reply,
          options,
        );
  return members === undefined
    ? sendWhole(status, headers, jsonBytes(object), reply, options)
    : sendPieces(status, headers, jsonListPieces(members, { plain }), reply, options);
}

function plainMembers(members: ListMembers): ListMembers {
  return { ...members, show: (source) => plainItem(members.show(source)) };
}

function withPlainItems(list: object): object {
  const { items } = list as { readonly items: readonly object[] }; // only lists have plain items
  return { ...list, items: items.map(plainItem) };
}

async function sendWhole(
  status: number,
  headers: ResponseHeaders,
  bytes: Uint8Array,
  reply: Reply,
  options: RespondOptions,
  written?: () => void,
): Promise<void> {
  if (bytes.length > gzipAboveBytes && acceptsGzip(options)) {
    const compressed = await gzip(bytes);
    reply.head(status, { ...headers, ...gzipHeaders, "content-length": compressed.length });
    reply.end(compressed);
    return;
  }
  reply.head(status, { ...headers, "content-length": bytes.length });
  reply.end(bytes, written);
}

/**
 * A list, encoded and sent a chunk at a time, each when there is a turn for it and the client has taken the one before: it
 * holds neither the event loop nor its whole text. One that fits into the first chunk goes in one piece.
 */
async function sendPieces(
  status: number,
  headers: ResponseHeaders,
  pieces: Iterable<Piece>,
  reply: Reply,
  options: RespondOptions,
): Promise<void> {
  const writer = new ChunkWriter(pieces, chunkBytes);
  await fillInTurns(writer);
  if (writer.ended) {
    const whole = writer.take();
    return sendWhole(status, headers, whole, reply, options, () => writer.release(whole));
  }
  if (reply.closed) return;
  const compressed = acceptsGzip(options);
  reply.head(status, compressed ? { ...headers, ...gzipHeaders } : headers);
  const sink: Sink = compressed ? await gzipSink(reply) : reply;
  for (;;) {
    const chunk = writer.take();
    if (!sink.write(chunk, () => writer.release(chunk))) await roomIn(sink, reply);
    if (sink.closed) return;
    if (writer.ended) return sink.end();
    await fillInTurns(writer);
  }
}

/** Until the chunk is full or everything is in it; others get their turns in between. */
async function fillInTurns(writer: ChunkWriter): Promise<void> {
  do {
    const turn = turns.take();
    if (turn !== undefined) await turn;
    const end = performance.now() + pieceMs;
    writer.fill(() => performance.now() < end);
  } while (!writer.full && !writer.ended);
}

/** As upstream, which knows no qualities here. */
function acceptsGzip({ acceptEncoding }: RespondOptions): boolean {
  return acceptEncoding !== "" && acceptEncoding.split(",").some((token) => token.trim() === "gzip");
}

/** Off the event loop; level 1 is what upstream uses. */
async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const { gzip: compress } = await import("node:zlib");
  return new Promise((resolve, reject) => {
    compress(bytes, { level: 1 }, (error, result) => (error ? reject(error) : resolve(result)));
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
