import { type ArrivingRequest, emptyQueue, FlowRequest, isActive, type Queue } from "./flow-request.ts";
import { type LevelUse, LevelUtilization } from "./level-utilization.ts";
import { SeatDemand } from "./seat-demand.ts";

/** How a level's requests wait. */
export type Queuing =
  /** Everybody is let in. */
  | { readonly type: "exempt" }
  /** Nobody waits: without a free seat the request is turned away. */
  | { readonly type: "reject" }
  | {
      readonly type: "queue";
      readonly queues: number;
      readonly handSize: number;
      readonly queueLengthLimit: number;
    };

export interface QueueSetTotals {
  readonly waiting: number;
  readonly executing: number;
  readonly seatsInUse: number;
  readonly seatsWaiting: number;
  readonly dispatched: number;
  readonly rejected: number;
  readonly timedOut: number;
  readonly cancelled: number;
}

/** What a request is taken to need before it is known (upstream's estimatedServiceDuration). */
const estimatedServiceMs = 3;

/**
 * The requests of one priority level: fair queueing of flows onto seats, for requests that take several seats for a time
 * nobody knows beforehand (KEP-1040). Time is what the caller says; nothing here waits or calls a clock.
 *
 * R, the progress meter, is the work in seat-milliseconds that each non-empty queue would have had if all seats were
 * shared equally at each moment. A queue's `nextDispatchR` is where its next request begins in that virtual time; the
 * request that would end first is the next one to be let in.
 */
export class QueueSet {
  queuing: Queuing = { type: "reject" };
  concurrencyLimit = 0;
  /** What the level has when nobody borrows. */
  nominalSeats = 0;
  readonly demand: SeatDemand;
  readonly utilization: LevelUtilization;
  readonly queues: Queue[] = [];
  /** Requests that never were in a queue. */
  readonly queueless = new Set<FlowRequest>();
  currentR = 0;
  #syncedMs: number;
  #robin = 0;
  #enqueued = 0;
  #activeQueues = 0;
  #waiting = 0;
  #executing = 0;
  #seatsInUse = 0;
  #seatsWaiting = 0;
  #dispatched = 0;
  #rejected = 0;
  #timedOut = 0;
  #cancelled = 0;

  constructor(nowMs: number) {
    this.demand = new SeatDemand(nowMs);
    this.utilization = new LevelUtilization(nowMs);
    this.#syncedMs = nowMs;
  }

  get totals(): QueueSetTotals {
    return {
      waiting: this.#waiting,
      executing: this.#executing,
      seatsInUse: this.#seatsInUse,
      seatsWaiting: this.#seatsWaiting,
      dispatched: this.#dispatched,
      rejected: this.#rejected,
      timedOut: this.#timedOut,
      cancelled: this.#cancelled,
    };
  }

  get isIdle(): boolean {
    return this.#waiting === 0 && this.#executing === 0;
  }

  /** Queues that are too many now go when they are empty. */
  configure(queuing: Queuing, concurrencyLimit: number, nowMs: number): void {
    this.#sync(nowMs);
    this.queuing = queuing;
    this.concurrencyLimit = concurrencyLimit;
    this.noteUse(nowMs);
    const wanted = this.#wantedQueues;
    while (this.queues.length < wanted) this.queues.push(emptyQueue());
    for (let index = this.queues.length - 1; index >= 0 && this.queues.length > wanted; index--)
      this.#dropIfSurplus(this.queues[index]);
    this.#dispatchAll(nowMs);
  }

  /**
   * Takes a request in: it is executing or waiting afterwards. Undefined: turned away. `hand`: the queues that its flow was
   * dealt, by their indices.
   */
  arrive(arriving: ArrivingRequest, hand: readonly number[], nowMs: number): FlowRequest | undefined {
    this.#sync(nowMs);
    const { estimate } = arriving;
    const work = estimate.initialSeats * estimatedServiceMs + estimate.finalSeats * estimate.additionalMs;
    const request = new FlowRequest(arriving, nowMs, this.currentR, work);
    if (this.queuing.type !== "queue") {
      if (!this.#hasRoomFor(request)) return this.#reject(arriving, "concurrency-limit");
      this.queueless.add(request);
      this.#execute(request, nowMs);
      return request;
    }
    const queue = this.#shortestOf(hand);
    if (this.#waiting === 0 && this.#seatsInUse < this.concurrencyLimit && this.#hasRoomFor(request)) {
      arriving.counts.queueLength.observe(1);
      this.#activate(queue);
      request.queue = queue;
      if (queue.nextDispatchR < request.arrivalR) queue.nextDispatchR = request.arrivalR;
      queue.executing.add(request);
      this.#begin(request, queue, nowMs);
      return request;
    }
    if (this.#seatsInUse >= this.concurrencyLimit && queue.waiting.length >= this.queuing.queueLengthLimit)
      return this.#reject(arriving, "queue-full");
    this.#enqueue(request, queue);
    arriving.counts.queueLength.observe(queue.waiting.length);
    this.#dispatchAll(nowMs);
    return request;
  }

  /** The request waits no longer: its time is up, or whoever sent it went away. */
  giveUp(request: FlowRequest, reason: "cancelled" | "time-out", nowMs: number): void {
    const { queue } = request;
    const position = queue?.waiting.indexOf(request) ?? -1;
    if (queue === undefined || position < 0) return;
    this.#sync(nowMs);
    queue.waiting.splice(position, 1);
    this.#leaveQueue(request, queue);
    if (reason === "time-out") this.#timedOut++;
    else this.#cancelled++;
    this.#reject(request.arriving, "time-out");
    this.#boundNextDispatch(queue);
    this.#noteDemand(nowMs);
    this.#dispatchAll(nowMs);
  }

  /** The request was answered. True: it still lingers, and `release` is due after `additionalMs`. */
  finish(request: FlowRequest, nowMs: number): boolean {
    this.#sync(nowMs);
    const { queue, arriving } = request;
    request.isExecuting = false;
    this.#executing--;
    arriving.counts.executing--;
    const tookMs = nowMs - request.startMs;
    if (queue === undefined) this.queueless.delete(request);
    else {
      queue.executing.delete(request);
      this.#noteInactive(queue);
      // It was charged for what it was expected to take.
      queue.nextDispatchR -= arriving.estimate.initialSeats * (estimatedServiceMs - tookMs);
      this.#boundNextDispatch(queue);
    }
    const lingers = request.additionalMs > 0;
    if (!lingers) this.#release(request, nowMs);
    this.#dispatchAll(nowMs);
    return lingers;
  }

  /** The final seats are free. */
  release(request: FlowRequest, nowMs: number): void {
    this.#sync(nowMs);
    this.#release(request, nowMs);
    this.#dispatchAll(nowMs);
  }

  #release({ seats, queue, arriving }: FlowRequest, nowMs: number): void {
    this.#seatsInUse -= seats;
    arriving.counts.executingSeats -= seats;
    this.#noteDemand(nowMs);
    if (queue === undefined) return;
    queue.seatsInUse -= seats;
    this.#dropIfSurplus(queue);
  }

  /** Moves the progress meter to now. */
  #sync(nowMs: number): void {
    const elapsedMs = nowMs - this.#syncedMs;
    if (elapsedMs <= 0) return; // a clock that was set back stands still
    this.#syncedMs = nowMs;
    if (this.#activeQueues === 0) return;
    const requested = this.#seatsInUse + this.#seatsWaiting;
    this.currentR += (Math.min(requested, this.concurrencyLimit) / this.#activeQueues) * elapsedMs;
  }

  #shortestOf(hand: readonly number[]): Queue {
    // Among equals the flow takes turns, so that its requests spread.
    const offset = this.#enqueued++ % hand.length;
    let shortest: Queue | undefined;
    for (let index = 0; index < hand.length; index++) {
      const queue = this.queues[hand[(offset + index) % hand.length] ?? 0];
      if (queue !== undefined && (shortest === undefined || queue.waitingWork < shortest.waitingWork))
        shortest = queue;
    }
    if (shortest === undefined) throw new Error("a flow was dealt no queue");
    return shortest;
  }

  /** The request is the queue's next one, and there is room for it. */
  #begin(request: FlowRequest, queue: Queue, nowMs: number): void {
    queue.seatsInUse += request.seats;
    queue.nextDispatchR += request.totalWork;
    this.#execute(request, nowMs);
  }

  #activate(queue: Queue): void {
    if (isActive(queue)) return;
    queue.nextDispatchR = this.currentR;
    this.#activeQueues++;
  }

  #enqueue(request: FlowRequest, queue: Queue): void {
    this.#activate(queue);
    const { counts } = request.arriving;
    request.queue = queue;
    queue.waiting.push(request);
    queue.waitingWork += request.totalWork;
    queue.waitingSeats += request.seats;
    this.#waiting++;
    this.#seatsWaiting += request.seats;
    counts.waiting++;
    counts.waitingSeats += request.seats;
    this.#noteDemand(this.#syncedMs);
    this.#boundNextDispatch(queue);
  }

  /** The request is out of the queue's list already. */
  #leaveQueue(request: FlowRequest, queue: Queue): void {
    const { counts } = request.arriving;
    queue.waitingWork -= request.totalWork;
    queue.waitingSeats -= request.seats;
    this.#waiting--;
    this.#seatsWaiting -= request.seats;
    counts.waiting--;
    counts.waitingSeats -= request.seats;
    this.#noteInactive(queue);
  }

  #noteInactive(queue: Queue): void {
    if (!isActive(queue)) this.#activeQueues--;
  }

  #dispatchAll(nowMs: number): void {
    while (this.#waiting > 0 && this.#seatsInUse < this.concurrencyLimit && this.#dispatchOne(nowMs));
  }

  #dispatchOne(nowMs: number): boolean {
    const queue = this.#nextQueue();
    const request = queue?.waiting[0];
    if (queue === undefined || request === undefined) return false;
    if (!this.#hasRoomFor(request)) {
      // The others wait with it: passing it over again and again would starve what is wide.
      request.arriving.counts.notAccommodated++;
      return false;
    }
    queue.waiting.shift();
    queue.executing.add(request);
    this.#leaveQueue(request, queue);
    this.#begin(request, queue, nowMs);
    this.#boundNextDispatch(queue);
    request.onDispatch?.();
    return true;
  }

  /** The queue whose oldest request would end first; looked for from the one after the last. */
  #nextQueue(): Queue | undefined {
    let best: Queue | undefined;
    let bestFinish = Number.POSITIVE_INFINITY;
    let bestIndex = this.#robin;
    const count = this.queues.length;
    for (let step = 1; step <= count; step++) {
      const index = (this.#robin + step) % count;
      const queue = this.queues[index];
      const oldest = queue?.waiting[0];
      if (queue === undefined || oldest === undefined) continue;
      const finish = queue.nextDispatchR + oldest.totalWork;
      if (finish >= bestFinish) continue;
      best = queue;
      bestFinish = finish;
      bestIndex = index;
      if (this.#waiting === queue.waiting.length) break; // nothing waits elsewhere
    }
    this.#robin = bestIndex;
    return best;
  }

  #execute(request: FlowRequest, nowMs: number): void {
    const { counts, estimate } = request.arriving;
    request.startMs = nowMs;
    request.isExecuting = true;
    // The level may have fewer seats than the request would linger on: it lingers longer on fewer.
    if (estimate.finalSeats > this.concurrencyLimit && this.concurrencyLimit > 0)
      request.additionalMs = (estimate.finalSeats * estimate.additionalMs) / this.concurrencyLimit;
    this.#executing++;
    this.#dispatched++;
    this.#seatsInUse += request.seats;
    counts.executing++;
    counts.executingSeats += request.seats;
    counts.dispatched++;
    this.#noteDemand(nowMs);
  }

  #hasRoomFor({ seats }: FlowRequest): boolean {
    if (this.queuing.type === "exempt") return true;
    if (seats > this.concurrencyLimit) return this.#executing === 0;
    return this.#seatsInUse + seats <= this.concurrencyLimit;
  }

  #reject({ counts }: ArrivingRequest, reason: "concurrency-limit" | "queue-full" | "time-out"): undefined {
    this.#rejected++;
    counts.rejected[reason]++;
    return undefined;
  }

  /** A request never begins before it came: a queue that was slow does not save its turns up. */
  #boundNextDispatch(queue: Queue): void {
    const oldest = queue.waiting[0];
    if (oldest !== undefined && queue.nextDispatchR < oldest.arrivalR) queue.nextDispatchR = oldest.arrivalR;
  }

  get #wantedQueues(): number {
    return this.queuing.type === "queue" ? this.queuing.queues : 0;
  }

  #dropIfSurplus(queue: Queue | undefined): void {
    if (queue === undefined || this.queues.length <= this.#wantedQueues) return;
    if (isActive(queue) || queue.seatsInUse > 0) return;
    const index = this.queues.indexOf(queue);
    if (index < 0) return;
    this.queues.splice(index, 1);
    if (this.#robin >= index && this.#robin > 0) this.#robin--;
  }

  #noteDemand(nowMs: number): void {
    this.demand.set(this.#seatsInUse + this.#seatsWaiting, nowMs);
    this.noteUse(nowMs);
  }

  /** Brings `utilization` up to now. */
  noteUse(nowMs: number): void {
    const { queuing, concurrencyLimit, nominalSeats } = this;
    const use: LevelUse = {
      seatsInUse: this.#seatsInUse,
      seatsWanted: this.#seatsInUse + this.#seatsWaiting,
      executing: this.#executing,
      waiting: this.#waiting,
      concurrencyLimit,
      nominalSeats,
      queueCapacity: queuing.type === "queue" ? queuing.queues * queuing.queueLengthLimit : 0,
    };
    this.utilization.note(use, nowMs);
  }
}
