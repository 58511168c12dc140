import type { Lease } from "../api/coordination/types.generated.ts";
import { rfc3339Micro } from "../base/clock.ts";
import type { Random } from "../base/random.ts";

/**
 * The decisions of leader election on a Lease (client-go's `leaderelection`), without its I/O. Times written by other
 * machines are never compared with the own clock: a lease held by another has expired once it was seen unchanged for its
 * whole duration, counted in waits that were really waited. So neither skewed clocks, nor one that is set, nor a paused
 * process makes two leaders.
 */

export interface ElectionConfig {
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process. */
  readonly identity: string;
  /** How long others wait for a leader that is not heard of. */
  readonly leaseDurationMs: number;
  /** How long a leader that cannot renew goes on leading: shorter than the lease. */
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

export interface ElectionState {
  readonly phase: "following" | "leading" | "ended";
  /** The lease as last seen or written. */
  readonly lease: Lease | undefined;
  /** How long it has been waited since `lease` last changed. */
  readonly unchangedMs: number;
  /** When the last renewal that succeeded was begun. */
  readonly renewedMs: number;
  /** When the attempt under way was begun. */
  readonly attemptMs: number;
  /** The attempt under way wrote without reading first. */
  readonly optimistic: boolean;
}

export const initialElectionState: ElectionState = {
  phase: "following",
  lease: undefined,
  unchangedMs: 0,
  renewedMs: 0,
  attemptMs: 0,
  optimistic: false,
};

export type ElectionInput =
  | { readonly type: "start" }
  /** A wait of this length is over. */
  | { readonly type: "waited"; readonly delayMs: number }
  | { readonly type: "read"; readonly lease: Lease | undefined }
  | { readonly type: "written"; readonly lease: Lease }
  | { readonly type: "failed" }
  /** So long after a renewal was begun that the leader must have renewed again. */
  | { readonly type: "deadline" };

export type ElectionEffect =
  | { readonly do: "read" }
  | { readonly do: "create" | "update"; readonly lease: Lease }
  | { readonly do: "wait"; readonly delayMs: number }
  /** Begin to lead. */
  | { readonly do: "lead" }
  /** Send the input `deadline` after this long, unless armed again by then. */
  | { readonly do: "armDeadline"; readonly delayMs: number }
  /** Stop leading at once: another may lead. */
  | { readonly do: "lose" };

export interface ElectionContext {
  readonly config: ElectionConfig;
  readonly nowMs: number;
  readonly random: Random;
}

export interface ElectionStep {
  readonly state: ElectionState;
  readonly effects: readonly ElectionEffect[];
}

export function stepElection(
  state: ElectionState,
  input: ElectionInput,
  context: ElectionContext,
): ElectionStep {
  if (state.phase === "ended") return { state, effects: [] };
  if (input.type === "deadline" || overdue(state, context))
    return state.phase === "leading" ? lost(state) : { state, effects: [] };
  switch (input.type) {
    case "start":
      return attempt(state, context);
    case "waited":
      return attempt({ ...state, unchangedMs: state.unchangedMs + input.delayMs }, context);
    case "read":
      return decide(state, input.lease, context);
    case "written":
      return renewed(state, input.lease, context);
    case "failed":
      if (state.optimistic) return { state: { ...state, optimistic: false }, effects: [{ do: "read" }] };
      return retry(state, context);
  }
}

/** Whether a leader may act: it renewed recently enough, however long it was paused since. */
export function holdsLease(
  state: ElectionState,
  { config, nowMs }: Omit<ElectionContext, "random">,
): boolean {
  return state.phase === "leading" && nowMs - state.renewedMs < config.renewDeadlineMs;
}

function overdue(state: ElectionState, context: ElectionContext): boolean {
  return state.phase === "leading" && !holdsLease(state, context);
}

function lost(state: ElectionState): ElectionStep {
  return { state: { ...state, phase: "ended" }, effects: [{ do: "lose" }] };
}

function attempt(state: ElectionState, context: ElectionContext): ElectionStep {
  const current = { ...state, attemptMs: context.nowMs };
  const { lease } = state;
  if (state.phase !== "leading" || lease === undefined)
    return { state: { ...current, optimistic: false }, effects: [{ do: "read" }] };
  // A leader writes over what it wrote last; if someone else wrote meanwhile, the conflict tells.
  const renewal = leaseFor(lease, context);
  return { state: { ...current, optimistic: true }, effects: [{ do: "update", lease: renewal }] };
}

function decide(state: ElectionState, lease: Lease | undefined, context: ElectionContext): ElectionStep {
  if (lease === undefined) return { state, effects: [{ do: "create", lease: leaseFor(undefined, context) }] };
  const unchanged =
    state.lease?.metadata.resourceVersion === lease.metadata.resourceVersion &&
    state.lease?.metadata.uid === lease.metadata.uid;
  const seen = { ...state, lease, unchangedMs: unchanged ? state.unchangedMs : 0 };
  const holder = lease.spec.holderIdentity ?? "";
  const ours = holder === context.config.identity;
  if (state.phase === "leading" && !ours) return lost(seen);
  if (holder !== "" && !ours && seen.unchangedMs <= durationMs(lease)) return retry(seen, context);
  return { state: seen, effects: [{ do: "update", lease: leaseFor(lease, context) }] };
}

function durationMs(lease: Lease): number {
  return (lease.spec.leaseDurationSeconds ?? 0) * 1000;
}

function renewed(state: ElectionState, lease: Lease, context: ElectionContext): ElectionStep {
  const { config, nowMs } = context;
  // The clock was set back meanwhile: how long the write took, and so how long it is good for, is not known.
  if (nowMs < state.attemptMs) return attempt({ ...state, lease, unchangedMs: 0 }, context);
  // The lease runs from the moment the write was begun at the earliest: that moment counts.
  const leftMs = state.attemptMs + config.renewDeadlineMs - nowMs;
  const current: ElectionState = {
    ...state,
    lease,
    unchangedMs: 0,
    optimistic: false,
    renewedMs: state.attemptMs,
  };
  if (leftMs <= 0) return state.phase === "leading" ? lost(current) : retry(current, context);
  const wait: ElectionEffect = { do: "wait", delayMs: config.retryPeriodMs };
  const arm: ElectionEffect = { do: "armDeadline", delayMs: leftMs };
  if (state.phase === "leading") return { state: current, effects: [arm, wait] };
  return { state: { ...current, phase: "leading" }, effects: [arm, { do: "lead" }, wait] };
}

/** Followers spread their tries; a leader keeps its rhythm. */
function retry(state: ElectionState, { config, random }: ElectionContext): ElectionStep {
  const jitter = state.phase === "leading" ? 0 : 1.2 * random.next();
  const delayMs = config.retryPeriodMs * (1 + jitter);
  return { state: { ...state, optimistic: false }, effects: [{ do: "wait", delayMs }] };
}

/** The lease as this process would hold it from now on. */
function leaseFor(lease: Lease | undefined, { config, nowMs }: ElectionContext): Lease {
  const { namespace, name, identity } = config;
  const now = rfc3339Micro(nowMs);
  const ours = lease?.spec.holderIdentity === identity;
  const transitions = lease?.spec.leaseTransitions ?? 0;
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: lease?.metadata ?? { namespace, name },
    spec: {
      ...lease?.spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(config.leaseDurationMs / 1000)),
      acquireTime: ours ? (lease.spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: lease === undefined || ours ? transitions : transitions + 1,
    },
  };
}

/** The lease given up: free for anyone at once. */
export function releasedLease(lease: Lease, nowMs: number): Lease {
  const now = rfc3339Micro(nowMs);
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, acquireTime: now, renewTime: now },
  };
}
