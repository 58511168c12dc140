import type { UserInfo } from "../../client/exchange.ts";
import type { RequestInfo } from "../request-info.ts";
import type { FlowCounts } from "./flow-counts.ts";
import type { WorkEstimate } from "./work-estimate.ts";

export interface ArrivingRequest {
  readonly estimate: WorkEstimate;
  readonly counts: FlowCounts;
  readonly distinguisher: string;
  /** Who asks for what, for those who look at the queues. */
  readonly info: RequestInfo;
  readonly user: UserInfo;
}

/** One request in a queue set: it waits, is carried out, lingers on its final seats, and is gone. */
export class FlowRequest {
  readonly arriving: ArrivingRequest;
  readonly arrivalMs: number;
  /** The progress meter when it came. */
  readonly arrivalR: number;
  /** Seat-milliseconds it is expected to cost. */
  readonly totalWork: number;
  readonly seats: number;
  additionalMs: number;
  startMs = 0;
  queue: Queue | undefined;
  isExecuting = false;
  /** Called once when a request that had to wait is let in. */
  onDispatch: (() => void) | undefined;

  constructor(arriving: ArrivingRequest, arrivalMs: number, arrivalR: number, totalWork: number) {
    const { initialSeats, finalSeats, additionalMs } = arriving.estimate;
    this.arriving = arriving;
    this.arrivalMs = arrivalMs;
    this.arrivalR = arrivalR;
    this.totalWork = totalWork;
    this.seats = Math.max(initialSeats, finalSeats);
    this.additionalMs = additionalMs;
  }
}

/** One queue of a level: the requests of the flows that were dealt it, in the order they came. */
export interface Queue {
  readonly waiting: FlowRequest[];
  /** The expected cost of what waits. */
  waitingWork: number;
  waitingSeats: number;
  readonly executing: Set<FlowRequest>;
  seatsInUse: number;
  /** Where in virtual time its next request begins. */
  nextDispatchR: number;
}

export function emptyQueue(): Queue {
  return {
    waiting: [],
    waitingWork: 0,
    waitingSeats: 0,
    executing: new Set(),
    seatsInUse: 0,
    nextDispatchR: 0,
  };
}

export function isActive({ waiting, executing }: Queue): boolean {
  return waiting.length > 0 || executing.size > 0;
}
