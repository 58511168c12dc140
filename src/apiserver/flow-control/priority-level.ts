import type { PriorityLevelConfiguration } from "../../api/flowcontrol/types.generated.ts";
import { type BorrowingLevel, type SeatLimits, smoothedDemand } from "./borrowing.ts";
import { QueueSet, type Queuing } from "./queue-set.ts";
import { RetryAfter } from "./retry-after.ts";
import type { SeatDemandResults } from "./seat-demand.ts";

/** What one request may take of a level at most, as a part of all its seats. */
const maxSeatsPart = 0.15;

/** How much of the server a level is to have, compared with the others. */
export function sharesOf({ spec }: PriorityLevelConfiguration): number {
  return (spec.limited ?? spec.exempt)?.nominalConcurrencyShares ?? 0;
}

/** The limits of a level that has `shares` of `shareSum` of the server's seats. */
export function limitsOf(
  { spec }: PriorityLevelConfiguration,
  shareSum: number,
  serverSeats: number,
): SeatLimits {
  const { nominalConcurrencyShares = 0, lendablePercent = 0 } = spec.limited ?? spec.exempt ?? {};
  const borrowingPercent = spec.limited?.borrowingLimitPercent;
  const nominal = shareSum === 0 ? 0 : Math.ceil((serverSeats * nominalConcurrencyShares) / shareSum);
  const borrowable =
    borrowingPercent === undefined ? serverSeats : Math.round((nominal * borrowingPercent) / 100);
  return {
    nominal,
    lower: nominal - Math.round((nominal * lendablePercent) / 100),
    upper: nominal + borrowable,
  };
}

function queuingOf({ spec }: PriorityLevelConfiguration): Queuing {
  if (spec.type === "Exempt") return { type: "exempt" };
  const { type, queuing } = spec.limited?.limitResponse ?? {};
  if (type !== "Queue") return { type: "reject" };
  const { queues = 64, handSize = 8, queueLengthLimit = 50 } = queuing ?? {};
  return { type: "queue", queues, handSize, queueLengthLimit };
}

const noDemand: SeatDemandResults = { durationMs: 0, average: 0, deviation: 0, highWatermark: 0 };

/** A level at work: its queues, and what it wanted lately. */
export class PriorityLevel {
  object: PriorityLevelConfiguration;
  limits: SeatLimits = { nominal: 0, lower: 0, upper: 0 };
  currentSeats = 0;
  targetSeats = 0;
  smoothed = 0;
  demand = noDemand;
  /** 0: no limit of its own. */
  maxSeatsPerRequest = 0;
  /** Its object is gone: it serves those who are in it, and goes. */
  isQuiescing = false;
  readonly queues: QueueSet;
  readonly retryAfter = new RetryAfter();
  #isNew = true;

  constructor(object: PriorityLevelConfiguration, nowMs: number) {
    this.object = object;
    this.queues = new QueueSet(nowMs);
  }

  get name(): string {
    return this.object.metadata.name ?? "";
  }

  get isExempt(): boolean {
    return this.object.spec.type === "Exempt";
  }

  setLimits(limits: SeatLimits): void {
    this.limits = limits;
    const queuing = queuingOf(this.object);
    this.maxSeatsPerRequest =
      queuing.type === "queue"
        ? Math.max(
            1,
            Math.min(Math.ceil(limits.nominal * maxSeatsPart), Math.floor(limits.nominal / queuing.handSize)),
          )
        : 0;
    if (this.#isNew) this.currentSeats = limits.nominal - Math.floor((limits.nominal - limits.lower) / 2);
    this.#isNew = false;
  }

  /** Closes a period, and says what is to be known to share the seats anew. */
  takeDemand(nowMs: number): BorrowingLevel {
    this.demand = this.queues.demand.take(nowMs);
    this.smoothed = smoothedDemand(this.smoothed, this.demand);
    const { limits, isExempt, currentSeats: current, smoothed } = this;
    return { ...limits, isExempt, current, smoothed, highWatermark: Math.round(this.demand.highWatermark) };
  }

  use(currentSeats: number, targetSeats: number, nowMs: number): void {
    this.currentSeats = currentSeats;
    this.targetSeats = targetSeats;
    this.queues.nominalSeats = this.limits.nominal;
    this.queues.configure(queuingOf(this.object), currentSeats, nowMs);
  }
}
