import type { Probe } from "../../api/core/types.generated.ts";

export type ProbeKind = "liveness" | "readiness" | "startup";
export type ProbeOutcome = "success" | "failure" | "unknown";
export type ProbeResult = "success" | "failure";

/** Where one probe of one container instance stands. */
export interface ProbeState {
  /** What the rest of the kubelet goes by; undefined: nothing yet. */
  readonly result: ProbeResult | undefined;
  readonly lastOutcome: ProbeOutcome | undefined;
  /** How many times in a row the last outcome came. */
  readonly streak: number;
}

/** A container is live until proved otherwise, ready only once proved, and started when its startup probe says so. */
export function initialProbeState(kind: ProbeKind): ProbeState {
  const result = kind === "liveness" ? "success" : kind === "readiness" ? "failure" : undefined;
  return { result, lastOutcome: undefined, streak: 0 };
}

/** Counts one outcome: the result changes once a threshold is reached. An unknown outcome changes nothing. */
export function stepProbe(state: ProbeState, outcome: ProbeOutcome, probe: Probe): ProbeState {
  if (outcome === "unknown") return state;
  const streak = state.lastOutcome === outcome ? state.streak + 1 : 1;
  const threshold = outcome === "success" ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { result: streak >= threshold ? outcome : state.result, lastOutcome: outcome, streak };
}
