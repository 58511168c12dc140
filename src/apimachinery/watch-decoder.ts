/**
 * The JSON form of a watch: one `{"type":…,"object":…}` after the other, each on a line of its own. The decoder takes the
 * bytes as they come and gives the events that are complete; memory is bounded by the longest line allowed.
 */
export interface WatchFrame {
  readonly type: string;
  readonly object: unknown;
}

/** A line too long, cut short, or not an event: the stream is of no further use. */
export class WatchFrameError extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = "WatchFrameError";
  }
}

const newline = 10;

export class WatchDecoder {
  readonly #maxFrameBytes: number;
  /** The beginning of a line whose end has not come. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  readonly #text = new TextDecoder();

  constructor(options: { readonly maxFrameBytes?: number } = {}) {
    this.#maxFrameBytes = options.maxFrameBytes ?? 16 * 1024 * 1024;
  }

  /** The events that this chunk completes, in order. Throws WatchFrameError. */
  push(chunk: Uint8Array): WatchFrame[] {
    const end = chunk.lastIndexOf(newline);
    if (end < 0) {
      this.#keep(chunk);
      return [];
    }
    const lines = this.#take(chunk.subarray(0, end)).split("\n");
    this.#keep(chunk.subarray(end + 1));
    return lines.filter((line) => line.trim() !== "").map(parseFrame);
  }

  /** The stream has ended. Throws WatchFrameError where it ended within an event. */
  end(): WatchFrame[] {
    const rest = this.#take(new Uint8Array(0));
    return rest.trim() === "" ? [] : [parseFrame(rest)];
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return;
    // A view would keep the whole chunk it was read in alive.
    this.#pending.push(part.slice());
    this.#pendingBytes += part.length;
    if (this.#pendingBytes > this.#maxFrameBytes)
      throw new WatchFrameError(`a watch event is longer than ${this.#maxFrameBytes} bytes`);
  }

  /** What was pending, and `last` behind it, as text. Bytes are joined first: a character may be split between them. */
  #take(last: Uint8Array): string {
    if (this.#pending.length === 0) return this.#text.decode(last);
    const whole = new Uint8Array(this.#pendingBytes + last.length);
    let at = 0;
    for (const part of this.#pending) {
      whole.set(part, at);
      at += part.length;
    }
    whole.set(last, at);
    this.#pending = [];
    this.#pendingBytes = 0;
    return this.#text.decode(whole);
  }
}

function parseFrame(line: string): WatchFrame {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new WatchFrameError("a watch event is not JSON", { cause: error });
  }
  if (typeof value === "object" && value !== null && "type" in value && "object" in value) {
    if (typeof value.type === "string") return { type: value.type, object: value.object };
  }
  throw new WatchFrameError("a watch event has no type and object");
}
