import type { DaemonSet } from "../../api/apps/types.generated.ts";
import type { Node, Pod } from "../../api/core/types.generated.ts";
import { controllerRevisions, daemonSets, nodes, pods } from "../../api/resources.generated.ts";
import { controllerOf, objectKey } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
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
import { targetNodeOf } from "./placement.ts";
import { type DaemonSetSnapshot, reconcileDaemonSet } from "./reconcile.ts";

/** The wait before a failed pod of a node is replaced doubles up to this. */
const failures: FailureBackoffPolicy = {
  placeOf: (pod) => targetNodeOf(pod) ?? "",
  hasFailed: ({ status }) => status?.phase === "Failed",
  longestMs: 15 * 60_000,
};

/** Keeps a pod of a DaemonSet on every node it fits. */
export function daemonSetController({
  client,
  informers,
  clock,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
}): Controller<DaemonSetSnapshot> {
  const setInformer = informers.informer(daemonSets);
  const podInformer = informers.informer(pods);
  const nodeInformer = informers.informer(nodes);
  const revisionInformer = informers.informer(controllerRevisions);
  indexByController(podInformer);
  indexByController(revisionInformer);
  const backoffs = new Map<string, ReadonlyMap<string, FailureBackoff>>();

  return {
    name: "daemonset-controller",
    workers: 2,
    watches: [
      watch(setInformer, (daemonSet) => [objectKey(daemonSet)]),
      watch(podInformer, (pod) => setsOf(pod, setInformer)),
      // A new revision that has an owner changes nothing by itself: whoever made it may go on with it, as upstream lets them.
      watch(
        revisionInformer,
        ({ metadata }) => {
          const owner = metadata.ownerReferences?.find(({ kind }) => kind === daemonSets.kind);
          return owner === undefined ? [] : [`${metadata.namespace}/${owner.name}`];
        },
        undefined,
        { ignoresAdded: true },
      ),
      watch(nodeInformer, () => setInformer.lister.list().map(objectKey), changesPlacement),
    ],
    async observe(key) {
      const daemonSet = setInformer.lister.get(key);
      if (daemonSet === undefined) {
        backoffs.delete(key);
        return undefined;
      }
      const { selector } = daemonSet.spec;
      const selects = selectionOf(selector, { emptySelectsNothing: true });
      const own = controlledBy(podInformer, daemonSet);
      const orphans = orphansIn(podInformer, daemonSet.metadata.namespace ?? "").filter(selects);
      const byNode = noteFailures(backoffs.get(key) ?? new Map(), own, clock.now(), failures);
      backoffs.set(key, byNode);
      return {
        daemonSet,
        selects,
        selectsEverything:
          Object.keys(selector.matchLabels ?? {}).length === 0 &&
          (selector.matchExpressions ?? []).length === 0,
        nodes: nodeInformer.lister.list(),
        candidates: [...own, ...orphans],
        revisions: controlledBy(revisionInformer, daemonSet),
        canAdopt: orphans.length > 0 && (await mayAdopt(client, daemonSets, daemonSet)),
        backoffMs: (node) => remainingMs(byNode, node, clock.now()),
      };
    },
    reconcile: reconcileDaemonSet,
  };
}

function setsOf(pod: Pod, setInformer: SharedInformer<DaemonSet>): string[] {
  const { namespace = "" } = pod.metadata;
  const controller = controllerOf(pod);
  if (controller !== undefined) {
    return controller.kind === daemonSets.kind ? [`${namespace}/${controller.name}`] : [];
  }
  return setInformer.lister
    .list({ namespace })
    .filter(({ spec }) => selectionOf(spec.selector, { emptySelectsNothing: true })(pod))
    .map(objectKey);
}

function changesPlacement(old: Node, node: Node): boolean {
  return (
    !semanticallyEqual(old.metadata.labels, node.metadata.labels) ||
    !semanticallyEqual(old.spec.taints, node.spec.taints) ||
    old.spec.unschedulable !== node.spec.unschedulable
  );
}
