import type { ByteChannel } from "../byte-channel.ts";
import { ByteQueue } from "../byte-queue.ts";
import type { ByteSink, ByteSource } from "../byte-stream.ts";
import { dataHead, encodeControl, type Frame, FrameParser, rstStatus, SpdyProtocolError } from "./frames.ts";
import { HeaderDecoder, HeaderEncoder, type SpdyHeaders } from "./header-block.ts";

/** One stream of a connection: two directions that end apart. */
export interface SpdyStream extends ByteSink {
  readonly id: number;
  /** What the peer opened it with. */
  readonly headers: SpdyHeaders;
  readonly source: ByteSource;
  /** Nobody reads it any more: what has come and comes is dropped. */
  discard(): void;
  /** Ends both directions at once. */
  reset(): void;
}

export interface SpdyOptions {
  readonly role: "client" | "server";
  /** A stream that the peer opened; it has been answered already. */
  readonly onStream?: (stream: SpdyStream) => void;
}

type ControlFrame = Exclude<Frame, { readonly type: "data" }>;

/** What a stream may hold unread: the window that is announced, and where reading stops for peers that keep none. */
const streamBufferBytes = 256 * 1024;
/** Frames are no longer than this, so that streams take turns. */
const largestDataBytes = 64 * 1024;
const mostStreams = 1024;
const protocolWindowBytes = 64 * 1024;

/**
 * SPDY/3.1 over any byte channel, in either role. Reading goes on by itself; a stream that nobody reads holds the
 * connection up once its buffer is full, so memory is bounded. Kubernetes' own Go peers ignore flow control windows and
 * never open them: a window binds this side only once the peer has shown (by SETTINGS or WINDOW_UPDATE) that it keeps
 * them, else the connection's own back-pressure does.
 */
export class SpdyConnection {
  readonly #channel: ByteChannel;
  readonly #options: SpdyOptions;
  readonly #streams = new Map<number, Stream>();
  readonly #encoder = new HeaderEncoder();
  readonly #decoder = new HeaderDecoder();
  #nextStreamId: number;
  #lastPeerStreamId = 0;
  #closed = false;
  /** Resolves once the connection is over, whoever ended it. */
  readonly ended: Promise<void>;
  /** Undefined until the peer is seen to keep windows. */
  peerWindowBytes: number | undefined;

  constructor(channel: ByteChannel, options: SpdyOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#nextStreamId = options.role === "client" ? 1 : 2;
    this.#control({ type: "settings", initialWindowBytes: streamBufferBytes });
    this.ended = this.#read();
  }

  /** Opens a stream; resolves when the peer has accepted it (Go peers drop data that comes before). */
  async open(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.#closed) throw new Error("the connection is closed");
    const stream = new Stream(this, this.#nextStreamId, headers);
    this.#nextStreamId += 2;
    this.#streams.set(stream.id, stream);
    const headerBlock = this.#encoder.encode(headers);
    this.#control({ type: "synStream", streamId: stream.id, fin: false, unidirectional: false, headerBlock });
    await stream.accepted;
    return stream;
  }

  /** Says goodbye and closes the channel once what was written is out. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#control({ type: "goAway", lastStreamId: this.#lastPeerStreamId, status: 0 });
    await this.#channel.sink.close().catch(() => {});
  }

  destroy(): void {
    this.#end(new Error("the connection was closed"));
  }

  /** @internal Writes a piece of a stream's data. */
  writeData(streamId: number, data: Uint8Array, fin: boolean): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the connection is closed"));
    return this.#channel.sink.writeFrame(dataHead(streamId, data.length, fin), data);
  }

  /** @internal */
  forget(stream: Stream): void {
    this.#streams.delete(stream.id);
  }

  /** @internal */
  sendReset(streamId: number): void {
    this.#control({ type: "rstStream", streamId, status: rstStatus.cancel });
  }

  /**
   * @internal The reader has taken this much: the peer may send as much again. Only for peers that keep windows: one that
   * does not may have closed already, and what it then finds unread makes TCP drop its last data.
   */
  sendWindow(streamId: number, delta: number): void {
    if (this.peerWindowBytes !== undefined && this.#streams.has(streamId))
      this.#control({ type: "windowUpdate", streamId, delta });
  }

  #control(frame: ControlFrame): void {
    this.#answer(frame).catch(() => {}); // never rejects
  }

  /** Resolves when more may be written; never rejects, since a lost connection is told by its reading. */
  #answer(frame: ControlFrame): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return this.#channel.sink.write(encodeControl(frame)).catch(() => {});
  }

  async #read(): Promise<void> {
    const parser = new FrameParser();
    try {
      for await (const chunk of this.#channel.source)
        for (const frame of parser.push(chunk)) {
          const taken = this.#take(frame);
          if (taken !== undefined) await taken; // most are taken at once
        }
      this.#end(undefined);
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#decoder.close();
    for (const stream of this.#streams.values()) stream.lose(error);
    this.#streams.clear();
    this.#channel.destroy();
  }

  /** Resolves when the next frame may be read; undefined is at once. */
  #take(frame: Frame): Promise<void> | undefined {
    switch (frame.type) {
      case "data":
        return this.#streams.get(frame.streamId)?.receive(frame.data, frame.fin);
      case "synStream":
        return this.#decoder.decode(frame.headerBlock).then((headers) => this.#accept(frame, headers));
      case "synReply":
      case "headers":
        return this.#takeHeaders(frame);
      case "goAway": // the streams that are there run to their end
        return undefined;
      default:
        return this.#takeSign(frame);
    }
  }

  async #takeHeaders(frame: Extract<Frame, { readonly type: "synReply" | "headers" }>): Promise<void> {
    await this.#decoder.decode(frame.headerBlock); // the compression spans every block
    const stream = this.#streams.get(frame.streamId);
    if (frame.type === "synReply") stream?.accept();
    if (frame.fin) await stream?.receive(new Uint8Array(0), true);
  }

  #takeSign(
    frame: Extract<Frame, { readonly type: "rstStream" | "settings" | "ping" | "windowUpdate" }>,
  ): Promise<void> | undefined {
    switch (frame.type) {
      case "rstStream":
        this.#streams.get(frame.streamId)?.resetByPeer(frame.status);
        return;
      case "settings":
        if (frame.initialWindowBytes !== undefined) this.#keepWindows(frame.initialWindowBytes);
        return;
      case "ping":
        // Odd numbers are a client's: one of the peer's is to be answered, one of ours is the answer.
        if ((frame.id % 2 === 1) === (this.#options.role === "server")) return this.#answer(frame);
        return undefined;
      case "windowUpdate":
        this.#keepWindows(this.peerWindowBytes ?? protocolWindowBytes);
        this.#streams.get(frame.streamId)?.widen(frame.delta);
        return;
    }
  }

  #keepWindows(initialBytes: number): void {
    const change = initialBytes - (this.peerWindowBytes ?? protocolWindowBytes);
    this.peerWindowBytes = initialBytes;
    if (change !== 0) for (const stream of this.#streams.values()) stream.widen(change);
  }

  /** Resolves when the answer is on its way: one who opens streams without reading the answers is not read either. */
  async #accept(frame: Extract<Frame, { readonly type: "synStream" }>, headers: SpdyHeaders): Promise<void> {
    const { streamId, fin, unidirectional } = frame;
    const expectedParity = this.#options.role === "server" ? 1 : 0;
    if (streamId % 2 !== expectedParity || streamId <= this.#lastPeerStreamId)
      throw new SpdyProtocolError(`stream ${streamId} out of order`);
    this.#lastPeerStreamId = streamId;
    if (this.#options.onStream === undefined || this.#streams.size >= mostStreams) {
      await this.#answer({ type: "rstStream", streamId, status: rstStatus.refusedStream });
      return;
    }
    const stream = new Stream(this, streamId, headers);
    stream.accept();
    this.#streams.set(streamId, stream);
    const headerBlock = this.#encoder.encode({});
    const answered = this.#answer({ type: "synReply", streamId, fin: false, headerBlock });
    if (unidirectional) stream.endWriting();
    if (fin) stream.endReading();
    this.#options.onStream(stream);
    await answered;
  }
}

class Stream implements SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly accepted: Promise<void>;
  readonly #connection: SpdyConnection;
  readonly #incoming: ByteQueue;
  readonly #settleAccepted: { resolve(): void; reject(error: Error): void };
  #readingEnded = false;
  #writingEnded = false;
  #lost: Error | undefined;
  /** What may still be sent, while the peer keeps windows. */
  #windowBytes: number;
  #wakeWriter = () => {};
  /** Writes go out in the order they were asked for. */
  #lastWrite: Promise<void> = Promise.resolve();
  #takenBytes = 0;

  constructor(connection: SpdyConnection, id: number, headers: SpdyHeaders) {
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
    this.#windowBytes = connection.peerWindowBytes ?? protocolWindowBytes;
    this.#incoming = new ByteQueue({ limitBytes: streamBufferBytes, onTaken: (bytes) => this.#taken(bytes) });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.accepted = promise;
    this.accepted.catch(() => {}); // of no interest to who does not wait
    this.#settleAccepted = { resolve, reject };
  }

  get source(): ByteSource {
    return this.#incoming;
  }

  write(chunk: Uint8Array): Promise<void> {
    const write = this.#lastWrite.then(() => this.#writeNow(chunk));
    this.#lastWrite = write.catch(() => {}); // told to who asked for it
    return write;
  }

  close(): Promise<void> {
    const closing = this.#lastWrite.then(async () => {
      if (this.#writingEnded || this.#lost !== undefined) return;
      this.endWriting();
      await this.#connection.writeData(this.id, new Uint8Array(0), true).catch(() => {}); // gone is closed too
    });
    this.#lastWrite = closing;
    return closing;
  }

  discard(): void {
    this.#incoming.discard();
  }

  reset(): void {
    if (this.#lost === undefined && !(this.#readingEnded && this.#writingEnded))
      this.#connection.sendReset(this.id);
    this.lose(new Error("the stream was reset"));
    this.#connection.forget(this);
    this.#incoming.discard();
  }

  async #writeNow(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.length > 0; ) {
      if (this.#lost !== undefined) throw this.#lost;
      if (this.#writingEnded) throw new Error("the stream is closed");
      const window = this.#connection.peerWindowBytes === undefined ? rest.length : this.#windowBytes;
      if (window <= 0) {
        await new Promise<void>((resolve) => {
          this.#wakeWriter = resolve;
        });
        continue;
      }
      const piece = rest.subarray(0, Math.min(window, largestDataBytes));
      rest = rest.subarray(piece.length);
      this.#windowBytes -= piece.length;
      await this.#connection.writeData(this.id, piece, false);
    }
  }

  /** Resolves when the connection may read on. */
  receive(data: Uint8Array, fin: boolean): Promise<void> | undefined {
    if (this.#readingEnded) return undefined;
    this.#incoming.push(data);
    if (fin) this.endReading();
    return this.#incoming.full ? this.#incoming.drained() : undefined;
  }

  accept(): void {
    this.#settleAccepted.resolve();
  }

  widen(bytes: number): void {
    this.#windowBytes += bytes;
    this.#wakeWriter();
  }

  endReading(): void {
    this.#readingEnded = true;
    this.#incoming.end();
    if (this.#writingEnded) this.#connection.forget(this);
  }

  endWriting(): void {
    this.#writingEnded = true;
    if (this.#readingEnded) this.#connection.forget(this);
  }

  /** Go peers reset what is left as they close: to a reader that is the end of data. */
  resetByPeer(status: number): void {
    this.#incoming.end();
    this.lose(new Error(`the stream was reset (status ${status})`));
  }

  /** The peer or the connection is gone. */
  lose(error: Error | undefined): void {
    if (this.#lost !== undefined) return;
    this.#lost = error ?? new Error("the connection is closed");
    this.#settleAccepted.reject(this.#lost);
    if (error === undefined) this.#incoming.end();
    else this.#incoming.fail(error);
    this.#wakeWriter();
    this.#connection.forget(this);
  }

  #taken(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#readingEnded || this.#takenBytes < streamBufferBytes / 2) return;
    this.#connection.sendWindow(this.id, this.#takenBytes);
    this.#takenBytes = 0;
  }
}
