import type { IncomingMessage } from "node:http";
import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import type { ResponseHeaders } from "../exchange.ts";
import { TransportError } from "../transport-error.ts";
import { protobufType, type WireResponse } from "./response-decoder.ts";

/** One request that was sent, and its answer to come. */
export interface Exchange {
  readonly answer: Promise<WireResponse>;
  /** Whether the server has not looked at the request, or may be sent it twice (`isSafe`): it is sent again then. */
  wasNotSeen(error: unknown, isSafe: boolean): boolean;
}

/** The `code` of one of Node's errors. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Whether an answer is an object, or a stream of them. */
export function isObject(headers: { readonly "content-type"?: string | undefined }): boolean {
  const type = headers["content-type"] ?? "";
  return type.startsWith("application/json") || type.startsWith(protobufType);
}

/** An answer over HTTP/1.1. */
export function wireResponse(message: IncomingMessage): WireResponse {
  const headers: Record<string, string | readonly string[]> = plain(message.headers);
  const warnings = message.headersDistinct.warning;
  if (warnings !== undefined) headers.warning = warnings;
  const end = () => {
    if (!message.complete) message.destroy();
  };
  return { status: message.statusCode ?? 0, headers, body: message, end };
}

/** A request over HTTP/2, given up when nothing comes for `idleMs` before an answer that is no stream; 0: never. */
export function http2Exchange(stream: ClientHttp2Stream, idleMs: number): Exchange {
  const { session } = stream;
  if (idleMs > 0)
    stream.setTimeout(idleMs, () => stream.destroy(new TransportError(`no answer for ${idleMs} ms`)));
  const answer = new Promise<WireResponse>((resolve, reject) => {
    stream.once("response", (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
      // A text that is followed may be silent for long.
      if (!isObject(headers)) stream.setTimeout(0);
      const end = () => {
        if (!stream.readableEnded) stream.close(constants.NGHTTP2_CANCEL);
      };
      // A stream that is reset, or whose connection goes, ends like one that was sent to its end.
      const brokeOff = () => (stream.rstCode ?? constants.NGHTTP2_NO_ERROR) !== constants.NGHTTP2_NO_ERROR;
      resolve({ status: headers[":status"] ?? 0, headers: plain(headers), body: stream, brokeOff, end });
    });
    // From the answer on, the stream's reader is told of errors.
    stream.on("error", reject);
    stream.once("close", () => reject(new TransportError("the connection was closed before an answer came")));
  });
  return {
    answer,
    wasNotSeen: (_error, isSafe) =>
      stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || (isSafe && (session?.closed ?? true)),
  };
}

function plain(headers: IncomingHttpHeaders): Record<string, string | readonly string[]> & ResponseHeaders {
  const kept: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !name.startsWith(":")) kept[name] = value;
  return kept;
}
