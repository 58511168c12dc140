import type { Clock, Timer } from "../../base/clock.ts";
import type { FlowCounts } from "./flow-counts.ts";
import type { FlowRequest } from "./flow-request.ts";
import type { PriorityLevel } from "./priority-level.ts";

/** By which schema and level a request was judged; "" where the object is imagined. */
export interface Classification {
  readonly schemaUid: string;
  readonly levelUid: string;
}

export interface SeatParts {
  readonly level: PriorityLevel;
  readonly counts: FlowCounts;
  readonly classification: Classification;
  /** Absent: the request was turned away at once. */
  readonly request: FlowRequest | undefined;
  readonly isWatch: boolean;
  readonly clock: Clock;
  /** The last of the level's requests has gone. */
  readonly onIdle: () => void;
}

/** A request's place in its priority level. */
export class Seat {
  readonly #parts: SeatParts;
  #left = false;

  constructor(parts: SeatParts) {
    this.#parts = parts;
    if (parts.request === undefined) this.#noteRejection();
    else if (parts.request.isExecuting) this.#noteWait(true);
  }

  get classification(): Classification {
    return this.#parts.classification;
  }

  /** False: it waits, or was turned away. */
  get isGranted(): boolean {
    return this.#parts.request?.isExecuting === true;
  }

  /** How long who was turned away is to wait. */
  get retryAfterSeconds(): number {
    return this.#parts.level.retryAfter.seconds;
  }

  /** Whether the request is let in, within `limitMs` at most. Rejects when the signal aborts. */
  wait(limitMs: number, signal: AbortSignal): Promise<boolean> {
    const { request, level, clock } = this.#parts;
    if (request === undefined) return Promise.resolve(false);
    if (request.isExecuting) return Promise.resolve(true);
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const giveUp = (reason: "cancelled" | "time-out") => {
        signal.removeEventListener("abort", onAbort);
        timer?.cancel();
        request.onDispatch = undefined;
        level.queues.giveUp(request, reason, clock.now());
        this.#noteRejection();
        this.#noteIdle();
      };
      const onAbort = () => {
        giveUp("cancelled");
        reject(signal.reason);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      timer = clock.setTimer(limitMs, () => {
        giveUp("time-out");
        resolve(false);
      });
      request.onDispatch = () => {
        signal.removeEventListener("abort", onAbort);
        timer?.cancel();
        this.#noteWait(true);
        resolve(true);
      };
    });
  }

  /** Gives the place back; only the first call counts. */
  leave(): void {
    const { request, level, counts, isWatch, clock } = this.#parts;
    if (this.#left || request?.isExecuting !== true) return;
    this.#left = true;
    const nowMs = clock.now();
    const series = isWatch ? counts.watchExecutionSeconds : counts.executionSeconds;
    series.observe(Math.max(0, nowMs - request.startMs) / 1000);
    if (level.queues.finish(request, nowMs))
      clock.setTimer(request.additionalMs, () => level.queues.release(request, clock.now()));
    this.#noteIdle();
  }

  #noteRejection(): void {
    const { level, clock } = this.#parts;
    level.retryAfter.note(clock.now());
    this.#noteWait(false);
  }

  #noteWait(executed: boolean): void {
    const { request, counts, level, clock } = this.#parts;
    if (level.isExempt) return;
    const waitedMs = request === undefined ? 0 : clock.now() - request.arrivalMs;
    (executed ? counts.waitedExecuted : counts.waitedRejected).observe(Math.max(0, waitedMs) / 1000);
  }

  #noteIdle(): void {
    const { level, onIdle } = this.#parts;
    if (level.isQuiescing && level.queues.isIdle) onIdle();
  }
}
