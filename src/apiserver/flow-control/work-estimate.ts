import { isTrue, type RequestInfo } from "../request-info.ts";

/** What a request costs, in seats: while it is answered, and for a moment after (the events it causes). */
export interface WorkEstimate {
  readonly initialSeats: number;
  readonly finalSeats: number;
  /** How long the final seats stay taken. */
  readonly additionalMs: number;
}

export const oneSeat: WorkEstimate = { initialSeats: 1, finalSeats: 0, additionalMs: 0 };

/** The seats a request holds at the same time. */
export function maxSeatsOf({ initialSeats, finalSeats }: WorkEstimate): number {
  return Math.max(initialSeats, finalSeats);
}

/** What is known of a resource's objects without looking at them. */
export interface ResourceStats {
  readonly objectCount: number;
  readonly averageBytes: number;
}

export interface EstimateSources {
  /** Undefined: nothing is known of the resource. */
  readonly statsOf: (info: RequestInfo) => ResourceStats | undefined;
  /** How many watches hear of what the request changes. */
  readonly watchCountOf: (info: RequestInfo) => number;
}

const maxListSeats = 100;
const maxMutatingSeats = 10;
const watchesPerSeat = 10;
const eventMs = 5;
const bytesPerSeat = 100_000;
/** What a list that is streamed from the cache holds in memory at once. */
const streamedBytes = 1_000_000;
const unknownObjectBytes = 1_500_000;

/** Upstream's work estimators of v1.36. `levelMaxSeats`: the most the level lets one request have; 0: it does not say. */
export function estimateWork(
  info: RequestInfo,
  query: URLSearchParams,
  levelMaxSeats: number,
  sources: EstimateSources,
): WorkEstimate {
  switch (info.verb) {
    case "list":
    case "watch":
      return estimateList(info, query, capped(levelMaxSeats, maxListSeats), sources);
    case "create":
    case "update":
    case "patch":
    case "delete":
      return estimateWrite(info, capped(levelMaxSeats, maxMutatingSeats), sources);
    default:
      return oneSeat;
  }
}

function capped(levelMaxSeats: number, limit: number): number {
  return levelMaxSeats === 0 || levelMaxSeats > limit ? limit : levelMaxSeats;
}

function estimateList(
  info: RequestInfo,
  query: URLSearchParams,
  maxSeats: number,
  { statsOf }: EstimateSources,
): WorkEstimate {
  if (info.verb === "watch" && !hasInitialEvents(query)) return oneSeat;
  const stats = statsOf(info);
  if (stats === undefined) return oneSeat;
  const { objectCount } = stats;
  if (objectCount === 0) return oneSeat;
  const averageBytes = stats.averageBytes > 0 ? stats.averageBytes : unknownObjectBytes;
  const limit = Number(query.get("limit") ?? 0);
  const limited = limit > 0 && limit < objectCount ? limit : objectCount;
  const fromCache = info.verb === "watch" || !readsStorage(query);
  const selects = info.fieldSelector !== undefined || info.labelSelector !== undefined;
  const objects =
    info.name !== "" ? 1 : !fromCache && selects ? Math.max(limited, Math.floor(objectCount / 2)) : limited;
  const bytes = objects * averageBytes;
  const seats = Math.ceil((fromCache ? Math.min(bytes, streamedBytes) : bytes) / bytesPerSeat);
  return seats <= 1 ? oneSeat : { initialSeats: Math.min(seats, maxSeats), finalSeats: 0, additionalMs: 0 };
}

function hasInitialEvents(query: URLSearchParams): boolean {
  if (isTrue(query.get("sendInitialEvents"))) return true;
  const version = query.get("resourceVersion") ?? "";
  return version === "" || version === "0";
}

/** Pages after the first, and states of the past, are not in the cache: so upstream judges before it looks. */
function readsStorage(query: URLSearchParams): boolean {
  const version = query.get("resourceVersion") ?? "";
  switch (query.get("resourceVersionMatch") ?? "") {
    case "NotOlderThan":
      return false;
    case "":
      if ((query.get("continue") ?? "") !== "") return true;
      // A page of a version was one of that very version, before there was a word for it.
      return Number(query.get("limit") ?? 0) > 0 && version !== "" && version !== "0";
    default:
      return true;
  }
}

function estimateWrite(info: RequestInfo, maxSeats: number, { watchCountOf }: EstimateSources): WorkEstimate {
  // A token is written nowhere.
  if (info.resource === "serviceaccounts" && info.subresource === "token") return oneSeat;
  const watches = watchCountOf(info);
  if (watches < watchesPerSeat) return oneSeat;
  const wanted = Math.ceil(watches / watchesPerSeat);
  const finalSeats = Math.min(wanted, maxSeats);
  // Fewer seats are held for longer: the work stays the same.
  return { initialSeats: 1, finalSeats, additionalMs: (wanted * eventMs) / finalSeats };
}
