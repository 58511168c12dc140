/** One answer on the wire, whichever protocol carries it. */
export interface Reply {
  /** Headers are sent with the first bytes. */
  head(status: number, headers: Readonly<Record<string, string | readonly string[] | number>>): void;
  /**
   * False: the client reads slower than this; wait for `drained` before more. `written`: the connection has done with the bytes,
   * whose memory may be used again; not called where it broke off.
   */
  write(bytes: Uint8Array, written?: () => void): boolean;
  /**
   * The same for bytes that carry the framing of a chunked body already, so that many connections can share them. Absent
   * where the protocol frames in another way.
   */
  readonly writeChunk?: (chunk: Uint8Array, written?: () => void) => boolean;
  /** Resolves when there is room again, or the connection is gone. */
  drained(): Promise<void>;
  /** `written` as of `write`. */
  end(bytes?: Uint8Array, written?: () => void): void;
  /** Breaks the connection off: an answer that was begun cannot be finished. */
  destroy(): void;
  readonly headersSent: boolean;
  /** Of the body, so far. */
  readonly bytesSent: number;
  /** The client went away. */
  readonly closed: boolean;
}

/** A client that takes nothing for this long is cut off: it holds what it was sent. */
const stalledClientMs = 60_000;

/** Waits until the client has taken what was written; gives it up when it does not. */
export async function roomIn(sink: Pick<Reply, "drained">, reply: Reply): Promise<void> {
  const stalled = setTimeout(() => reply.destroy(), stalledClientMs);
  await sink.drained();
  clearTimeout(stalled);
}

/** For a stream's callback, which hears of failures, too: bytes that were on their way then may still be in use. */
export function unlessFailed(written: () => void): (error?: Error | null) => void {
  return (error) => {
    if (error === undefined || error === null) written();
  };
}
