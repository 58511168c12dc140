import type { Plugin } from "../framework/plugin.ts";
import { balancedAllocation } from "./balanced-allocation.ts";
import { type BindingClient, defaultBinder } from "./default-binder.ts";
import { defaultPreemption, type PreemptionDependencies } from "./default-preemption.ts";
import { type GroupSources, groupSelectorOf } from "./group-selector.ts";
import { imageLocality } from "./image-locality.ts";
import { interPodAffinity, type NamespaceLister } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { nodeResourcesFit } from "./node-resources-fit.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";
import { schedulingGates } from "./scheduling-gates.ts";
import { taintToleration } from "./taint-toleration.ts";

export interface PluginDependencies extends PreemptionDependencies {
  readonly client: PreemptionDependencies["client"] & BindingClient;
  readonly namespaces: NamespaceLister;
  readonly groups: GroupSources;
}

/** The default profile, in the order in which its filters are asked; PrioritySort is the queue's own order. */
export function defaultPlugins(dependencies: PluginDependencies): readonly Plugin[] {
  return [
    schedulingGates,
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    podTopologySpread((pod) => groupSelectorOf(dependencies.groups, pod)),
    interPodAffinity(dependencies.namespaces),
    balancedAllocation,
    imageLocality,
    defaultPreemption(dependencies),
    defaultBinder(dependencies.client),
  ];
}
