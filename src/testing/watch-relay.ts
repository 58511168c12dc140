import type { WatchEvent } from "../client/exchange.ts";
import { TransportError } from "../client/transport-error.ts";

type Batch = readonly WatchEvent[];
interface Ending {
  readonly last: Batch | undefined;
  readonly error: Error | undefined;
}

type Result = IteratorResult<Batch, undefined>;

/** A watch on its way to whoever reads it: it can be cut, ended with a last word, or fall silent. */
export class WatchRelay implements AsyncIterableIterator<Batch, undefined> {
  readonly #source: AsyncIterator<Batch>;
  readonly #delayed: () => Promise<void> | undefined;
  readonly #onEnd: () => void;
  #reader: PromiseWithResolvers<Result> | undefined;
  #isAsking = false;
  #isSilent = false;
  #end: Ending | undefined;

  constructor(
    source: AsyncIterable<Batch>,
    options: { readonly delayed: () => Promise<void> | undefined; readonly onEnd: () => void },
  ) {
    this.#source = source[Symbol.asyncIterator]();
    this.#delayed = options.delayed;
    this.#onEnd = options.onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#end !== undefined) return this.#ending(this.#end);
    this.#reader ??= Promise.withResolvers();
    if (!this.#isAsking) void this.#ask();
    return this.#reader.promise;
  }

  async return(): Promise<Result> {
    this.#finish({ last: undefined, error: undefined });
    return { done: true, value: undefined };
  }

  /** The server ends it, with this as the last it says. */
  end(last?: Batch): void {
    this.#finish({ last, error: undefined });
  }

  /** As a connection that is reset. */
  cut(): void {
    this.#finish({ last: undefined, error: new TransportError("connection reset") });
  }

  /** As a connection whose other end is gone without a word: nothing comes any more, and it does not end. */
  silence(): void {
    this.#isSilent = true;
  }

  get isSilent(): boolean {
    return this.#isSilent;
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    try {
      const result = await this.#source.next();
      await this.#delayed();
      this.#isAsking = false;
      if (this.#end !== undefined) return;
      if (this.#isSilent) {
        // What comes is lost; what ends it for the server (its client went away) ends it here too.
        if (result.done === true) this.#finish({ last: undefined, error: undefined });
        else void this.#ask();
      } else if (result.done === true) {
        this.#finish({ last: undefined, error: undefined });
      } else {
        this.#reader?.resolve({ done: false, value: result.value });
        this.#reader = undefined;
      }
    } catch (error) {
      this.#isAsking = false;
      this.#finish({ last: undefined, error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  #finish(end: Ending): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#onEnd();
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) this.#ending(end).then(reader.resolve, reader.reject);
    void this.#source.return?.();
  }

  async #ending(end: Ending): Promise<Result> {
    const { last, error } = end;
    this.#end = { last: undefined, error: undefined };
    if (last !== undefined) return { done: false, value: last };
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }
}
