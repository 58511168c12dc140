/** What a plugin says of a pod, or of a pod on a node. */

/** Nothing against it. */
export const success: unique symbol = Symbol("success");
/** The plugin has nothing to do for this pod: its later extension points are not called. */
export const skip: unique symbol = Symbol("skip");
export type Success = typeof success;
export type Skip = typeof skip;

/**
 * `Unschedulable`: pods going away could help. `UnschedulableAndUnresolvable`: no preemption helps. `Pending`: something
 * outside must happen first.
 */
export type RejectionCode = "Unschedulable" | "UnschedulableAndUnresolvable" | "Pending";

/** Why a pod cannot be here, in the words that kubectl shows. */
export class Rejection {
  readonly code: RejectionCode;
  readonly reasons: readonly string[];

  constructor(code: RejectionCode, reasons: readonly string[]) {
    this.code = code;
    this.reasons = reasons;
  }

  get message(): string {
    return this.reasons.join(", ");
  }
}

export type Verdict = Success | Rejection;

export function unschedulable(...reasons: string[]): Rejection {
  return new Rejection("Unschedulable", reasons);
}

export function unresolvable(...reasons: string[]): Rejection {
  return new Rejection("UnschedulableAndUnresolvable", reasons);
}
