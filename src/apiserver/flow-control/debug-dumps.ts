import type { ApiResponse } from "../../client/exchange.ts";
import { type NonResourceHandler, textResponse } from "../non-resource.ts";
import type { FlowController } from "./flow-controller.ts";
import type { FlowRequest } from "./flow-request.ts";
import type { PriorityLevel } from "./priority-level.ts";

/** What is in the queues now, as upstream's three dumps show it: for people, in columns. */

const prefix = "/debug/api_priority_and_fairness/";

export function debugDumps(controller: FlowController): NonResourceHandler {
  const dumps = new Map<string, (levels: readonly PriorityLevel[], query: URLSearchParams) => string>([
    [`${prefix}dump_priority_levels`, dumpLevels],
    [`${prefix}dump_queues`, dumpQueues],
    [`${prefix}dump_requests`, dumpRequests],
  ]);
  return {
    paths: [], // upstream does not list them either
    handle({ path, query }): ApiResponse | undefined {
      const dump = dumps.get(path);
      if (dump === undefined) return undefined;
      const levels = [...controller.levels].sort((left, right) => (left.name < right.name ? -1 : 1));
      return textResponse(200, dump(levels, query));
    },
  };
}

function dumpLevels(levels: readonly PriorityLevel[]): string {
  return table([
    [
      "PriorityLevelName",
      "ActiveQueues",
      "IsIdle",
      "IsQuiescing",
      "WaitingRequests",
      "ExecutingRequests",
      "DispatchedRequests",
      "RejectedRequests",
      "TimedoutRequests",
      "CancelledRequests",
    ],
    ...levels.map(({ name, queues, isQuiescing }) => {
      const { waiting, executing, dispatched, rejected, timedOut, cancelled } = queues.totals;
      const active = queues.queues.filter((queue) => queue.waiting.length > 0).length;
      return [
        name,
        active,
        queues.isIdle,
        isQuiescing,
        waiting,
        executing,
        dispatched,
        rejected,
        timedOut,
        cancelled,
      ].map(String);
    }),
  ]);
}

function dumpQueues(levels: readonly PriorityLevel[]): string {
  return table([
    [
      "PriorityLevelName",
      "Index",
      "PendingRequests",
      "ExecutingRequests",
      "SeatsInUse",
      "NextDispatchR",
      "InitialSeatsSum",
      "MaxSeatsSum",
      "TotalWorkSum",
    ],
    ...levels.flatMap(({ name, queues }) =>
      queues.queues.map((queue, index) => {
        const initialSeats = queue.waiting.reduce(
          (sum, { arriving }) => sum + arriving.estimate.initialSeats,
          0,
        );
        return [
          name,
          String(index),
          String(queue.waiting.length),
          String(queue.executing.size),
          String(queue.seatsInUse),
          seatSeconds(queue.nextDispatchR),
          String(initialSeats),
          String(queue.waitingSeats),
          seatSeconds(queue.waitingWork),
        ];
      }),
    ),
  ]);
}

const requestColumns = [
  "PriorityLevelName",
  "FlowSchemaName",
  "QueueIndex",
  "RequestIndexInQueue",
  "FlowDistingsher", // as upstream spells it: those who read it look for that
  "ArriveTime",
  "InitialSeats",
  "FinalSeats",
  "AdditionalLatency",
  "StartTime",
];
const detailColumns = [
  "UserName",
  "Verb",
  "APIPath",
  "Namespace",
  "Name",
  "APIVersion",
  "Resource",
  "SubResource",
];

function dumpRequests(levels: readonly PriorityLevel[], query: URLSearchParams): string {
  const details = (query.get("includeRequestDetails") ?? "") !== "";
  const rows: string[][] = [details ? [...requestColumns, ...detailColumns] : requestColumns];
  for (const { name, queues } of levels) {
    const add = (request: FlowRequest, queueIndex: number, requestIndex: number) =>
      rows.push(rowOf(name, request, { queueIndex, requestIndex, details }));
    for (const [queueIndex, { waiting, executing }] of queues.queues.entries()) {
      for (const [requestIndex, request] of waiting.entries()) add(request, queueIndex, requestIndex);
      for (const request of executing) add(request, queueIndex, -1);
    }
    for (const request of queues.queueless) add(request, -1, -1);
  }
  return table(rows);
}

interface RowOptions {
  readonly queueIndex: number;
  readonly requestIndex: number;
  readonly details: boolean;
}

function rowOf(
  level: string,
  { arriving, arrivalMs, startMs }: FlowRequest,
  { queueIndex, requestIndex, details }: RowOptions,
): string[] {
  const { estimate, distinguisher, info, user } = arriving;
  const row = [
    level,
    arriving.counts.schemaName,
    String(queueIndex),
    String(requestIndex),
    distinguisher,
    timestamp(arrivalMs),
    String(estimate.initialSeats),
    String(estimate.finalSeats),
    estimate.additionalMs === 0 ? "0s" : `${estimate.additionalMs}ms`,
    startMs === 0 ? "0001-01-01T00:00:00Z" : timestamp(startMs),
  ];
  if (!details) return row;
  const version = info.apiGroup === "" ? info.apiVersion : `${info.apiGroup}/${info.apiVersion}`;
  return [
    ...row,
    user.name,
    info.verb,
    info.path,
    info.namespace,
    info.name,
    version,
    info.resource,
    info.subresource,
  ];
}

/** As Go's RFC3339Nano: without zeros at the end. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0+Z$/, "Z");
}

function seatSeconds(seatMs: number): string {
  return `${(seatMs / 1000).toFixed(8)}ss`;
}

/** Columns of at least eight characters, a comma and a space between: Go's tabwriter as upstream sets it. */
function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell, index) => (index < row.length - 1 ? `${cell},` : cell)));
  const widths: number[] = [];
  for (const row of cells)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 8, cell.length + 1);
  return cells
    .map((row) =>
      row.map((cell, index) => (index < row.length - 1 ? cell.padEnd(widths[index] ?? 8) : cell)).join(""),
    )
    .map((line) => `${line}\n`)
    .join("");
}
