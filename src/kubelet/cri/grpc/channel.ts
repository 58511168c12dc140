import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { createConnection } from "node:net";
import { CriError, type CriErrorCode } from "../cri-error.ts";
import { type Decoded, decode, type Encodable, encode, type Message } from "./protobuf.ts";

/**
 * gRPC over a unix socket, on Node's own HTTP/2: unary calls and server streams, with deadlines and cancellation. A lost
 * connection fails the calls that were on it with `Unavailable`; the next call dials again (a unix socket answers at
 * once, so callers need no waiting inside; what retries in a loop brings its own back-off).
 */
export interface GrpcChannel {
  unary<M extends MethodTypes>(
    method: string,
    types: M,
    request: Encodable<M["request"]>,
    options?: GrpcCallOptions,
  ): Promise<Decoded<M["response"]>>;
  /** The responses as they come. */
  serverStream<M extends MethodTypes>(
    method: string,
    types: M,
    request: Encodable<M["request"]>,
    options: GrpcCallOptions,
  ): AsyncIterable<Decoded<M["response"]>>;
  close(): Promise<void>;
}

export interface MethodTypes {
  readonly request: AnyMessage;
  readonly response: AnyMessage;
}

export interface GrpcCallOptions {
  readonly signal?: AbortSignal | undefined;
  /** 0: no deadline. */
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** As upstream's kubelet: ListContainers of a full node fits many times over. */
const largestMessageBytes = 16 * 1024 * 1024;
/** One connection carries all calls; the default window of 64 kB would stall a long list. */
const windowBytes = 1024 * 1024;
const defaultTimeoutMs = 120_000;

// biome-ignore lint/suspicious/noExplicitAny: the tables' own constraint
type AnyMessage = Message<any>;

export function openChannel(socketPath: string): GrpcChannel {
  const connection = new Connection(socketPath);
  return {
    async unary(method, types, request, options = {}) {
      const call = await startCall(connection, method, encode(types.request, request as never), {
        timeoutMs: defaultTimeoutMs,
        ...options,
      });
      const responses: Uint8Array[] = [];
      for await (const body of call.messages) responses.push(body);
      const [body] = responses;
      if (body === undefined) throw new CriError("Internal", `${method}: the runtime sent no response`);
      return decode(types.response, body) as never; // the caller's own table
    },
    async *serverStream(method, types, request, options) {
      const call = await startCall(connection, method, encode(types.request, request as never), {
        timeoutMs: 0,
        ...options,
      });
      for await (const body of call.messages) yield decode(types.response, body) as never;
    },
    close: () => connection.close(),
  };
}

/** Dials when first needed, and again after a loss. Keeps the process alive only while calls are under way. */
class Connection {
  readonly #socketPath: string;
  #session: Promise<ClientHttp2Session> | undefined;
  #closed = false;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  session(): Promise<ClientHttp2Session> {
    if (this.#closed) return Promise.reject(new CriError("Cancelled", "the runtime connection is closed"));
    this.#session ??= this.#dial();
    return this.#session;
  }

  async #dial(): Promise<ClientHttp2Session> {
    const { connect } = await import("node:http2"); // 10 MB that a process without a runtime does without
    const dialled = new Promise<ClientHttp2Session>((resolve, reject) => {
      const session = connect("http://localhost", {
        createConnection: () => createConnection({ path: this.#socketPath }),
        settings: { enablePush: false, initialWindowSize: windowBytes },
      });
      const lose = () => {
        if (this.#session === dialling) this.#session = undefined;
      };
      session.once("connect", () => {
        session.setLocalWindowSize(4 * windowBytes);
        session.unref();
        resolve(session);
      });
      session.once("error", (error) => {
        lose();
        reject(
          new CriError(
            "Unavailable",
            `cannot reach the container runtime at ${this.#socketPath}: ${error.message}`,
          ),
        );
      });
      session.once("goaway", lose);
      session.once("close", lose);
    });
    const dialling = this.#session;
    return dialled;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    if (session === undefined || session.destroyed) return;
    await new Promise<void>((resolve) => {
      session.once("close", () => resolve());
      session.destroy();
    });
  }
}

interface Call {
  readonly messages: AsyncIterable<Uint8Array>;
}

async function startCall(
  connection: Connection,
  method: string,
  request: Uint8Array,
  options: GrpcCallOptions,
): Promise<Call> {
  const { signal, timeoutMs = 0, metadata } = options;
  signal?.throwIfAborted();
  const session = await connection.session();
  let stream: ClientHttp2Stream;
  try {
    stream = session.request({
      ":method": "POST",
      ":path": `/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...(timeoutMs > 0 && { "grpc-timeout": `${Math.ceil(timeoutMs)}m` }),
      ...metadata,
    });
  } catch (error) {
    throw new CriError("Unavailable", `${method}: ${String(error)}`, { cause: error });
  }
  session.ref();
  stream.once("close", () => {
    inFlight.set(session, (inFlight.get(session) ?? 1) - 1);
    if (inFlight.get(session) === 0 && !session.destroyed) session.unref();
  });
  inFlight.set(session, (inFlight.get(session) ?? 0) + 1);
  stream.end(frame(request));
  return { messages: receive(stream, { method, signal, timeoutMs }) };
}

const inFlight = new WeakMap<ClientHttp2Session, number>();

function frame(body: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(body.length + 5);
  framed[0] = 0; // not compressed
  framed.writeUInt32BE(body.length, 1);
  framed.set(body, 5);
  return framed;
}

async function* receive(
  stream: ClientHttp2Stream,
  call: {
    readonly method: string;
    readonly signal: AbortSignal | undefined;
    readonly timeoutMs: number;
  },
): AsyncGenerator<Uint8Array> {
  let ending: CriError | undefined;
  let status: IncomingHttpHeaders | undefined;
  const cancel = (error: CriError) => {
    ending ??= error;
    stream.close(8); // CANCEL
  };
  const onAbort = () => cancel(new CriError("Cancelled", `${call.method}: cancelled`));
  const deadline =
    call.timeoutMs > 0
      ? setTimeout(
          () => cancel(new CriError("DeadlineExceeded", `${call.method}: no answer in ${call.timeoutMs} ms`)),
          // The runtime has the same deadline and a better message: give it the first word.
          call.timeoutMs + 500,
        )
      : undefined;
  call.signal?.addEventListener("abort", onAbort, { once: true });
  stream.on("response", (headers) => {
    if (headers["grpc-status"] !== undefined) status = headers;
    else if (headers[":status"] !== 200)
      cancel(new CriError("Unavailable", `${call.method}: HTTP ${headers[":status"]}`));
  });
  stream.on("trailers", (headers) => {
    status = headers;
  });
  stream.on("error", () => {}); // told by the iteration below
  try {
    yield* unframe(stream);
  } catch (error) {
    ending ??=
      error instanceof CriError ? error : new CriError("Unavailable", `${call.method}: ${String(error)}`);
  } finally {
    clearTimeout(deadline);
    call.signal?.removeEventListener("abort", onAbort);
    if (!stream.closed) stream.close(8);
  }
  if (call.signal?.aborted) call.signal.throwIfAborted();
  const failure = ending ?? statusError(call.method, status);
  if (failure !== undefined) throw failure;
}

async function* unframe(stream: ClientHttp2Stream): AsyncGenerator<Uint8Array> {
  // Joined only once a message is whole: a long list comes in many pieces.
  let pieces: Buffer[] = [];
  let pendingBytes = 0;
  let neededBytes = frameHeadBytes;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    pieces.push(piece);
    pendingBytes += piece.length;
    if (pendingBytes < neededBytes) continue;
    let pending = Buffer.concat(pieces);
    while (pending.length >= frameHeadBytes) {
      neededBytes = frameHeadBytes + messageLength(pending);
      if (pending.length < neededBytes) break;
      yield pending.subarray(frameHeadBytes, neededBytes);
      pending = pending.subarray(neededBytes);
      neededBytes = frameHeadBytes;
    }
    pieces = [pending];
    pendingBytes = pending.length;
  }
}

const frameHeadBytes = 5;

function messageLength(frame: Buffer): number {
  if (frame[0] !== 0)
    throw new CriError("Internal", "the runtime sent a compressed message that was not asked for");
  const length = frame.readUInt32BE(1);
  if (length > largestMessageBytes)
    throw new CriError("ResourceExhausted", `the runtime's message of ${length} bytes is larger than 16 MiB`);
  return length;
}

const codes: readonly (CriErrorCode | "OK")[] = [
  "OK",
  "Cancelled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

function statusError(method: string, headers: IncomingHttpHeaders | undefined): CriError | undefined {
  const status = headers?.["grpc-status"];
  if (status === undefined)
    return new CriError("Unavailable", `${method}: the connection closed before an answer`);
  const code = codes[Number(status)] ?? "Unknown";
  return code === "OK"
    ? undefined
    : new CriError(code, percentDecoded(String(headers?.["grpc-message"] ?? "")));
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
