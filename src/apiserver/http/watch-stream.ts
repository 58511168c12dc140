import type { ProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import type { ApiResponse, WatchEvent } from "../../client/exchange.ts";
import { frameOf } from "../cache/cache-event.ts";
import { cachedOf } from "../cache/cached-object.ts";
import { mediaTypes } from "../content/negotiate.ts";
import { ChunkWriter, type Piece } from "./chunk-writer.ts";
import { protobufFrame } from "./encode.ts";
import { type Reply, roomIn } from "./reply.ts";
import { turns } from "./turns.ts";

type WatchResponse = ApiResponse & { readonly type: "watch" };
type Batch = readonly WatchEvent<unknown>[];

/** More events than this at once are what a watch begins with: they are nobody else's batch. */
const sharedEvents = 128;
const chunkBytes = 128 * 1024;
/** How long such a beginning may be encoded at a stretch. */
const pieceMs = 2;

/** Streams a watch's events: a batch is one write, and its bytes are shared by all watchers of the same batch. */
export async function streamWatch(
  response: WatchResponse,
  reply: Reply,
  protobuf: ProtobufCodec | undefined,
): Promise<void> {
  const codec = response.headers["content-type"] === mediaTypes.protobuf ? protobuf : undefined;
  const headers =
    codec === undefined
      ? response.headers
      : { ...response.headers, "content-type": `${mediaTypes.protobuf};stream=watch` };
  const framed = reply.writeChunk !== undefined;
  reply.head(response.status, framed ? { ...headers, "transfer-encoding": "chunked" } : headers);
  // The head must not wait for the first event.
  reply.write(nothing);
  for await (const batch of response.events) {
    if (batch.length > sharedEvents) await sendLongBatch(batch, reply, codec);
    else {
      const turn = turns.take();
      if (turn !== undefined) await turn;
      if (reply.closed) return;
      const { chunk, frames } = sharedBatch(batch, codec);
      if (!(reply.writeChunk?.(chunk) ?? reply.write(frames))) await roomIn(reply, reply);
    }
    if (reply.closed) return;
  }
  reply.end();
}

/** The beginning of a watch of much: no whole batch of it is ever in memory as text. */
async function sendLongBatch(batch: Batch, reply: Reply, codec: ProtobufCodec | undefined): Promise<void> {
  const framed = reply.writeChunk !== undefined;
  const writer = new ChunkWriter(framePieces(batch, codec), chunkBytes, { framed });
  while (!writer.ended) {
    const turn = turns.take();
    if (turn !== undefined) await turn;
    if (reply.closed) return;
    const end = performance.now() + pieceMs;
    writer.fill(() => performance.now() < end);
    if (!writer.full && !writer.ended) continue;
    const chunk = writer.take();
    // Always the same way, or a later piece might overtake an earlier one.
    if (chunk.length === 0) continue;
    const written = () => writer.release(chunk);
    if (!(reply.writeChunk?.(chunk, written) ?? reply.write(chunk, written))) await roomIn(reply, reply);
  }
}

function* framePieces(batch: Batch, codec: ProtobufCodec | undefined): Generator<Piece> {
  for (const event of batch) {
    const object = event.object as object; // events carry objects
    if (codec !== undefined) yield* protobufFrame(event, codec, { asListed: true });
    else {
      yield `{"type":"${event.type}","object":`;
      yield cachedOf(object)?.listed() ?? JSON.stringify(object);
      yield "}\n";
    }
  }
}

const nothing = new Uint8Array();

/** One batch as bytes: alone, and as a piece of a chunked body. */
interface SharedBatch {
  readonly batch: Batch;
  readonly chunk: Uint8Array;
  readonly frames: Uint8Array;
}

/** The last batch that began with an event, in either encoding. */
const sharedJson = new WeakMap<WatchEvent<unknown>, SharedBatch>();
const sharedProtobuf = new WeakMap<WatchEvent<unknown>, SharedBatch>();

/** Made once for all watchers that get the same events together. */
function sharedBatch(batch: Batch, codec: ProtobufCodec | undefined): SharedBatch {
  const shared = codec === undefined ? sharedJson : sharedProtobuf;
  const [first] = batch;
  const known = first && shared.get(first);
  if (known !== undefined && sameEvents(known.batch, batch)) return known;
  const pieces = batch.flatMap((event) =>
    codec === undefined ? frameOf(event) : protobufFrame(event, codec, { asListed: false }),
  );
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const start = Buffer.from(`${length.toString(16)}\r\n`);
  const chunk = Buffer.concat([start, ...pieces, lineEnd]);
  const made = { batch, chunk, frames: chunk.subarray(start.length, start.length + length) };
  if (first !== undefined) shared.set(first, made);
  return made;
}

const lineEnd = Buffer.from("\r\n");

function sameEvents(left: Batch, right: Batch): boolean {
  return left.length === right.length && left.every((event, index) => event === right[index]);
}
