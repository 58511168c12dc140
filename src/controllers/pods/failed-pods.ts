import type { Pod } from "../../api/core/types.generated.ts";

/** How long the next failed pod of a place (a node, an ordinal) has to stay before it is replaced. */
export interface FailureBackoff {
  readonly podUid: string;
  readonly delayMs: number;
  readonly untilMs: number;
}

export interface FailureBackoffPolicy {
  /** The place of a pod, which its replacement will have too. */
  readonly placeOf: (pod: Pod) => string;
  readonly hasFailed: (pod: Pod) => boolean;
  readonly longestMs: number;
}

const initialMs = 1000;

/** A place's first failed pod is replaced at once, each further one after twice the wait: a pod that fails as it starts burns nothing. */
export function noteFailures(
  known: ReadonlyMap<string, FailureBackoff>,
  pods: readonly Pod[],
  nowMs: number,
  { placeOf, hasFailed, longestMs }: FailureBackoffPolicy,
): Map<string, FailureBackoff> {
  const noted = new Map(known);
  for (const [place, { untilMs }] of noted) if (nowMs > untilMs + 2 * longestMs) noted.delete(place);
  for (const pod of pods.filter(hasFailed)) {
    const { uid: podUid = "" } = pod.metadata;
    const place = placeOf(pod);
    const before = noted.get(place);
    if (before?.podUid === podUid) continue;
    const delayMs = before === undefined ? 0 : Math.min(longestMs, Math.max(initialMs, before.delayMs * 2));
    noted.set(place, { podUid, delayMs, untilMs: nowMs + delayMs });
  }
  return noted;
}

/** The wait that is left for a place; 0: none. */
export function remainingMs(
  noted: ReadonlyMap<string, FailureBackoff>,
  place: string,
  nowMs: number,
): number {
  return Math.max(0, (noted.get(place)?.untilMs ?? 0) - nowMs);
}
