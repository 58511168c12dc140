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

/** Frames of batches that several watchers get: joined once for all of them. */
const joinedFrames = new WeakMap<Batch, Uint8Array>();

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
  reply.head(response.status, headers);
  // The head must not wait for the first event.
  reply.write(nothing);
  for await (const batch of response.events) {
    if (reply.closed) return;
    const bytes = asProtobuf ? protobufFrames(batch, protobuf) : jsonFrames(batch);
    if (reply.write(bytes)) continue;
    const stalled = setTimeout(() => reply.destroy(), stalledClientMs);
    await reply.drained();
    clearTimeout(stalled);
  }
  reply.end();
}

const nothing = new Uint8Array();

function jsonFrames(batch: Batch): Uint8Array {
  const [only] = batch;
  if (batch.length === 1 && only !== undefined) return frameOf(only);
  let bytes = joinedFrames.get(batch);
  if (bytes === undefined) {
    bytes = joined(batch.map(frameOf));
    joinedFrames.set(batch, bytes);
  }
  return bytes;
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
