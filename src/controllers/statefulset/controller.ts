import type { StatefulSet } from "../../api/apps/types.generated.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import {
  controllerRevisions,
  persistentVolumeClaims,
  pods,
  statefulSets,
} from "../../api/resources.generated.ts";
import { controllerOf, objectKey } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory, SharedInformer } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { controlledBy, indexByController, mayAdopt, orphansIn } from "../framework/ownership.ts";
import { selectionOf } from "../framework/selection.ts";
import { reconcileStatefulSet, type StatefulSetSnapshot } from "./reconcile.ts";

/** Keeps pods with an identity and a claim of their own, in order. */
export function statefulSetController({
  client,
  informers,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
}): Controller<StatefulSetSnapshot> {
  const setInformer = informers.informer(statefulSets);
  const podInformer = informers.informer(pods);
  const claimInformer = informers.informer(persistentVolumeClaims);
  const revisionInformer = informers.informer(controllerRevisions);
  indexByController(podInformer);
  indexByController(revisionInformer);

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
      if (set === undefined) return undefined;
      const { namespace = "" } = set.metadata;
      const selects = selectionOf(set.spec.selector, { emptySelectsNothing: true });
      const orphans = orphansIn(podInformer, namespace).filter(selects);
      return {
        set,
        selects,
        candidates: [...controlledBy(podInformer, set), ...orphans],
        revisions: controlledBy(revisionInformer, set),
        claimOf: (name) => claimInformer.lister.get(`${namespace}/${name}`),
        canAdopt: orphans.length > 0 && (await mayAdopt(client, statefulSets, set)),
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
