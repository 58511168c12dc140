import type { Node, Pod, Taint } from "../../api/core/types.generated.ts";
import { nodes, pods } from "../../api/resources.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { Clock } from "../../base/clock.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { indexByNode, podsOnNode } from "../framework/pods-by-node.ts";
import { type EvictionSnapshot, reconcileEviction, type TaintSince } from "./reconcile.ts";

/** Drives pods off nodes with NoExecute taints. Keys are those of pods. */
export function taintEvictionController({
  informers,
  clock,
}: {
  readonly informers: InformerFactory;
  readonly clock: Clock;
}): Controller<EvictionSnapshot> {
  const nodeInformer = informers.informer(nodes);
  const podInformer = informers.informer(pods);
  indexByNode(podInformer);
  /** Pods under a taint, and when each of its taints was first seen: not every taint says since when it is there. */
  const underTaint = new Map<string, Map<string, number>>();

  return {
    name: "taint-eviction-controller",
    workers: 8,
    watches: [
      watch(
        podInformer,
        (pod) => ((pod.spec.nodeName ?? "") === "" ? [] : [objectKey(pod)]),
        (old, pod) =>
          old.spec.nodeName !== pod.spec.nodeName ||
          !semanticallyEqual(old.spec.tolerations, pod.spec.tolerations),
      ),
      watch(
        nodeInformer,
        ({ metadata: { name = "" } }) => podsOnNode(podInformer, name).map(objectKey),
        (old, node) => !semanticallyEqual(evicting(old), evicting(node)),
      ),
    ],
    observe(key) {
      const pod = podInformer.lister.get(key);
      const node = nodeInformer.lister.get(pod?.spec.nodeName ?? "");
      const taints = node === undefined ? [] : evicting(node);
      const seen = underTaint.get(key);
      if (pod === undefined || taints.length === 0) {
        underTaint.delete(key);
        return pod === undefined || seen === undefined ? undefined : { pod, taints: [], wasPlanned: true };
      }
      const firstSeen = new Map(
        taints.map((taint) => [taintKey(taint), seen?.get(taintKey(taint)) ?? clock.now()]),
      );
      underTaint.set(key, firstSeen);
      return {
        pod,
        taints: taints.map((taint) => sinceFor(pod, taint, firstSeen.get(taintKey(taint)) ?? clock.now())),
        wasPlanned: seen !== undefined,
      };
    },
    reconcile: reconcileEviction,
  };
}

function evicting({ spec }: Node): readonly Taint[] {
  return (spec.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}

function taintKey({ key, value = "", timeAdded = "" }: Taint): string {
  return `${key}=${value}@${timeAdded}`;
}

/** A pod that came after the taint counts from its own beginning. */
function sinceFor(pod: Pod, taint: Taint, firstSeenMs: number): TaintSince {
  if (taint.timeAdded === undefined) return { taint, sinceMs: firstSeenMs };
  const created = pod.metadata.creationTimestamp;
  return { taint, sinceMs: Math.max(Date.parse(taint.timeAdded), created ? Date.parse(created) : 0) };
}
