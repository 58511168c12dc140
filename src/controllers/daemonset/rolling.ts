import type { DaemonSet } from "../../api/apps/types.generated.ts";
import { isPodAvailable } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { resolveCount } from "../framework/int-or-percent.ts";
import { revisionHashLabel } from "../framework/revisions.ts";
import type { Changes, NodeView } from "./node-view.ts";

export const templateGenerationAnnotation = "deprecated.daemonset.template.generation";
export const templateGenerationLabel = "pod-template-generation";

/** What a node has of the new and of the old template; undefined where there is more than one of either. */
interface Pair {
  readonly name: string;
  readonly fresh: Pod | undefined;
  readonly stale: Pod | undefined;
}

/** One step from old pods to new ones: by deleting old ones first, or with a surge by starting new ones first. */
export function rollingUpdate(
  daemonSet: DaemonSet,
  views: readonly NodeView[],
  hash: string,
  nowMs: number,
): Changes {
  const wanted = views.filter(({ placement }) => placement.shouldRun);
  const { maxSurge = 0, maxUnavailable = 1 } = daemonSet.spec.updateStrategy?.rollingUpdate ?? {};
  const surge = resolveCount(maxSurge, wanted.length, "up");
  const unavailable = resolveCount(maxUnavailable, wanted.length, "up");
  const isAvailable = (pod: Pod) => isPodAvailable(pod, daemonSet.spec.minReadySeconds ?? 0, nowMs);
  const occupied = views.filter(({ pods }) => pods.length > 0);
  const isFresh = freshness(daemonSet, hash);
  const pairs = occupied.map((view) => pairOf(view, isFresh));
  // A node that wants a pod and has none is as unavailable as one whose pod is not ready.
  const empty = wanted.length - wanted.filter(({ pods }) => pods.length > 0).length;
  return surge === 0
    ? replaceInPlace(pairs, Math.max(unavailable, 1), empty, isAvailable)
    : replaceWithSurge(pairs, surge, isAvailable);
}

/** Whether a pod is of the template as it is: by its revision, or by the template's generation where a revision was replaced. */
export function freshness({ metadata }: DaemonSet, hash: string): (pod: Pod) => boolean {
  const generation = metadata.annotations?.[templateGenerationAnnotation];
  return ({ metadata: { labels } }) =>
    labels?.[revisionHashLabel] === hash ||
    (generation !== undefined && labels?.[templateGenerationLabel] === generation);
}

function pairOf({ name, pods }: NodeView, isFresh: (pod: Pod) => boolean): Pair | undefined {
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const fresh = living.filter(isFresh);
  const stale = living.filter((pod) => !isFresh(pod));
  if (fresh.length > 1 || stale.length > 1) return undefined;
  return { name, fresh: fresh[0], stale: stale[0] };
}

type Availability = (pod: Pod) => boolean;

/** Old pods that do not serve go at once, others as many as may be missing. */
function replaceInPlace(
  pairs: readonly (Pair | undefined)[],
  maxUnavailable: number,
  empty: number,
  isAvailable: Availability,
): Changes {
  let unavailable = empty;
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  for (const pair of pairs) {
    if (pair === undefined || (pair.fresh === undefined) === (pair.stale === undefined)) unavailable++;
    else if (pair.fresh !== undefined) unavailable += isAvailable(pair.fresh) ? 0 : 1;
    else if (pair.stale !== undefined) {
      (isAvailable(pair.stale) ? candidates : broken).push(pair.stale);
    }
  }
  const room = Math.max(0, maxUnavailable - unavailable);
  return { creates: [], deletes: [...broken, ...candidates.slice(0, room)] };
}

/** A new pod beside an old one on so many nodes at once; the old one goes when the new one serves. */
function replaceWithSurge(
  pairs: readonly (Pair | undefined)[],
  maxSurge: number,
  isAvailable: Availability,
): Changes {
  let surging = 0;
  const deletes: Pod[] = [];
  const broken: string[] = [];
  const candidates: string[] = [];
  for (const pair of pairs) {
    if (pair === undefined) surging++;
    else if (pair.stale === undefined) continue;
    else if (pair.fresh !== undefined) {
      if (isAvailable(pair.fresh)) deletes.push(pair.stale);
      else surging++;
    } else if (isAvailable(pair.stale)) candidates.push(pair.name);
    else broken.push(pair.name);
  }
  const room = Math.max(0, maxSurge - surging);
  return { creates: [...broken, ...candidates.slice(0, room)], deletes };
}
