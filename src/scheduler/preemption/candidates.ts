import type { PodInfo } from "../cache/pod-info.ts";

/** A node that the pod would fit on once these pods are gone. */
export interface Candidate {
  readonly nodeName: string;
  /** The most important first. */
  readonly victims: readonly PodInfo[];
  /** How many of the victims' evictions break a disruption budget. */
  readonly violations: number;
}

/** Higher priority first, then whoever runs longer. */
export function byImportance(left: PodInfo, right: PodInfo): number {
  if (left.priority !== right.priority) return right.priority - left.priority;
  return startMs(left) - startMs(right);
}

function startMs({ pod }: PodInfo): number {
  const { startTime } = pod.status ?? {};
  // One that has not started counts as started last.
  return startTime === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(startTime);
}

/** Priorities may be negative; so each victim adds something to the sum. */
const priorityOffset = 2 ** 31;

/** What is compared, one after the other; the greatest wins. */
const merits: readonly ((candidate: Candidate) => number)[] = [
  ({ violations }) => -violations,
  ({ victims }) => -(victims[0]?.priority ?? Number.NEGATIVE_INFINITY),
  ({ victims }) => -victims.reduce((sum, { priority }) => sum + priority + priorityOffset, 0),
  ({ victims }) => -victims.length,
  ({ victims }) => earliestStartMs(victims),
];

/** When the first of the most important victims started: those that ran least lose least. */
function earliestStartMs(victims: readonly PodInfo[]): number {
  const highest = victims[0]?.priority;
  const starts = victims.filter(({ priority }) => priority === highest).map(startMs);
  return Math.min(...starts);
}

/** The candidate that does the least harm: upstream's order of what counts as harm. */
export function leastHarmful(candidates: readonly Candidate[]): Candidate | undefined {
  let best = candidates;
  for (const merit of merits) {
    if (best.length < 2) break;
    const values = best.map(merit);
    const most = Math.max(...values);
    best = best.filter((_, at) => values[at] === most);
  }
  return best[0];
}
