import type { Clock } from "../../base/clock.ts";
import { type AuditBackend, type AuditEvent, type AuditSink, closingMs } from "./event.ts";

export interface BlockingBackendOptions {
  readonly sink: AuditSink;
  /** What comes in and cannot be recorded is refused; upstream's `blocking-strict`. */
  readonly isStrict: boolean;
  readonly failed: (error: unknown, events: number) => void;
  readonly clock: Clock;
}

/** Requests wait until their events are written. Those that wait at the same time share a write. */
export function blockingBackend({ sink, isStrict, failed, clock }: BlockingBackendOptions): AuditBackend {
  const ending = new AbortController();
  let waiting: AuditEvent[] = [];
  let next: Promise<boolean> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const write = async (): Promise<boolean> => {
    const events = waiting;
    waiting = [];
    next = undefined;
    try {
      await sink.write(events, { signal: ending.signal });
      return true;
    } catch (error) {
      failed(error, events.length);
      return !isStrict;
    }
  };

  return {
    process(event) {
      waiting.push(event);
      if (next === undefined) {
        next = last.then(write);
        last = next;
      }
      return next;
    },
    async close() {
      const timer = clock.setTimer(closingMs, () => ending.abort());
      await last;
      timer.cancel();
      await sink.close();
    },
  };
}
