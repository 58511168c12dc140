import type { ProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import type { ApiResponse, WatchEvent } from "../../client/exchange.ts";
import { frameOf } from "../cache/cache-event.ts";
import { mediaTypes } from "../content/negotiate.ts";
import { joined } from "./encode.ts";
import type { Reply } from "./reply.ts";

type WatchResponse = ApiResponse & { readonly type: "watch" };
type Batch = readonly WatchEvent<unknown>[];

/** A client that takes nothing for this long is cut off: it lists again when it is back. */
const stalledClientMs = 60_000;

/** Streams a watch's events: a batch is one write, and its bytes are shared by all watchers of the same batch. */
export async function streamWatch(
  response: WatchResponse,
  reply: Reply,
  protobuf: ProtobufCodec | undefined,
): Promise<void> {
  const asProtobuf = response.headers["content-type"] === mediaTypes.protobuf && protobuf !== undefined;
  const headers = asProtobuf
    ? { ...response.headers, "content-type": `${mediaTypes.protobuf};stream=watch` }
    : response.headers;
  const { writeChunk } = reply;
  reply.head(
    response.status,
    writeChunk === undefined ? headers : { ...headers, "transfer-encoding": "chunked" },
  );
  // The head must not wait for the first event.
  reply.write(nothing);
  for await (const batch of response.events) {
    if (reply.closed) return;
    const hasRoom =
      asProtobuf || writeChunk === undefined
        ? reply.write(asProtobuf ? protobufFrames(batch, protobuf) : joined(batch.map(frameOf)))
        : writeChunk(sharedChunk(batch));
    if (hasRoom) continue;
    const stalled = setTimeout(() => reply.destroy(), stalledClientMs);
    await reply.drained();
    clearTimeout(stalled);
  }
  reply.end();
}

const nothing = new Uint8Array();

interface SharedChunk {
  readonly batch: Batch;
  readonly bytes: Uint8Array;
}

/** The last batch that began with an event, as bytes. */
const sharedChunks = new WeakMap<WatchEvent<unknown>, SharedChunk>();

/** The batch's frames as a piece of a chunked body: made once for all watchers that get the same events together. */
function sharedChunk(batch: Batch): Uint8Array {
  const [first] = batch;
  if (first === undefined) return nothing;
  const known = sharedChunks.get(first);
  if (known !== undefined && sameEvents(known.batch, batch)) return known.bytes;
  const frames = batch.map(frameOf);
  const length = frames.reduce((sum, frame) => sum + frame.length, 0);
  const bytes = joined([Buffer.from(`${length.toString(16)}\r\n`), ...frames, lineEnd]);
  sharedChunks.set(first, { batch, bytes });
  return bytes;
}

const lineEnd = Buffer.from("\r\n");

function sameEvents(left: Batch, right: Batch): boolean {
  return left.length === right.length && left.every((event, index) => event === right[index]);
}

function protobufFrames(batch: Batch, protobuf: ProtobufCodec): Uint8Array {
  return joined(
    batch.map(({ type, object }) =>
      protobuf.encodeWatchEvent(type, sharedProtobuf(object as object, protobuf)),
    ), // events carry objects
  );
}

/** The binary form of objects that several watchers get. */
const protobufBytes = new WeakMap<object, Uint8Array>();

function sharedProtobuf(object: object, protobuf: ProtobufCodec): Uint8Array {
  let bytes = protobufBytes.get(object);
  if (bytes === undefined) {
    bytes = protobuf.encode(object);
    protobufBytes.set(object, bytes);
  }
  return bytes;
}
