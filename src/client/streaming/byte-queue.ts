import type { ByteSource } from "./byte-stream.ts";

/** How much the reader gets at once, of what came in pieces. */
const joinedBytes = 64 * 1024;

/**
 * Bytes that have come in and wait for their reader. Whoever fills it stops when it is `full` and goes on once `drained`
 * resolves, so that it never holds much more than its limit.
 */
export class ByteQueue implements ByteSource {
  readonly #limitBytes: number;
  readonly #onTaken: (bytes: number) => void;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #state: "open" | "ended" | "discarded" = "open";
  #failure: Error | undefined;
  #wakeReader = () => {};
  #wakeWriters: (() => void)[] = [];

  constructor(options: { readonly limitBytes: number; readonly onTaken?: (bytes: number) => void }) {
    this.#limitBytes = options.limitBytes;
    this.#onTaken = options.onTaken ?? (() => {});
  }

  get full(): boolean {
    return this.#bytes >= this.#limitBytes;
  }

  push(chunk: Uint8Array): void {
    if (this.#state !== "open" || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wakeReader();
  }

  /** Resolves when there is room again, or nobody will read any more. */
  drained(): Promise<void> {
    if (!this.full || this.#state === "discarded") return Promise.resolve();
    return new Promise((resolve) => this.#wakeWriters.push(resolve));
  }

  /** The reader gets what is there, then the end. */
  end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.#wakeReader();
  }

  /** The reader gets what is there, then this error. */
  fail(error: Error): void {
    if (this.#state === "open") this.#failure = error;
    this.end();
  }

  /** Nobody reads any more: drops what is there and what comes. */
  discard(): void {
    this.#state = "discarded";
    this.#onTaken(this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    this.#wakeReader();
    this.#roomAgain();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#next();
        if (chunk !== undefined) {
          this.#bytes -= chunk.length;
          this.#onTaken(chunk.length);
          if (!this.full) this.#roomAgain();
          yield chunk;
        } else if (this.#state === "open") {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        } else if (this.#failure !== undefined) throw this.#failure;
        else return;
      }
    } finally {
      this.discard();
    }
  }

  /** What waits, joined as far as it is in small pieces: every piece that goes on costs a frame and a system call. */
  #next(): Uint8Array | undefined {
    let count = 0;
    for (let bytes = 0; count < this.#chunks.length; count++) {
      bytes += this.#chunks[count]?.length ?? 0;
      if (bytes > joinedBytes) break;
    }
    return count > 1 ? Buffer.concat(this.#chunks.splice(0, count)) : this.#chunks.shift();
  }

  #roomAgain(): void {
    const waiting = this.#wakeWriters;
    this.#wakeWriters = [];
    for (const wake of waiting) wake();
  }
}
