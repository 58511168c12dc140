import type { ApiResponse, WatchEvent } from "../../client/exchange.ts";
import { frameOf } from "../cache/cache-event.ts";
import { membersOf } from "../content/lazy-list.ts";
import { mediaTypes } from "../content/negotiate.ts";
import type { WatchCounts } from "../flow-control/watch-counts.ts";
import type { RequestInfo } from "../request-info.ts";
import type { ServerMetrics } from "./server-metrics.ts";

type WatchResponse = ApiResponse & { readonly type: "watch" };

interface AnswerCounters {
  readonly metrics: ServerMetrics;
  readonly watches: WatchCounts;
  /** A watch has sent all that was there when it began; absent: it does not begin with that. */
  readonly listed: (() => void) | undefined;
}

/** The same answer to a request from the network: what a list shows and a watch sends is counted on its way. */
export function countedAnswer(
  response: ApiResponse,
  info: RequestInfo,
  { metrics, watches, listed }: AnswerCounters,
): ApiResponse {
  if (response.type === "watch")
    return countedEvents(response, {
      sent: metrics.requests.sentEvents(info),
      ended: watches.add(info),
      listed,
    });
  if (info.verb === "list" && response.type === "object") {
    // What a handler answers with is an object.
    const members = membersOf(response.object as object);
    if (members !== undefined) metrics.listed(info.apiGroup, info.resource, members.sources.length);
  }
  return response;
}

interface EventCounter {
  /** `bytes`: of the events as JSON; 0 where they go out in another form. */
  sent(events: number, bytes: number): void;
  /** Nobody reads the watch any more. */
  ended(): void;
  readonly listed: (() => void) | undefined;
}

/** The same watch; its batches are counted as they are taken. */
function countedEvents(response: WatchResponse, counter: EventCounter): WatchResponse {
  const isJson = response.headers["content-type"] === mediaTypes.json;
  let { listed } = counter;
  const count = (result: IteratorResult<readonly WatchEvent[]>) => {
    if (result.done === true) counter.ended();
    else if (result.value.length > 0) {
      counter.sent(result.value.length, isJson ? bytesOf(result.value) : 0);
      if (listed !== undefined && result.value.some(({ type }) => type === "BOOKMARK")) {
        listed();
        listed = undefined;
      }
    }
    return result;
  };
  return {
    ...response,
    events: {
      [Symbol.asyncIterator]() {
        const iterator = response.events[Symbol.asyncIterator]();
        return {
          next: () => iterator.next().then(count),
          return: async () => {
            counter.ended();
            await iterator.return?.();
            return { done: true, value: undefined };
          },
        };
      },
    },
  };
}

/** More events than this at once are what a watch begins with. */
const sharedEvents = 128;
const sampledEvents = 4;

/**
 * The frames of changes are made for the wire anyway, and once for all who watch. What a watch begins with is encoded as it is sent,
 * and not kept: a few of its events tell of the others.
 */
function bytesOf(batch: readonly WatchEvent[]): number {
  const count = batch.length > sharedEvents ? sampledEvents : batch.length;
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    const event = batch[index];
    if (event !== undefined) bytes += frameOf(event).length;
  }
  return (bytes * batch.length) / count;
}
