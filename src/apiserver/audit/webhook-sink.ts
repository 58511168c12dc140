import { backoffDelayMs } from "../../base/backoff.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { AuditSink } from "./event.ts";

export interface WebhookSinkOptions {
  /** Posts an EventList. Rejects with why it was not taken. */
  readonly post: (list: object, options: { readonly signal: AbortSignal }) => Promise<void>;
  readonly close: () => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  /** `--audit-webhook-initial-backoff`; 10 s unless said. */
  readonly initialBackoffMs?: number;
}

const attempts = 5;
const retry = { factor: 1.5, limitMs: 60_000, jitter: 0.2 };

/** Sends events to a server that a kubeconfig names, a few times if need be. */
export function webhookSink(options: WebhookSinkOptions): AuditSink {
  const { post, close, clock, random, initialBackoffMs: initialMs = 10_000 } = options;
  return {
    async write(items, { signal }) {
      const list = { kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {}, items };
      for (let attempt = 1; ; attempt++) {
        try {
          return await post(list, { signal });
        } catch (error) {
          if (attempt >= attempts || signal.aborted) throw error;
          await sleep(clock, backoffDelayMs({ initialMs, ...retry }, attempt - 1, random), { signal });
        }
      }
    },
    close,
  };
}
