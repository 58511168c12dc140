import {
  type Buckets,
  counter,
  gauge,
  histogram,
  type MetricFamily,
  type MetricHeading,
} from "../../base/metrics/family.ts";
import type { FlowController } from "./flow-controller.ts";
import type { FlowCounts } from "./flow-counts.ts";
import type { LevelUtilization } from "./level-utilization.ts";
import type { PriorityLevel } from "./priority-level.ts";

const flow = ["priority_level", "flow_schema"];
const level = ["priority_level"];

/** apiserver_flowcontrol_*, of what the controller has counted. */
export function flowFamilies(controller: FlowController): readonly MetricFamily[] {
  const counts = [...controller.counts];
  return [
    ...flowNumbers(counts),
    ...flowHistograms(counts),
    ...levelFamilies([...controller.levels], controller),
    ...utilizationFamilies([...controller.levels]),
  ];
}

function flowNumbers(counts: readonly FlowCounts[]): readonly MetricFamily[] {
  const of = (read: (counts: FlowCounts) => number) =>
    counts.map((each) => ({ labels: [each.levelName, each.schemaName], value: read(each) }));
  return [
    counter(
      heading(
        "rejected_requests_total",
        "[BETA] Number of requests rejected by API Priority and Fairness subsystem",
        [...flow, "reason"],
      ),
      counts.flatMap(({ levelName, schemaName, rejected }) =>
        Object.entries(rejected).flatMap(([reason, value]) =>
          value === 0 ? [] : [{ labels: [levelName, schemaName, reason], value }],
        ),
      ),
    ),
    counter(
      heading(
        "dispatched_requests_total",
        "[BETA] Number of requests executed by API Priority and Fairness subsystem",
        flow,
      ),
      of(({ dispatched }) => dispatched),
    ),
    gauge(
      heading(
        "current_inqueue_requests",
        "[BETA] Number of requests currently pending in queues of the API Priority and Fairness subsystem",
        flow,
      ),
      of(({ waiting }) => waiting),
    ),
    gauge(
      heading(
        "current_inqueue_seats",
        "[ALPHA] Number of seats currently pending in queues of the API Priority and Fairness subsystem",
        flow,
      ),
      of(({ waitingSeats }) => waitingSeats),
    ),
    gauge(
      heading(
        "current_executing_requests",
        "[BETA] Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem",
        flow,
      ),
      of(({ executing }) => executing),
    ),
    gauge(
      heading(
        "current_executing_seats",
        "[BETA] Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem",
        flow,
      ),
      of(({ executingSeats }) => executingSeats),
    ),
    counter(
      heading(
        "request_dispatch_no_accommodation_total",
        "[ALPHA] Number of times a dispatch attempt resulted in a non accommodation due to lack of available seats",
        flow,
      ),
      of(({ notAccommodated }) => notAccommodated).filter(({ value }) => value > 0),
    ),
  ];
}

function flowHistograms(counts: readonly FlowCounts[]): readonly MetricFamily[] {
  const of = (read: (counts: FlowCounts) => Buckets, ...more: readonly string[]) =>
    counts
      .map((each) => ({ labels: [each.levelName, each.schemaName, ...more], value: read(each) }))
      .filter(({ value }) => value.count > 0);
  return [
    histogram(
      heading(
        "request_queue_length_after_enqueue",
        "[ALPHA] Length of queue in the API Priority and Fairness subsystem, as seen by each request after it is enqueued",
        flow,
      ),
      of(({ queueLength }) => queueLength),
    ),
    histogram(
      heading("request_wait_duration_seconds", "[BETA] Length of time a request spent waiting in its queue", [
        ...flow,
        "execute",
      ]),
      [
        ...of(({ waitedExecuted }) => waitedExecuted, "true"),
        ...of(({ waitedRejected }) => waitedRejected, "false"),
      ],
    ),
    histogram(
      heading(
        "request_execution_seconds",
        "[ALPHA] Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem",
        [...flow, "type"],
      ),
      [
        ...of(({ executionSeconds }) => executionSeconds, "regular"),
        ...of(({ watchExecutionSeconds }) => watchExecutionSeconds, "watch"),
      ],
    ),
    histogram(
      heading(
        "work_estimated_seats",
        "[ALPHA] Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness",
        flow,
      ),
      of(({ estimatedSeats }) => estimatedSeats),
    ),
  ];
}

function levelFamilies(
  levels: readonly PriorityLevel[],
  { fairFraction }: FlowController,
): readonly MetricFamily[] {
  const of = (name: string, help: string, read: (level: PriorityLevel) => number) =>
    gauge(
      heading(name, help, level),
      levels.map((each) => ({ labels: [each.name], value: read(each) })),
    );
  return [
    of(
      "nominal_limit_seats",
      "[BETA] Nominal number of execution seats configured for each priority level",
      ({ limits }) => limits.nominal,
    ),
    of(
      "lower_limit_seats",
      "[ALPHA] Configured lower bound on number of execution seats available to each priority level",
      ({ limits }) => limits.lower,
    ),
    of(
      "upper_limit_seats",
      "[ALPHA] Configured upper bound on number of execution seats available to each priority level",
      ({ limits }) => limits.upper,
    ),
    of(
      "current_limit_seats",
      "[ALPHA] current derived number of execution seats available to each priority level",
      ({ currentSeats }) => currentSeats,
    ),
    of(
      "demand_seats_high_watermark",
      "[ALPHA] High watermark, over last adjustment period, of demand_seats",
      ({ demand }) => demand.highWatermark,
    ),
    of(
      "demand_seats_average",
      "[ALPHA] Time-weighted average, over last adjustment period, of demand_seats",
      ({ demand }) => demand.average,
    ),
    of(
      "demand_seats_stdev",
      "[ALPHA] Time-weighted standard deviation, over last adjustment period, of demand_seats",
      ({ demand }) => demand.deviation,
    ),
    of("demand_seats_smoothed", "[ALPHA] Smoothed seat demands", ({ smoothed }) => smoothed),
    of("target_seats", "[ALPHA] Seat allocation targets", ({ targetSeats }) => targetSeats),
    of("current_r", "[ALPHA] R(time of last change)", ({ queues }) => queues.currentR / 1000),
    gauge(
      heading(
        "seat_fair_frac",
        "[ALPHA] Fair fraction of server's concurrency to allocate to each priority level that can use it",
        [],
      ),
      [{ labels: [], value: fairFraction }],
    ),
  ];
}

function utilizationFamilies(levels: readonly PriorityLevel[]): readonly MetricFamily[] {
  const of = (
    read: (use: LevelUtilization) => { readonly histogram: Buckets },
    ...before: readonly string[]
  ) =>
    levels.map(({ name, queues }) => ({
      labels: [...before, name],
      value: read(queues.utilization).histogram,
    }));
  return [
    histogram(
      heading(
        "priority_level_seat_utilization",
        "EXPERIMENTAL: [ALPHA] Observations, at the end of every nanosecond, of utilization of seats for any stage of execution (but only initial stage for WATCHes)",
        ["phase", ...level],
      ),
      of(({ seats }) => seats, "executing"),
    ),
    histogram(
      heading(
        "priority_level_request_utilization",
        "EXPERIMENTAL: [ALPHA] Observations, at the end of every nanosecond, of number of requests (as a fraction of the relevant limit) waiting or in any stage of execution (but only initial stage for WATCHes)",
        ["phase", ...level],
      ),
      [...of(({ executing }) => executing, "executing"), ...of(({ waiting }) => waiting, "waiting")],
    ),
    histogram(
      heading(
        "demand_seats",
        "EXPERIMENTAL: [ALPHA] Observations, at the end of every nanosecond, of (the number of seats each priority level could use) / (nominal number of seats for that level)",
        level,
      ),
      of(({ demand }) => demand),
    ),
  ];
}

function heading(name: string, help: string, labels: readonly string[]): MetricHeading {
  return { name: `apiserver_flowcontrol_${name}`, help, labels };
}
