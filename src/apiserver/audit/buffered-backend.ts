import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import { fullBucket, reserveToken, type TokenBucketPolicy } from "../../base/token-bucket.ts";
import { type AuditBackend, type AuditEvent, type AuditSink, closingMs } from "./event.ts";

/** Upstream's `--audit-…-batch-*`. */
export interface BatchLimits {
  /** Events that wait; more are lost, and said so. */
  readonly bufferSize: number;
  readonly maxBatchSize: number;
  readonly maxBatchWaitMs: number;
  readonly throttle: TokenBucketPolicy | undefined;
}

/** A webhook's, unless said. */
export const webhookBatchLimits: BatchLimits = {
  bufferSize: 10_000,
  maxBatchSize: 400,
  maxBatchWaitMs: 30_000,
  throttle: { perSecond: 10, burst: 15 },
};

/** A log's, unless said: a file gains nothing by batches. */
export const logBatchLimits: BatchLimits = { ...webhookBatchLimits, maxBatchSize: 1, throttle: undefined };

export interface BufferedBackendOptions {
  readonly sink: AuditSink;
  readonly limits: BatchLimits;
  readonly failed: (error: unknown, events: number) => void;
  readonly clock: Clock;
}

/** Writes events in batches; requests never wait for it: upstream's mode `batch`. */
export function bufferedBackend(options: BufferedBackendOptions): AuditBackend {
  return new BufferedBackend(options);
}

class BufferedBackend implements AuditBackend {
  readonly #options: BufferedBackendOptions;
  readonly #limits: BatchLimits;
  readonly #ending = new AbortController();
  #buffer: AuditEvent[] = [];
  #lost = 0;
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #closing = false;
  #bucket;

  constructor(options: BufferedBackendOptions) {
    this.#options = options;
    this.#limits = options.limits;
    const { throttle } = this.#limits;
    this.#bucket = throttle && fullBucket(throttle, options.clock.now());
  }

  process(event: AuditEvent): undefined {
    const { bufferSize, maxBatchSize, maxBatchWaitMs } = this.#limits;
    if (this.#buffer.length >= bufferSize) {
      this.#lost++;
      return;
    }
    this.#buffer.push(event);
    if (this.#sending !== undefined) return;
    if (this.#buffer.length >= maxBatchSize) this.#send();
    else this.#timer ??= this.#options.clock.setTimer(maxBatchWaitMs, () => this.#send());
  }

  async close(): Promise<void> {
    this.#closing = true;
    const last = this.#options.clock.setTimer(closingMs, () => this.#ending.abort());
    if (this.#sending === undefined && this.#buffer.length > 0) this.#send();
    await this.#sending;
    last.cancel();
    this.#ending.abort();
    await this.#options.sink.close();
  }

  #send(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending = this.#drain().finally(() => {
      this.#sending = undefined;
      const { maxBatchWaitMs } = this.#limits;
      // What came meanwhile and does not fill a batch waits for more.
      if (this.#buffer.length > 0 && !this.#ending.signal.aborted)
        this.#timer = this.#options.clock.setTimer(maxBatchWaitMs, () => this.#send());
    });
  }

  async #drain(): Promise<void> {
    const { sink, failed } = this.#options;
    do {
      const events = this.#buffer.splice(0, this.#limits.maxBatchSize);
      try {
        await this.#throttled();
        await sink.write(events, { signal: this.#ending.signal });
      } catch (error) {
        failed(error, events.length);
      }
      if (this.#lost > 0) failed(new Error("audit buffer queue blocked"), this.#lost);
      this.#lost = 0;
    } while (
      !this.#ending.signal.aborted &&
      (this.#buffer.length >= this.#limits.maxBatchSize || (this.#closing && this.#buffer.length > 0))
    );
  }

  async #throttled(): Promise<void> {
    const { throttle } = this.#limits;
    if (throttle === undefined || this.#bucket === undefined || this.#closing) return;
    const { clock } = this.#options;
    const { bucket, delayMs } = reserveToken(this.#bucket, throttle, clock.now());
    this.#bucket = bucket;
    if (delayMs > 0) await sleep(clock, delayMs, { signal: this.#ending.signal });
  }
}
