import type { MetricFamily } from "../../base/metrics/family.ts";
import type { ApiRequest, ApiResponse, UserInfo } from "../../client/exchange.ts";
import type { NonResourceHandler } from "../non-resource.ts";
import { bytesResponse } from "../non-resource.ts";
import { maxTimeoutMs, requestedTimeoutMs } from "../request-deadline.ts";
import type { RequestInfo } from "../request-info.ts";
import { debugDumps } from "./debug-dumps.ts";
import { FlowController, type FlowControllerOptions } from "./flow-controller.ts";
import { flowFamilies } from "./flow-metrics.ts";
import type { Seat } from "./seat.ts";

/** How much the server does at the same time; upstream's flags and defaults. */
export interface FlowControlOptions {
  /** `--max-requests-inflight`; default 400. */
  readonly maxRequestsInFlight?: number;
  /** `--max-mutating-requests-inflight`; default 200. The sum of both is the server's seats. */
  readonly maxMutatingRequestsInFlight?: number;
  /** `--enable-priority-and-fairness`; default true. False: all seats are everybody's alike, and nobody waits for one. */
  readonly enabled?: boolean;
  /** `--request-timeout`: a quarter of it is the longest a request waits for its seat; default 60 s. */
  readonly requestTimeoutMs?: number;
}

const defaultRequestsInFlight = 400;
const defaultMutatingRequestsInFlight = 200;

const lastingSubresources: ReadonlySet<string> = new Set(["attach", "exec", "log", "portforward", "proxy"]);

/** Priority and fairness as the server's pipeline uses it. */
export class FlowControl {
  readonly controller: FlowController;
  readonly handlers: readonly NonResourceHandler[];
  readonly #requestTimeoutMs: number;
  readonly isEnabled: boolean;

  constructor(options: FlowControlOptions, dependencies: Omit<FlowControllerOptions, "serverSeats">) {
    const {
      maxRequestsInFlight = defaultRequestsInFlight,
      maxMutatingRequestsInFlight = defaultMutatingRequestsInFlight,
    } = options;
    this.isEnabled = options.enabled ?? true;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? maxTimeoutMs;
    this.controller = new FlowController({
      ...dependencies,
      serverSeats: maxRequestsInFlight + maxMutatingRequestsInFlight,
    });
    this.handlers = this.isEnabled ? [debugDumps(this.controller)] : [];
  }

  /** The request's place, perhaps yet to be waited for; undefined: streams and proxied requests need none. */
  begin(info: RequestInfo, user: UserInfo, { query }: ApiRequest): Seat | undefined {
    if (lastingSubresources.has(info.subresource) || info.verb === "proxy") return undefined;
    return this.controller.begin(info, user, query);
  }

  /** Whether the request may go on: it waits for a quarter of the time it has. Rejects when its signal aborts. */
  wait(seat: Seat, { query, signal }: ApiRequest): Promise<boolean> {
    const wanted = requestedTimeoutMs(query);
    const wholeMs = Math.min(
      typeof wanted === "number" ? wanted : this.#requestTimeoutMs,
      this.#requestTimeoutMs,
    );
    return seat.wait(wholeMs / 4, signal);
  }

  families(): readonly MetricFamily[] {
    return this.isEnabled ? flowFamilies(this.controller) : [];
  }
}

/** What a request that found no place is told. */
export function turnedAway(seat: Seat): ApiResponse {
  return bytesResponse(429, new TextEncoder().encode("Too many requests, please try again later.\n"), {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
    "retry-after": String(seat.retryAfterSeconds),
  });
}
