/**
 * Bytes that flow one way, apart from any wire: no Node streams, so that the kubelet core and the simulated runtime
 * can speak them too.
 */

/** Takes bytes at the pace the other side can: await each write before the next. */
export interface ByteSink {
  /** Resolves when more may be written (back-pressure); rejects when the other side is gone. */
  write(chunk: Uint8Array): Promise<void>;
  /** Says that nothing more comes (half-close). Closing twice does nothing. */
  close(): Promise<void>;
}

/** Ends when the writer has closed its side; throws when the connection is lost. Read it at most once. */
export type ByteSource = AsyncIterable<Uint8Array>;

/** In columns and rows. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The streams of one exec or attach, seen from the side that runs the process: it reads `stdin` and `resize`, writes
 * `stdout` and `stderr`. One that was not asked for is absent; with a terminal there is no `stderr`.
 */
export interface ProcessStreams {
  readonly stdin?: ByteSource;
  readonly stdout?: ByteSink;
  readonly stderr?: ByteSink;
  /** Only with a terminal; the first size usually comes at once. */
  readonly resize?: AsyncIterable<TerminalSize>;
}

/** One forwarded connection: `source` is what the client sends, `sink` takes what the pod answers. */
export interface ForwardedConnection {
  readonly source: ByteSource;
  readonly sink: ByteSink;
}

/** How a process that was run over a stream ended. A failure to run it at all is an exception instead. */
export interface ProcessExit {
  readonly exitCode: number;
}
