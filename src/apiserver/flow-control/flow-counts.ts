import { HistogramSeries } from "../../base/metrics/series.ts";

const queueLengthBounds = [0, 10, 25, 50, 100, 250, 500, 1000];
const durationBounds = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const seatBounds = [1, 2, 4, 8, 16, 32, 64, 100];

export type RejectionReason = "queue-full" | "concurrency-limit" | "time-out";

/** What is counted of the requests of one FlowSchema in one priority level. */
export class FlowCounts {
  readonly levelName: string;
  readonly schemaName: string;
  dispatched = 0;
  waiting = 0;
  waitingSeats = 0;
  executing = 0;
  executingSeats = 0;
  notAccommodated = 0;
  readonly rejected: Record<RejectionReason, number> = {
    "queue-full": 0,
    "concurrency-limit": 0,
    "time-out": 0,
  };
  readonly queueLength = new HistogramSeries(queueLengthBounds);
  readonly waitedExecuted = new HistogramSeries(durationBounds);
  readonly waitedRejected = new HistogramSeries(durationBounds);
  readonly executionSeconds = new HistogramSeries(durationBounds);
  readonly watchExecutionSeconds = new HistogramSeries(durationBounds);
  readonly estimatedSeats = new HistogramSeries(seatBounds);

  constructor(levelName: string, schemaName: string) {
    this.levelName = levelName;
    this.schemaName = schemaName;
  }
}
