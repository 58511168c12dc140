import { isTaintTolerated, nodeTaintKeys } from "../../api/core/taints.ts";
import type { Toleration } from "../../api/core/types.generated.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Plugin } from "../framework/plugin.ts";
import { success, unresolvable } from "../framework/status.ts";

const rejection = unresolvable("node(s) were unschedulable");
const cordon = { key: nodeTaintKeys.unschedulable, effect: "NoSchedule" };

/** Keeps pods off cordoned nodes, unless they tolerate the taint that stands for it. */
export const nodeUnschedulable: Plugin<{ readonly tolerates: boolean }> = {
  name: "NodeUnschedulable",
  requeueOn: [
    { resource: "nodes", action: "add" },
    { resource: "nodes", action: "update-taints" },
    { resource: "target", action: "update-tolerations" },
  ],
  preFilter: ({ pod }) => ({ tolerates: isTaintTolerated(cordon, pod.spec.tolerations) }),
  filter: ({ tolerates }, { node }) => (node.spec.unschedulable === true && !tolerates ? rejection : success),
  filterSharing: { dependsOn: "node", signature: ({ tolerates }) => String(tolerates) },
};

/** The same for pods of the same tolerations. */
export function tolerationSignature({ pod }: PodInfo): string {
  const tolerations: readonly Toleration[] | undefined = pod.spec.tolerations;
  return tolerations === undefined || tolerations.length === 0 ? "" : JSON.stringify(tolerations);
}
