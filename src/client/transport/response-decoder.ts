import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { HeldObjects } from "../../apimachinery/protobuf/older-versions.ts";
import { WatchDecoder } from "../../apimachinery/watch-decoder.ts";
import type { ApiResponse, ResponseHeaders, WatchEvent } from "../exchange.ts";
import { TransportError } from "../transport-error.ts";
import type { ProtobufOptions } from "./protobuf-answer.ts";
import type { ResponseLimits } from "./response-limits.ts";

/** The content type of objects in protobuf. */
export const protobufType = "application/vnd.kubernetes.protobuf";

const defaultLimits: ResponseLimits = {
  maxObjectBytes: 384 * 1024 * 1024,
  maxFrameBytes: 16 * 1024 * 1024,
};

/** An answer as it comes over HTTP, whatever its version. */
export interface WireResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: Readable;
  /** Asked once the body has come to its end: whether that was too early. */
  brokeOff?(): boolean;
  /** Lets go of it before its end; nothing where it has ended. */
  end(): void;
}

/** An answer's bytes as what they stand for. Rejects with TransportError where they break off or are too many. */
export async function decodeResponse(
  response: WireResponse,
  options: {
    readonly isWatch: boolean;
    readonly signal: AbortSignal;
    readonly held?: HeldObjects | undefined;
  } & Partial<ResponseLimits>,
): Promise<ApiResponse> {
  const limits = { ...defaultLimits, ...options };
  const { headers, status } = response;
  const type = headers["content-type"];
  if (typeof type === "string" && type.startsWith(protobufType))
    return decodeProtobuf(response, { ...limits, isWatch: options.isWatch && status === 200 });
  const json = typeof type === "string" && type.startsWith("application/json");
  if (json && options.isWatch && status === 200)
    return { type: "watch", status, headers, events: ending(response, readEvents(response, limits)) };
  if (!json) return { type: "bytes", status, headers, body: ending(response, readBytes(response)) };
  return { type: "object", status, headers, object: await readObject(response, limits) };
}

/** The tables that it takes are loaded with the first such answer. */
async function decodeProtobuf(
  response: WireResponse,
  options: ProtobufOptions & { readonly isWatch: boolean; readonly signal: AbortSignal },
): Promise<ApiResponse> {
  const { headers, status } = response;
  const { readProtobufEvents, readProtobufObject } = await import("./protobuf-answer.ts");
  if (!options.isWatch) {
    const object = await readProtobufObject(readBytes(response), options);
    return { type: "object", status, headers, object };
  }
  const events = readProtobufEvents(readBytes(response), options);
  return { type: "watch", status: 200, headers, events: ending(response, events) };
}

/** A stream that is let go of when its reader leaves, even one that never began. */
function ending<T>(response: WireResponse, items: AsyncGenerator<T>): AsyncIterable<T> {
  const iterator: AsyncIterator<T> = {
    next: () => items.next(),
    async return() {
      response.end();
      await items.return(undefined);
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** Unpacked where it is packed. Leaving the loop early closes the connection. */
async function* readBytes({ headers, body, brokeOff, end }: WireResponse): AsyncGenerator<Uint8Array> {
  const packed = headers["content-encoding"] === "gzip";
  const stream = packed ? body.pipe(createGunzip()) : body;
  if (packed) body.once("error", (error) => stream.destroy(error));
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) yield chunk;
    if (brokeOff?.() === true) throw new Error("the connection was closed");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TransportError(`the answer broke off: ${why}`, { cause: error });
  } finally {
    end();
  }
}

async function readObject(response: WireResponse, { maxObjectBytes }: ResponseLimits): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of readBytes(response)) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxObjectBytes)
      throw new TransportError(`the answer is longer than ${maxObjectBytes} bytes`);
    chunks.push(chunk);
  }
  const [only] = chunks;
  const whole = only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, sizeBytes);
  if (whole.length === 0) return undefined;
  try {
    return JSON.parse(Buffer.from(whole.buffer, whole.byteOffset, whole.length).toString("utf8"));
  } catch (error) {
    throw new TransportError("the answer is not JSON", { cause: error });
  }
}

/** One batch for each chunk that completes an event. Ends, and does not throw, when the signal aborts. */
async function* readEvents(
  response: WireResponse,
  { maxFrameBytes, signal }: ResponseLimits & { readonly signal: AbortSignal },
): AsyncGenerator<readonly WatchEvent[]> {
  const decoder = new WatchDecoder({ maxFrameBytes });
  try {
    // The server's frames are taken at their word, as its objects are.
    for await (const chunk of readBytes(response)) {
      const events = decoder.push(chunk) as WatchEvent[];
      if (events.length > 0) yield events;
    }
    const rest = decoder.end() as WatchEvent[];
    if (rest.length > 0) yield rest;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
