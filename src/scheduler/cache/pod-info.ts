import type { Pod } from "../../api/core/types.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import { affinityTermsOf, type PodAffinityTerms } from "./affinity-terms.ts";
import { type HostPort, hostPortsOf } from "./host-ports.ts";
import { type PodDemand, podDemand } from "./resources.ts";

/** A pod with what scheduling asks of it again and again, worked out once (upstream's `PodInfo`). */
export interface PodInfo {
  readonly pod: Pod;
  /** "namespace/name" */
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly priority: number;
  readonly demand: PodDemand;
  readonly hostPorts: readonly HostPort[];
  /** Undefined where it says nothing of other pods. */
  readonly affinity: PodAffinityTerms | undefined;
}

export function podInfoOf(pod: Pod): PodInfo {
  return {
    pod,
    key: objectKey(pod),
    uid: pod.metadata.uid ?? objectKey(pod),
    namespace: pod.metadata.namespace ?? "",
    priority: pod.spec.priority ?? 0,
    demand: podDemand(pod),
    hostPorts: hostPortsOf(pod.spec),
    affinity: affinityTermsOf(pod),
  };
}
