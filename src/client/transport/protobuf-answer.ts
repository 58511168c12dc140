import { schemas } from "../../api/schemas.ts";
import { ObjectAnswer, WatchAnswer } from "../../apimachinery/protobuf/answers.ts";
import type { HeldObjects } from "../../apimachinery/protobuf/older-versions.ts";
import { ProtobufError } from "../../apimachinery/protobuf/reader.ts";
import type { WatchEvent } from "../exchange.ts";
import { TransportError } from "../transport-error.ts";
import type { ResponseLimits } from "./response-limits.ts";

/** How much may come, and what it shares with: the older versions of what comes. */
export interface ProtobufOptions extends ResponseLimits {
  readonly held?: HeldObjects | undefined;
}

/** An object or a list, read as its bytes come. Rejects with TransportError. */
export async function readProtobufObject(
  chunks: AsyncIterable<Uint8Array>,
  { maxObjectBytes, maxFrameBytes, held }: ProtobufOptions,
): Promise<unknown> {
  const answer = new ObjectAnswer(schemas, { maxRecordBytes: maxFrameBytes, held });
  let sizeBytes = 0;
  try {
    for await (const chunk of chunks) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxObjectBytes)
        throw new TransportError(`the answer is longer than ${maxObjectBytes} bytes`);
      answer.push(chunk);
    }
    return answer.end();
  } catch (error) {
    throw asTransportError(error);
  }
}

/** One batch for each chunk that completes an event. Ends, and does not throw, when the signal aborts. */
export async function* readProtobufEvents(
  chunks: AsyncIterable<Uint8Array>,
  { maxFrameBytes, held, signal }: ProtobufOptions & { readonly signal: AbortSignal },
): AsyncGenerator<readonly WatchEvent[]> {
  const answer = new WatchAnswer(schemas, { maxRecordBytes: maxFrameBytes, held });
  try {
    // The server's frames are taken at their word, as its objects are.
    for await (const chunk of chunks) {
      const events = answer.push(chunk) as readonly object[] as readonly WatchEvent[];
      if (events.length > 0) yield events;
    }
    answer.end();
  } catch (error) {
    if (!signal.aborted) throw asTransportError(error);
  }
}

function asTransportError(error: unknown): unknown {
  if (!(error instanceof ProtobufError)) return error;
  return new TransportError(`the answer is not protobuf: ${error.message}`, { cause: error });
}
