import { type BackoffPolicy, backoffDelayMs } from "../base/backoff.ts";
import type { Random } from "../base/random.ts";
import type { ReflectorFailure } from "./reflector-failure.ts";

/**
 * The reflector's decisions, without its I/O: a state, an input, the next state and what to do. One request is in
 * flight at a time; inputs of an older one never get here. No input ends the reflector's life but `stop`.
 */

/** How a reflector lists, watches, notices a dead connection and backs off. */
export interface ReflectorPolicy {
  /** "streaming": the list arrives as a watch's initial events (KEP-3157), where the server can. */
  readonly listMode: "streaming" | "paged";
  /** Objects a page; 0: no paging. */
  readonly pageSize: number;
  /** A watch asks to be ended after a random time in [min, max). */
  readonly minWatchTimeoutMs: number;
  readonly maxWatchTimeoutMs: number;
  /** How much longer than that a watch may be silent before it is taken for dead. */
  readonly silenceSlackMs: number;
  /** A server that sends bookmarks and then falls silent for this many of their intervals is taken for dead sooner. */
  readonly missedBookmarks: number;
  /** A streamed list that brings nothing for this long is asked for in pages instead. */
  readonly streamedListSilenceMs: number;
  /** The longest a page may take; doubles with each failure. */
  readonly listTimeoutMs: number;
  readonly backoff: BackoffPolicy;
  /** After this long without a failure the back-off starts over; so it does after a watch of more than its longest wait. */
  readonly backoffResetMs: number;
  /** So many failures to watch in a row, and the list is fetched again. */
  readonly watchFailuresBeforeList: number;
}

export const defaultReflectorPolicy: ReflectorPolicy = {
  listMode: "streaming",
  pageSize: 500,
  minWatchTimeoutMs: 300_000,
  maxWatchTimeoutMs: 600_000,
  silenceSlackMs: 15_000,
  missedBookmarks: 2,
  streamedListSilenceMs: 15_000,
  listTimeoutMs: 60_000,
  backoff: { initialMs: 200, factor: 2, limitMs: 30_000, jitter: 1 },
  backoffResetMs: 120_000,
  watchFailuresBeforeList: 4,
};

/** Where a reflector is. */
export interface ReflectorState {
  readonly phase: "idle" | "listing" | "streaming" | "watching" | "waiting" | "stopped";
  /** Everything up to this resourceVersion was seen; "" before the first list. */
  readonly version: string;
  /** The server cannot list at `version`: take what it has now. */
  readonly versionLost: boolean;
  /** A continue token expired: this list is fetched whole. */
  readonly unpaged: boolean;
  /** The server does not stream lists. */
  readonly streamingRefused: boolean;
  /** What follows the wait. */
  readonly next: "list" | "watch";
  /** In a row; sets the back-off. */
  readonly failures: number;
  readonly lastFailureMs: number;
  readonly watchFailures: number;
  /** When the request in flight was sent, and when it last brought something. */
  readonly sentMs: number;
  readonly heardMs: number;
  /** What the request in flight was given. */
  readonly timeoutMs: number;
  /** The longest time seen between two bookmarks of this watch; 0: unknown. */
  readonly bookmarkIntervalMs: number;
  readonly lastBookmarkMs: number;
}

export const initialReflectorState: ReflectorState = {
  phase: "idle",
  version: "",
  versionLost: false,
  unpaged: false,
  streamingRefused: false,
  next: "list",
  failures: 0,
  lastFailureMs: 0,
  watchFailures: 0,
  sentMs: 0,
  heardMs: 0,
  timeoutMs: 0,
  bookmarkIntervalMs: 0,
  lastBookmarkMs: 0,
};

export type ReflectorInput =
  | { readonly type: "start" }
  /** A page arrived and its objects were staged. */
  | { readonly type: "page"; readonly version: string; readonly continueToken: string }
  /** Events arrived and were staged (while streaming) or applied (while watching). */
  | { readonly type: "events"; readonly version: string | undefined; readonly bookmark: boolean }
  /** The bookmark that ends a streamed list. */
  | { readonly type: "listStreamed"; readonly version: string }
  /** The server ended the watch. */
  | { readonly type: "ended" }
  | { readonly type: "failed"; readonly failure: ReflectorFailure }
  /** The wait is over. */
  | { readonly type: "waited" }
  /** The watchdog asks whether the request in flight still lives. */
  | { readonly type: "watchdog" }
  | { readonly type: "stop" };

export type ReflectorEffect =
  /** Drop what was staged (unless it continues), fetch a page. */
  | {
      readonly do: "list";
      /** undefined: the most recent. */
      readonly resourceVersion: string | undefined;
      readonly limit: number;
      readonly continueToken: string;
    }
  /** With `streamList`: drop what was staged, and stage the events until the list is complete. */
  | {
      readonly do: "watch";
      readonly resourceVersion: string | undefined;
      readonly timeoutSeconds: number;
      readonly streamList: boolean;
    }
  /** What was staged replaces what the store holds. */
  | { readonly do: "replace"; readonly version: string }
  /** The store has everything up to this version. */
  | { readonly do: "seen"; readonly version: string }
  /** Give up the request in flight. */
  | { readonly do: "abandon" }
  | { readonly do: "wait"; readonly delayMs: number }
  /** Send the input `watchdog` after this long, unless another request was sent by then. */
  | { readonly do: "watchdog"; readonly delayMs: number };

export interface ReflectorContext {
  readonly policy: ReflectorPolicy;
  readonly nowMs: number;
  readonly random: Random;
}

export interface ReflectorStep {
  readonly state: ReflectorState;
  readonly effects: readonly ReflectorEffect[];
}

export function stepReflector(
  state: ReflectorState,
  input: ReflectorInput,
  context: ReflectorContext,
): ReflectorStep {
  if (state.phase === "stopped") return { state, effects: [] };
  switch (input.type) {
    case "start":
      return list(state, context);
    case "page":
      return input.continueToken === ""
        ? listed(state, input.version, context)
        : nextPage(state, input.continueToken, context);
    case "events":
      return heard(state, input, context);
    case "listStreamed":
      return streamed(state, input.version, context);
    case "ended":
      return ended(state, context);
    case "failed":
      return failed(state, input.failure, context);
    case "waited":
      return state.next === "list" ? list(state, context) : watch(state, context);
    case "watchdog":
      return checkAlive(state, context);
    case "stop":
      return { state: { ...state, phase: "stopped" }, effects: [{ do: "abandon" }] };
  }
}

/** Begins a list, streamed or in pages. */
function list(state: ReflectorState, context: ReflectorContext): ReflectorStep {
  const { policy } = context;
  // A stream that failed twice may suffer from what does not harm pages: a proxy that buffers, a short time limit.
  const stream =
    policy.listMode === "streaming" && !state.streamingRefused && !state.unpaged && state.failures < 2;
  if (!stream) {
    const resourceVersion = state.versionLost ? undefined : state.version === "" ? "0" : state.version;
    // A limit with an exact version would send the read past the server's cache.
    const limit = state.unpaged || Number(resourceVersion ?? 0) > 0 ? 0 : policy.pageSize;
    return fetchPage(state, { resourceVersion, limit, continueToken: "" }, context);
  }
  const resourceVersion = state.versionLost || state.version === "" ? undefined : state.version;
  return openWatch({ ...state, phase: "streaming" }, { resourceVersion, streamList: true }, context);
}

function fetchPage(
  state: ReflectorState,
  page: { resourceVersion: string | undefined; limit: number; continueToken: string },
  { policy, nowMs }: ReflectorContext,
): ReflectorStep {
  const timeoutMs = policy.listTimeoutMs * 2 ** Math.min(state.failures, 4);
  return {
    state: { ...state, phase: "listing", sentMs: nowMs, heardMs: nowMs, timeoutMs },
    effects: [
      { do: "list", ...page },
      { do: "watchdog", delayMs: timeoutMs },
    ],
  };
}

/** The token says where and at which version to go on. */
function nextPage(state: ReflectorState, continueToken: string, context: ReflectorContext): ReflectorStep {
  const page = { resourceVersion: undefined, limit: context.policy.pageSize, continueToken };
  return fetchPage(state, page, context);
}

function listed(state: ReflectorState, version: string, context: ReflectorContext): ReflectorStep {
  const current = { ...state, version, versionLost: false, unpaged: false, watchFailures: 0 };
  const { state: next, effects } = watch(current, context);
  return { state: next, effects: [{ do: "replace", version }, ...effects] };
}

/** The same watch goes on behind the list. */
function streamed(state: ReflectorState, version: string, { nowMs }: ReflectorContext): ReflectorStep {
  const current = { ...state, version, versionLost: false, watchFailures: 0, failures: 0, heardMs: nowMs };
  return { state: { ...current, phase: "watching" }, effects: [{ do: "replace", version }] };
}

function watch(state: ReflectorState, context: ReflectorContext): ReflectorStep {
  const current: ReflectorState = { ...state, phase: "watching" };
  return openWatch(current, { resourceVersion: state.version, streamList: false }, context);
}

function openWatch(
  state: ReflectorState,
  { resourceVersion, streamList }: { resourceVersion: string | undefined; streamList: boolean },
  { policy, nowMs, random }: ReflectorContext,
): ReflectorStep {
  const spanMs = policy.maxWatchTimeoutMs - policy.minWatchTimeoutMs;
  const timeoutSeconds = Math.floor((policy.minWatchTimeoutMs + random.next() * spanMs) / 1000);
  const timeoutMs = timeoutSeconds * 1000;
  const next: ReflectorState = {
    ...state,
    sentMs: nowMs,
    heardMs: nowMs,
    timeoutMs,
    bookmarkIntervalMs: 0,
    lastBookmarkMs: 0,
  };
  return {
    state: next,
    effects: [
      { do: "watch", resourceVersion, timeoutSeconds, streamList },
      { do: "watchdog", delayMs: nextLookMs(longestSilenceMs(next, policy)) },
    ],
  };
}

function heard(
  state: ReflectorState,
  { version, bookmark }: { version: string | undefined; bookmark: boolean },
  { nowMs }: ReflectorContext,
): ReflectorStep {
  const activity = { ...state, heardMs: nowMs };
  if (state.phase !== "watching" || version === undefined) return { state: activity, effects: [] };
  const rhythm =
    bookmark && state.lastBookmarkMs > 0
      ? { bookmarkIntervalMs: Math.max(state.bookmarkIntervalMs, nowMs - state.lastBookmarkMs) }
      : {};
  return {
    state: {
      ...activity,
      ...rhythm,
      ...(bookmark ? { lastBookmarkMs: nowMs } : {}),
      version,
      failures: 0,
      watchFailures: 0,
    },
    effects: [{ do: "seen", version }],
  };
}

/** At the end of the time it asked for a watch is simply renewed; one cut short is a failure, so that no storm begins. */
function ended(state: ReflectorState, context: ReflectorContext): ReflectorStep {
  const full = context.nowMs - state.sentMs >= state.timeoutMs - 1000;
  if (state.phase === "watching" && full) return watch(state, context);
  return failed(state, { kind: "connection", retryAfterMs: 0, message: "the stream ended early" }, context);
}

function failed(state: ReflectorState, failure: ReflectorFailure, context: ReflectorContext): ReflectorStep {
  switch (failure.kind) {
    case "expired":
      return versionExpired(state, failure, context);
    case "futureVersion":
      return relist({ ...state, versionLost: true }, failure, context, state.versionLost);
    case "refused":
      if (state.phase === "streaming") return list({ ...state, streamingRefused: true }, context);
      // A version the server cannot even read will never do.
      return backOff({ ...state, next: "list", versionLost: true, unpaged: false }, failure, context);
    case "server":
    case "connection":
      return backOff(retryOf(state, failure, context.policy), failure, context);
  }
}

/** What to try again: the watch where it left off, unless that keeps failing. */
function retryOf(state: ReflectorState, failure: ReflectorFailure, policy: ReflectorPolicy): ReflectorState {
  if (state.phase !== "watching") return { ...state, next: "list", unpaged: false };
  const watchFailures = state.watchFailures + (failure.kind === "server" ? 1 : 0);
  const next = watchFailures >= policy.watchFailuresBeforeList ? "list" : "watch";
  return { ...state, next, watchFailures };
}

function versionExpired(
  state: ReflectorState,
  failure: ReflectorFailure,
  context: ReflectorContext,
): ReflectorStep {
  // A list "not older than" an expired version is still a good one: it spares the server a read past its cache.
  if (state.phase === "watching") return relist(state, failure, context, state.failures > 0);
  // Without paging there is no token to expire.
  if (state.phase === "listing" && !state.unpaged)
    return relist({ ...state, unpaged: true, versionLost: true }, failure, context, false);
  return relist({ ...state, unpaged: false, versionLost: true }, failure, context, state.versionLost);
}

/** Lists at once the first time, after a wait when that did not help. */
function relist(
  state: ReflectorState,
  failure: ReflectorFailure,
  context: ReflectorContext,
  again: boolean,
): ReflectorStep {
  if (again) return backOff({ ...state, next: "list" }, failure, context);
  return list(counted(state, context), context);
}

function backOff(state: ReflectorState, failure: ReflectorFailure, context: ReflectorContext): ReflectorStep {
  const next = counted(state, context);
  const ownDelayMs = backoffDelayMs(context.policy.backoff, next.failures - 1, context.random);
  return {
    state: { ...next, phase: "waiting" },
    effects: [{ do: "abandon" }, { do: "wait", delayMs: Math.max(ownDelayMs, failure.retryAfterMs) }],
  };
}

function counted(state: ReflectorState, { policy, nowMs }: ReflectorContext): ReflectorState {
  // A proxy may cut every watch after a minute: what lasted longer than the longest wait is no outage.
  const lasted = state.phase === "watching" && nowMs - state.sentMs > policy.backoff.limitMs;
  const healed = lasted || nowMs - state.lastFailureMs > policy.backoffResetMs;
  return { ...state, failures: healed ? 1 : state.failures + 1, lastFailureMs: nowMs };
}

function longestSilenceMs(state: ReflectorState, policy: ReflectorPolicy): number {
  if (state.phase === "listing") return state.timeoutMs;
  if (state.phase === "streaming") return policy.streamedListSilenceMs;
  const byTimeoutMs = state.timeoutMs + policy.silenceSlackMs;
  if (state.bookmarkIntervalMs === 0) return byTimeoutMs;
  return Math.min(byTimeoutMs, state.bookmarkIntervalMs * policy.missedBookmarks + policy.silenceSlackMs);
}

/** Sooner than the limit: the rhythm of bookmarks, once known, shortens it. */
function nextLookMs(limitMs: number): number {
  return Math.min(limitMs, 60_000);
}

function checkAlive(state: ReflectorState, context: ReflectorContext): ReflectorStep {
  const { policy, nowMs } = context;
  if (state.phase === "waiting" || state.phase === "idle") return { state, effects: [] };
  const limitMs = longestSilenceMs(state, policy);
  const silentMs = nowMs - state.heardMs;
  if (silentMs < limitMs) {
    return { state, effects: [{ do: "watchdog", delayMs: nextLookMs(limitMs - silentMs) }] };
  }
  if (state.phase === "streaming") {
    const { state: next, effects } = list({ ...counted(state, context), streamingRefused: true }, context);
    return { state: next, effects: [{ do: "abandon" }, ...effects] };
  }
  const message = `nothing was heard for ${silentMs} ms`;
  return failed(state, { kind: "connection", retryAfterMs: 0, message }, context);
}
