import { isPodTerminal, withPodCondition } from "../../api/core/pod-conditions.ts";
import { nodeTaintKeys } from "../../api/core/taints.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { nodes, pods } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, type ReconcileContext, watch } from "../framework/controller.ts";
import { type Intent, remove, requeueAfter, updateStatus } from "../framework/intent.ts";
import { indexByNode, podsOnNode } from "../framework/pods-by-node.ts";

/** Why a pod is nobody's: what the API's record of it says that no kubelet will ever say. */
export type Abandonment =
  | { readonly why: "nodeGone"; readonly sinceMs: number }
  | { readonly why: "neverScheduled" }
  | { readonly why: "outOfService" }
  | { readonly why: "tooManyFinished" };

export interface PodGcSnapshot {
  readonly pod: Pod;
  readonly abandoned: Abandonment;
}

/** How long a node has to be missing before its pods go: it may only be registering anew. */
const quarantineMs = 40_000;

/** Finished pods kept before the oldest are deleted: upstream's terminated-pod-gc-threshold. */
const finishedPodLimit = 12_500;

const messages: Readonly<Record<string, string>> = {
  nodeGone: "PodGC: node no longer exists",
  outOfService: "PodGC: pod is terminating on a node with the out-of-service taint",
};

/** Deletes pods that no kubelet answers for. */
export function reconcileAbandonedPod(
  { pod, abandoned }: PodGcSnapshot,
  { nowMs }: ReconcileContext,
): Intent[] {
  if (abandoned.why === "nodeGone" && nowMs < abandoned.sinceMs + quarantineMs) {
    return [requeueAfter(abandoned.sinceMs + quarantineMs - nowMs)];
  }
  const deletion = remove(pods, pod, { options: { gracePeriodSeconds: 0 } });
  const message = messages[abandoned.why];
  if (message === undefined || isPodTerminal(pod)) return [deletion];
  const condition = { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", message };
  const status = { ...withPodCondition(pod.status ?? {}, condition, nowMs), phase: "Failed" };
  return [updateStatus(pods, pod, status, { always: false, ignore: ["NotFound"] }), deletion];
}

const finishedIndex = "finished";

/** Keys are those of pods. */
export function podGarbageCollector({
  client,
  informers,
  clock,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
}): Controller<PodGcSnapshot> {
  const nodeInformer = informers.informer(nodes);
  const podInformer = informers.informer(pods);
  indexByNode(podInformer);
  podInformer.addIndex(finishedIndex, (pod) => (isPodTerminal(pod) ? ["finished"] : []));
  const missingSinceMs = new Map<string, number>();

  const isSuspect = (pod: Pod) => {
    const { nodeName = "" } = pod.spec;
    const isDeleted = pod.metadata.deletionTimestamp !== undefined;
    return nodeName === "" ? isDeleted : isDeleted || nodeInformer.lister.get(nodeName) === undefined;
  };

  async function abandonment(pod: Pod): Promise<Abandonment | undefined> {
    const { nodeName = "" } = pod.spec;
    const isDeleted = pod.metadata.deletionTimestamp !== undefined;
    if (nodeName === "") return isDeleted ? { why: "neverScheduled" } : undefined;
    const node = nodeInformer.lister.get(nodeName);
    if (node === undefined) {
      const sinceMs = missingSinceMs.get(nodeName) ?? clock.now();
      missingSinceMs.set(nodeName, sinceMs);
      if (clock.now() >= sinceMs + quarantineMs && (await nodeLives(client, nodeName))) return undefined;
      return { why: "nodeGone", sinceMs };
    }
    missingSinceMs.delete(nodeName);
    const isOutOfService = (node.spec.taints ?? []).some(({ key }) => key === nodeTaintKeys.outOfService);
    const isReady = node.status?.conditions?.some(
      ({ type, status }) => type === "Ready" && status === "True",
    );
    return isDeleted && isOutOfService && !isReady ? { why: "outOfService" } : undefined;
  }

  return {
    name: "pod-garbage-collector-controller",
    watches: [
      watch(podInformer, (pod) => {
        if (isSuspect(pod)) return [objectKey(pod)];
        if (!isPodTerminal(pod)) return [];
        const finished = podInformer.lister.byIndex(finishedIndex, "finished");
        return finished.length > finishedPodLimit ? oldest(finished, finished.length - finishedPodLimit) : [];
      }),
      watch(
        nodeInformer,
        ({ metadata: { name = "" } }) => podsOnNode(podInformer, name).filter(isSuspect).map(objectKey),
        (old, node) => old.spec.taints !== node.spec.taints,
      ),
    ],
    async observe(key) {
      const pod = podInformer.lister.get(key);
      if (pod === undefined) return undefined;
      const abandoned = await abandonment(pod);
      if (abandoned !== undefined) return { pod, abandoned };
      const finishedCount = podInformer.lister.byIndex(finishedIndex, "finished").length;
      if (!isPodTerminal(pod) || finishedCount <= finishedPodLimit) return undefined;
      return { pod, abandoned: { why: "tooManyFinished" } };
    },
    reconcile: reconcileAbandonedPod,
  };
}

function oldest(finished: readonly Pod[], count: number): string[] {
  const created = ({ metadata }: Pod) => metadata.creationTimestamp ?? "";
  return finished
    .toSorted((left, right) => (created(left) < created(right) ? -1 : 1))
    .slice(0, count)
    .map(objectKey);
}

/** The cache may be behind a node that has come back. */
async function nodeLives(client: Client, name: string): Promise<boolean> {
  try {
    await client.get(nodes, { name });
    return true;
  } catch (error) {
    if (isApiError(error, "NotFound")) return false;
    throw error;
  }
}
