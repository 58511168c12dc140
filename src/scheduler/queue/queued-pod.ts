import type { PodInfo } from "../cache/pod-info.ts";

/**
 * `gated`: not to be tried yet; `scheduling`: handed out, decided or being bound. `error-backoff` waits its time out,
 * whereas a pod in `backoff` is tried earlier where nothing else is to do.
 */
export type QueuePlace = "active" | "backoff" | "error-backoff" | "unschedulable" | "gated" | "scheduling";

/** A pod that waits for a node (upstream's `QueuedPodInfo`). The queue alone changes it. */
export interface QueuedPod {
  info: PodInfo;
  place: QueuePlace;
  /** Moves with every change of place, so that what a heap still holds of an earlier one is known as stale. */
  ticket: number;
  attempts: number;
  /** When it was last put where it is. */
  sinceMs: number;
  readonly firstAddedMs: number;
  /** The plugins whose rules bring it back. */
  rejectedBy: ReadonlySet<string>;
}
