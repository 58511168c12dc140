import type { StatefulSet } from "../../api/apps/types.generated.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import {
  controllerRevisions,
  persistentVolumeClaims,
  pods,
  statefulSets,
} from "../../api/resources.generated.ts";
import { controllerOf, objectKey } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory, SharedInformer } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { controlledBy, indexByController, mayAdopt, orphansIn } from "../framework/ownership.ts";
import { selectionOf } from "../framework/selection.ts";
import {
  type FailureBackoff,
  type FailureBackoffPolicy,
  noteFailures,
  remainingMs,
} from "../pods/failed-pods.ts";
import { reconcileStatefulSet, type StatefulSetSnapshot } from "./reconcile.ts";

/**
 * Upstream makes a pod anew as fast as its node refuses it. Here the wait doubles up to this, so that a pod that cannot
 * run costs little, and still runs soon after it can.
 */
const failures: FailureBackoffPolicy = {
  placeOf: ({ metadata }) => metadata.name ?? "",
  hasFailed: ({ status }) => status?.phase === "Failed" || status?.phase === "Succeeded",
  longestMs: 30_000,
};

/** Keeps pods with an identity and a claim of their own, in order. */
export function statefulSetController({
  client,
  informers,
  clock,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
}): Controller<StatefulSetSnapshot> {
  const setInformer = informers.informer(statefulSets);
  const podInformer = informers.informer(pods);
  const claimInformer = informers.informer(persistentVolumeClaims);
  const revisionInformer = informers.informer(controllerRevisions);
  indexByController(podInformer);
  indexByController(revisionInformer);
  const backoffs = new Map<string, ReadonlyMap<string, FailureBackoff>>();

  return {
    name: "statefulset-controller",
    watches: [
      watch(setInformer, (set) => [objectKey(set)]),
      watch(podInformer, (pod) => setsOf(pod, setInformer)),
      watch(revisionInformer, ({ metadata }) => {
        const owner = metadata.ownerReferences?.find(({ kind }) => kind === statefulSets.kind);
        return owner === undefined ? [] : [`${metadata.namespace}/${owner.name}`];
      }),
      // Nothing follows from a claim, but what was written of it has to be seen.
      watch(claimInformer, () => []),
    ],
    async observe(key) {
      const set = setInformer.lister.get(key);
      if (set === undefined) {
        backoffs.delete(key);
        return undefined;
      }
      const { namespace = "" } = set.metadata;
      const selects = selectionOf(set.spec.selector, { emptySelectsNothing: true });
      const own = controlledBy(podInformer, set);
      const orphans = orphansIn(podInformer, namespace).filter(selects);
      const byName = noteFailures(backoffs.get(key) ?? new Map(), own, clock.now(), failures);
      backoffs.set(key, byName);
      return {
        set,
        selects,
        candidates: [...own, ...orphans],
        revisions: controlledBy(revisionInformer, set),
        claimOf: (name) => claimInformer.lister.get(`${namespace}/${name}`),
        canAdopt: orphans.length > 0 && (await mayAdopt(client, statefulSets, set)),
        backoffMs: (pod) => remainingMs(byName, pod, clock.now()),
      };
    },
    reconcile: reconcileStatefulSet,
  };
}

function setsOf(pod: Pod, setInformer: SharedInformer<StatefulSet>): string[] {
  const { namespace = "" } = pod.metadata;
  const controller = controllerOf(pod);
  if (controller !== undefined) {
    return controller.kind === statefulSets.kind ? [`${namespace}/${controller.name}`] : [];
  }
  return setInformer.lister
    .list({ namespace })
    .filter(({ spec }) => selectionOf(spec.selector, { emptySelectsNothing: true })(pod))
    .map(objectKey);
}
