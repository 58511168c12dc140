import type { PodDisruptionBudget } from "../../api/policy/types.generated.ts";
import type { Plugin } from "../framework/plugin.ts";
import { type BinderDependencies, VolumeBinder } from "../volumes/volume-binder.ts";
import type { VolumeListers } from "../volumes/volume-listers.ts";
import { balancedAllocation } from "./balanced-allocation.ts";
import { type BindingClient, defaultBinder } from "./default-binder.ts";
import { defaultPreemption, type PreemptionDependencies } from "./default-preemption.ts";
import { type ClaimDependencies, dynamicResources } from "./dynamic-resources.ts";
import { type GroupSources, groupSelectorOf } from "./group-selector.ts";
import { imageLocality } from "./image-locality.ts";
import { interPodAffinity, type NamespaceLister } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { nodeResourcesFit } from "./node-resources-fit.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { nodeVolumeLimits } from "./node-volume-limits.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";
import { schedulingGates } from "./scheduling-gates.ts";
import { taintToleration } from "./taint-toleration.ts";
import { volumeBinding } from "./volume-binding.ts";
import { volumeRestrictions } from "./volume-restrictions.ts";
import { volumeZone } from "./volume-zone.ts";

export type PluginClient = PreemptionDependencies["client"] &
  BindingClient &
  BinderDependencies["client"] &
  ClaimDependencies["client"];

/** What plugins look up beside nodes and pods. */
export interface PluginListers extends GroupSources, VolumeListers {
  readonly namespaces: NamespaceLister;
  readonly resourceClaims: ClaimDependencies["claims"];
  readonly deviceClasses: ClaimDependencies["classes"];
  readonly resourceSlices: ClaimDependencies["slices"];
  readonly deviceSelectors: ClaimDependencies["selectors"];
  readonly podDisruptionBudgets: { list(): readonly PodDisruptionBudget[] };
}

export interface PluginDependencies extends Omit<PreemptionDependencies, "budgets"> {
  readonly client: PluginClient;
  readonly listers: PluginListers;
}

/** The default profile, in the order in which its filters are asked; PrioritySort is the queue's own order. */
export function defaultPlugins(dependencies: PluginDependencies): readonly Plugin[] {
  const { client, clock, listers } = dependencies;
  const budgets = () => listers.podDisruptionBudgets.list();
  return [
    schedulingGates,
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    volumeRestrictions(listers),
    nodeVolumeLimits(listers),
    volumeBinding(new VolumeBinder({ client, clock, listers })),
    volumeZone(listers),
    dynamicResources({
      client,
      claims: listers.resourceClaims,
      classes: listers.deviceClasses,
      slices: listers.resourceSlices,
      selectors: listers.deviceSelectors,
    }),
    podTopologySpread((pod) => groupSelectorOf(listers, pod)),
    interPodAffinity(listers.namespaces),
    balancedAllocation,
    imageLocality,
    defaultPreemption({ ...dependencies, budgets }),
    defaultBinder(client, clock),
  ];
}
