import { backoffDelayMs } from "../../base/backoff.ts";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { fullBucket, reserveToken, type TokenBucketPolicy } from "../../base/token-bucket.ts";
import type { AuditBackend, AuditEvent } from "./event.ts";

/** Upstream's `--audit-webhook-batch-*` defaults. */
export interface BatchLimits {
  /** Events that wait; more are lost, and said so. */
  readonly bufferSize: number;
  readonly maxBatchSize: number;
  readonly maxBatchWaitMs: number;
  readonly throttle: TokenBucketPolicy | undefined;
}

export const defaultBatchLimits: BatchLimits = {
  bufferSize: 10_000,
  maxBatchSize: 400,
  maxBatchWaitMs: 30_000,
  throttle: { perSecond: 10, burst: 15 },
};

export interface WebhookBackendOptions {
  /** Posts an EventList. Rejects with why it was not taken. */
  readonly post: (list: object, options: { readonly signal: AbortSignal }) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits?: BatchLimits;
}

const attempts = 5;
const retry = { initialMs: 10_000, factor: 1.5, limitMs: 60_000, jitter: 0.2 };
/** What is left when the server stops gets this long. */
const closingMs = 5_000;

/** Sends events in batches to a server that a kubeconfig names; requests never wait for it. */
export function webhookBackend(options: WebhookBackendOptions): AuditBackend {
  return new WebhookBackend(options);
}

class WebhookBackend implements AuditBackend {
  readonly #options: WebhookBackendOptions;
  readonly #limits: BatchLimits;
  readonly #ending = new AbortController();
  #buffer: AuditEvent[] = [];
  #lost = 0;
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #closing = false;
  #bucket;

  constructor(options: WebhookBackendOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultBatchLimits;
    const { throttle } = this.#limits;
    this.#bucket = throttle && fullBucket(throttle, options.clock.now());
  }

  process(event: AuditEvent): void {
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
    const { logger } = this.#options;
    do {
      const items = this.#buffer.splice(0, this.#limits.maxBatchSize);
      try {
        await this.#throttled();
        await this.#post(items);
      } catch (error) {
        logger.error({ error: String(error), events: items.length }, "audit events could not be sent");
      }
      if (this.#lost > 0)
        logger.error({ events: this.#lost }, "audit events were lost: the webhook is too slow");
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

  async #post(items: readonly AuditEvent[]): Promise<void> {
    const { post, clock, random } = this.#options;
    const { signal } = this.#ending;
    const list = { kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {}, items };
    for (let attempt = 1; ; attempt++) {
      try {
        return await post(list, { signal });
      } catch (error) {
        if (attempt >= attempts || signal.aborted) throw error;
        await sleep(clock, backoffDelayMs(retry, attempt - 1, random), { signal });
      }
    }
  }
}
