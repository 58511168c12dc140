import type { Lease } from "../../api/coordination/types.generated.ts";
import { nodeCondition } from "../../api/core/node-conditions.ts";
import { isPodReady } from "../../api/core/pod-conditions.ts";
import type { Node } from "../../api/core/types.generated.ts";
import { leases, nodes, pods } from "../../api/resources.generated.ts";
import type { Clock } from "../../base/clock.ts";
import type { MetricSources } from "../../base/metrics/metric-sources.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { indexByNode, podsOnNode } from "../framework/pods-by-node.ts";
import {
  type DisruptionLimits,
  defaultDisruptionLimits,
  evictionRate,
  isAllDisrupted,
  type ZoneState,
  zoneOf,
  zoneStates,
} from "./disruption.ts";
import { NodeMetrics } from "./metrics.ts";
import { type NodeSnapshot, reconcileNode } from "./reconcile.ts";
import { isEvictionTaint } from "./taints.ts";

const leaseNamespace = "kube-node-lease";

export interface NodeLifecycleOptions {
  /** Silence after which a node that once reported is Unknown; 50 s unless said. */
  readonly nodeMonitorGraceMs?: number;
  /** The same for a node that never reported; 60 s unless said. */
  readonly nodeStartupGraceMs?: number;
  readonly disruptionLimits?: DisruptionLimits;
}

interface Health {
  /** When a lease or status last changed, by this machine's clock: the kubelet's may be wrong. */
  heardMs: number;
  readonly heartbeat: string | undefined;
}

interface Sources extends NodeLifecycleOptions {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly metrics?: MetricSources | undefined;
}

/** Finds nodes whose kubelet is silent; taints nodes after their conditions. Keys are nodes' names. */
export function nodeLifecycleController(sources: Sources): Controller<NodeSnapshot> {
  const watcher = new NodeWatcher(sources);
  const metrics = new NodeMetrics();
  sources.metrics?.add(metrics);
  const nodeInformer = sources.informers.informer(nodes);
  return {
    name: "node-lifecycle-controller",
    eventSource: "node-controller",
    watches: [watch(nodeInformer, ({ metadata: { name = "" } }) => [name])],
    attach: () => watcher.followLeases(),
    observe: (name) => watcher.observe(name),
    reconcile: reconcileNode,
    reconciled: (told) => metrics.reconciled(told),
  };
}

class NodeWatcher {
  readonly #clock: Clock;
  readonly #nodes;
  readonly #pods;
  readonly #leases;
  readonly #graceMs: number;
  readonly #startupGraceMs: number;
  readonly #limits: DisruptionLimits;
  readonly #health = new Map<string, Health>();
  /** By zone, when the next node may have its pods driven off. */
  readonly #nextEvictionMs = new Map<string, number>();

  constructor({ informers, clock, ...options }: Sources) {
    this.#clock = clock;
    this.#nodes = informers.informer(nodes);
    this.#pods = informers.informer(pods);
    this.#leases = informers.informer(leases, { namespace: leaseNamespace });
    this.#graceMs = options.nodeMonitorGraceMs ?? 50_000;
    this.#startupGraceMs = options.nodeStartupGraceMs ?? 60_000;
    this.#limits = options.disruptionLimits ?? defaultDisruptionLimits;
    indexByNode(this.#pods);
  }

  /** A lease only moves a time; nothing is looked at because of it. */
  followLeases(): void {
    const heard = ({ metadata: { name = "" } }: Lease) => {
      const health = this.#health.get(name);
      if (health !== undefined) health.heardMs = this.#clock.now();
    };
    this.#leases.addHandler({
      added: heard,
      updated: (old, lease) => {
        if (old.spec?.renewTime !== lease.spec?.renewTime) heard(lease);
      },
    });
  }

  observe(name: string): NodeSnapshot | undefined {
    const node = this.#nodes.lister.get(name);
    if (node === undefined) {
      this.#health.delete(name);
      return undefined;
    }
    const ready = nodeCondition(node, "Ready");
    const health = this.#healthOf(name, node);
    const isReady = ready?.status === "True";
    // How its pods and the other nodes are matters only of a node that is not well: there may be thousands of each.
    const isWell = isReady && this.#clock.now() - health.heardMs <= this.#graceMs;
    const readyPods = isReady && !isWell ? podsOnNode(this.#pods, name).filter(isPodReady) : [];
    const states = zoneStates(isWell ? [] : this.#nodes.lister.list());
    return {
      node,
      lastHeardMs: health.heardMs,
      graceMs: ready === undefined ? this.#startupGraceMs : this.#graceMs,
      readyPods,
      evictionAllowedInMs: this.#evictionAllowedInMs(node, states.get(zoneOf(node)) ?? "Normal"),
      isAllDisrupted: isAllDisrupted(states),
    };
  }

  #healthOf(name: string, node: Node): Health {
    const ready = nodeCondition(node, "Ready");
    const heartbeat = ready?.lastHeartbeatTime;
    const known = this.#health.get(name);
    if (known !== undefined && known.heartbeat === heartbeat) return known;
    const created = node.metadata.creationTimestamp;
    // One that never reported has been silent from its beginning.
    const heardMs = ready === undefined && created ? Date.parse(created) : this.#clock.now();
    const health: Health = {
      heardMs: ready?.status === "Unknown" && known !== undefined ? known.heardMs : heardMs,
      heartbeat,
    };
    this.#health.set(name, health);
    return health;
  }

  /** 0 where the node's pods may be driven off now, and then the zone's next one has to wait. */
  #evictionAllowedInMs(node: Node, state: ZoneState): number {
    const ready = nodeCondition(node, "Ready")?.status;
    if ((node.spec.taints ?? []).some(isEvictionTaint)) return 0;
    // Only a node that is known to be out of order takes the zone's turn; one found silent just now comes back for it.
    if (ready === undefined || ready === "True") return Number.POSITIVE_INFINITY;
    const zone = zoneOf(node);
    const size = this.#nodes.lister.list().filter((other) => zoneOf(other) === zone).length;
    const perSecond = evictionRate(state, size, this.#limits);
    if (perSecond === 0) return Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.now();
    const waitMs = (this.#nextEvictionMs.get(zone) ?? 0) - nowMs;
    if (waitMs > 0) return waitMs;
    this.#nextEvictionMs.set(zone, nowMs + 1000 / perSecond);
    return 0;
  }
}
