import { schemas } from "../../api/schemas.ts";
import { createProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import { type Random, randomBelow } from "../../base/random.ts";
import type { ApiRequest, ApiResponse, Transport, WatchEvent } from "../exchange.ts";
import { readProtobufEvents, readProtobufObject } from "../transport/protobuf-answer.ts";

const codec = createProtobufCodec(schemas);
const limits = { maxObjectBytes: 64 * 1024 * 1024, maxFrameBytes: 1024 * 1024 };

/** What a server answers in objects, as it would come over a wire: in protobuf where it is asked for, in pieces of any length. */
export function overProtobuf(inner: Transport, random: Random): Transport {
  async function* pieces(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      const middle = randomBelow(random, chunk.length + 1);
      for (const piece of [chunk.subarray(0, middle), chunk.subarray(middle)])
        if (piece.length > 0) yield piece;
    }
  }
  return {
    async send(request: ApiRequest): Promise<ApiResponse> {
      const response = await inner.send(request);
      const { signal, held } = request;
      const asked = request.headers.accept?.includes("application/vnd.kubernetes.protobuf") === true;
      if (!asked || response.status !== 200) return response;
      if (response.type === "object") {
        const bytes = codec.encode(response.object as object); // a list
        return { ...response, object: await readProtobufObject(pieces([bytes]), { ...limits, held }) };
      }
      if (response.type !== "watch") return response;
      const frames = pieces(framesOf(response.events));
      return { ...response, events: readProtobufEvents(frames, { ...limits, signal, held }) };
    },
    close: () => inner.close(),
  };
}

async function* framesOf(batches: AsyncIterable<readonly WatchEvent[]>): AsyncGenerator<Uint8Array> {
  for await (const batch of batches) {
    yield Buffer.concat(
      batch.flatMap(({ type, object }) => {
        const message = codec.encodeMessage(object);
        const { start, end } = codec.encodeWatchEventAround(type, object, message.length);
        return [start, message, end];
      }),
    );
  }
}
