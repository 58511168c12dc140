import { isPodTerminal } from "../api/core/pod-conditions.ts";
import type { Node, Pod } from "../api/core/types.generated.ts";
import {
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  deviceClasses,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  resourceClaims,
  resourceSlices,
  storageClasses,
} from "../api/resources.generated.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import type { InformerFactory } from "../client/informer.ts";
import { podInfoOf } from "./cache/pod-info.ts";
import type { SchedulerCache } from "./cache/scheduler-cache.ts";
import type { EventResource } from "./framework/cluster-event.ts";
import type { Nominator } from "./queue/nominator.ts";
import { changesOf, nodeChangesOf } from "./queue/pod-changes.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";
import type { StatusWriter } from "./status-writer.ts";

export interface EventSinks {
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly nominator: Nominator;
  readonly statuses: StatusWriter;
  readonly schedulerName: string;
}

/** Feeds the cache and the queue from the informers. */
export function watchCluster(informers: InformerFactory, sinks: EventSinks): void {
  const feed = new PodFeed(sinks);
  watchOthers(informers, sinks);
  informers.informer(pods).addHandler(
    {
      added: (pod) => feed.set(undefined, pod),
      updated: (old, pod) => feed.set(old, pod),
      deleted: (pod) => feed.remove(pod),
    },
    { name: "scheduler" },
  );
  const { cache, queue } = sinks;
  informers.informer(nodes).addHandler(
    {
      added(node) {
        cache.setNode(node);
        queue.notify({ resource: "nodes", actions: ["add"], object: node });
      },
      updated(old: Node, node: Node) {
        const actions = nodeChangesOf(old, node);
        // Heartbeats come every few seconds from every node; they change nothing here.
        if (actions.length === 0) return;
        cache.setNode(node);
        queue.notify({ resource: "nodes", actions, object: node, old });
      },
      deleted(node) {
        cache.removeNode(node.metadata.name ?? "");
        queue.notify({ resource: "nodes", actions: ["delete"], object: node });
      },
    },
    { name: "scheduler" },
  );
}

/** What some waiting pod may wait for beside nodes and pods. */
const others: readonly (readonly [EventResource, ResourceType<KubeObject>])[] = [
  ["persistentvolumes", persistentVolumes],
  ["persistentvolumeclaims", persistentVolumeClaims],
  ["storageclasses", storageClasses],
  ["csinodes", csiNodes],
  ["csidrivers", csiDrivers],
  ["csistoragecapacities", csiStorageCapacities],
  ["resourceclaims", resourceClaims],
  ["resourceslices", resourceSlices],
  ["deviceclasses", deviceClasses],
];

function watchOthers(informers: InformerFactory, { queue }: EventSinks): void {
  for (const [resource, type] of others)
    informers.informer(type).addHandler(
      {
        added: (object) => queue.notify({ resource, actions: ["add"], object }),
        updated: (old, object) => queue.notify({ resource, actions: ["update"], object, old }),
        deleted: (object) => queue.notify({ resource, actions: ["delete"], object }),
      },
      { name: "scheduler" },
    );
}

type Role = "assigned" | "pending" | "none";

class PodFeed {
  readonly #sinks: EventSinks;

  constructor(sinks: EventSinks) {
    this.#sinks = sinks;
  }

  set(old: Pod | undefined, pod: Pod): void {
    // A pod of the same name that came after is another pod.
    if (old !== undefined && old.metadata.uid !== pod.metadata.uid) {
      this.remove(old);
      this.set(undefined, pod);
      return;
    }
    const before = old === undefined ? "none" : this.#roleOf(old);
    const role = this.#roleOf(pod);
    const { queue, nominator, statuses } = this.#sinks;
    const uid = pod.metadata.uid ?? "";
    if (before === "pending" && role !== "pending") {
      nominator.delete(uid);
      statuses.cancel(uid);
      queue.delete(uid);
    }
    if (before === "assigned" && role !== "assigned") this.#unassign(pod);
    if (role === "assigned") this.#assign(before === "assigned" ? old : undefined, pod);
    else if (role === "pending") this.#enqueue(before === "pending" ? old : undefined, pod);
  }

  remove(pod: Pod): void {
    const { cache, queue, nominator, statuses } = this.#sinks;
    const uid = pod.metadata.uid ?? "";
    nominator.delete(uid);
    statuses.cancel(uid);
    queue.delete(uid);
    // It may have been assumed and be unassigned still.
    if (cache.nodeOf(uid) !== undefined) this.#unassign(pod);
  }

  #assign(old: Pod | undefined, pod: Pod): void {
    const { cache, queue } = this.#sinks;
    cache.setPod(podInfoOf(pod));
    const actions = old === undefined ? (["add"] as const) : changesOf(old, pod);
    if (actions.length > 0)
      queue.notify({ resource: "pods", actions, object: pod, ...(old === undefined ? {} : { old }) });
  }

  #unassign(pod: Pod): void {
    const { cache, queue } = this.#sinks;
    cache.removePod(pod.metadata.uid ?? "");
    const resource: EventResource = "pods";
    queue.notify({ resource, actions: ["delete"], object: pod });
  }

  #enqueue(old: Pod | undefined, pod: Pod): void {
    const { cache, queue, nominator } = this.#sinks;
    const info = podInfoOf(pod);
    if (cache.isAssumed(info.uid)) {
      // Its binding is under way; what changed counts if that fails.
      if (queue.get(info.uid) !== undefined) queue.update(info);
      return;
    }
    // What another scheduler process nominated before this one started, or an autoscaler since.
    const nodeName = pod.status?.nominatedNodeName ?? "";
    if (nodeName !== (old?.status?.nominatedNodeName ?? "")) nominator.nominate(info, nodeName);
    if (old === undefined) queue.add(info);
    else queue.update(info);
  }

  #roleOf(pod: Pod): Role {
    if (isPodTerminal(pod)) return "none";
    if ((pod.spec.nodeName ?? "") !== "") return "assigned";
    const { schedulerName = "default-scheduler" } = pod.spec;
    const isOurs = schedulerName === this.#sinks.schedulerName;
    return isOurs && pod.metadata.deletionTimestamp === undefined ? "pending" : "none";
  }
}
