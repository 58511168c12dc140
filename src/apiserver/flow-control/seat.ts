import type { FlowSchema } from "../../api/flowcontrol/types.generated.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { FlowCounts } from "./flow-counts.ts";
import type { FlowRequest } from "./flow-request.ts";
import type { PriorityLevel } from "./priority-level.ts";

/** A schema with the level it sends its requests to. */
export interface Route {
  readonly schema: FlowSchema;
  readonly level: PriorityLevel;
  readonly counts: FlowCounts;
  /** By which objects requests are judged; none where they are imagined. */
  readonly headers: Readonly<Record<string, string>>;
  /** The queues of flows that came lately, by what tells them apart. */
  readonly hands: Map<string, readonly number[]>;
}

/** What a seat asks of who gives it. */
export interface SeatHost {
  readonly clock: Clock;
  /** The last request of a level that is to go has gone. */
  onIdle(): void;
}

/** A request's place in its priority level. */
export class Seat {
  readonly route: Route;
  readonly #request: FlowRequest | undefined;
  readonly #host: SeatHost;
  #left = false;

  /** Without a request: it was turned away at once. */
  constructor(route: Route, request: FlowRequest | undefined, host: SeatHost) {
    this.route = route;
    this.#request = request;
    this.#host = host;
    if (request === undefined) this.#noteRejection();
    else if (request.isExecuting && !route.level.isExempt) route.counts.waitedExecuted.observe(0);
  }

  /** False: it waits, or was turned away. */
  get isGranted(): boolean {
    return this.#request?.isExecuting === true;
  }

  /** How long who was turned away is to wait. */
  get retryAfterSeconds(): number {
    return this.route.level.retryAfter.seconds;
  }

  /** Whether the request is let in, within `limitMs` at most. Rejects when the signal aborts. */
  wait(limitMs: number, signal: AbortSignal): Promise<boolean> {
    const request = this.#request;
    if (request === undefined) return Promise.resolve(false);
    if (request.isExecuting) return Promise.resolve(true);
    const { clock } = this.#host;
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const settle = () => {
        signal.removeEventListener("abort", onAbort);
        timer?.cancel();
        request.onDispatch = undefined;
      };
      const onAbort = () => {
        settle();
        this.#giveUp(request, "cancelled");
        reject(signal.reason);
      };
      request.onDispatch = () => {
        settle();
        this.route.counts.waitedExecuted.observe(this.#waitedSeconds(request));
        resolve(true);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      timer = clock.setTimer(limitMs, () => {
        settle();
        this.#giveUp(request, "time-out");
        resolve(false);
      });
    });
  }

  /** Gives the place back; only the first call counts. */
  leave(nowMs: number): void {
    const request = this.#request;
    if (this.#left || request?.isExecuting !== true) return;
    this.#left = true;
    const { level, counts } = this.route;
    const { clock } = this.#host;
    const isWatch = request.arriving.info.verb === "watch";
    const series = isWatch ? counts.watchExecutionSeconds : counts.executionSeconds;
    series.observe(Math.max(0, nowMs - request.startMs) / 1000);
    if (level.queues.finish(request, nowMs))
      clock.setTimer(request.additionalMs, () => level.queues.release(request, clock.now()));
    this.#noteIdle();
  }

  #giveUp(request: FlowRequest, reason: "cancelled" | "time-out"): void {
    this.route.level.queues.giveUp(request, reason, this.#host.clock.now());
    this.#noteRejection();
    this.#noteIdle();
  }

  #noteRejection(): void {
    const { level, counts } = this.route;
    level.retryAfter.note(this.#host.clock.now());
    counts.waitedRejected.observe(this.#request === undefined ? 0 : this.#waitedSeconds(this.#request));
  }

  #waitedSeconds({ arrivalMs }: FlowRequest): number {
    return Math.max(0, this.#host.clock.now() - arrivalMs) / 1000;
  }

  #noteIdle(): void {
    const { level } = this.route;
    if (level.isQuiescing && level.queues.isIdle) this.#host.onIdle();
  }
}
