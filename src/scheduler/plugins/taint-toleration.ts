import { findUntoleratedTaint, formatTaint, isTaintTolerated } from "../../api/core/taints.ts";
import type { Node, Taint, Toleration } from "../../api/core/types.generated.ts";
import { normalizeToMax } from "../framework/normalize.ts";
import type { Plugin } from "../framework/plugin.ts";
import { skip, success, unresolvable } from "../framework/status.ts";
import { tolerationSignature } from "./node-unschedulable.ts";

// Without the taint's key and value since v1.35: they may say more of the nodes than the pod's owner should know.
const rejection = unresolvable("node(s) had untolerated taint(s)");

type Tolerations = readonly Toleration[];

function untolerated(tolerations: Tolerations, { spec }: Node): Taint | undefined {
  return findUntoleratedTaint(spec.taints, tolerations, ["NoSchedule", "NoExecute"]);
}

/** Keeps pods off nodes whose taints they do not tolerate, and prefers nodes with fewer taints that ask them to stay away. */
export const taintToleration: Plugin<Tolerations, Tolerations> = {
  name: "TaintToleration",
  requeueOn: [
    { resource: "nodes", action: "add" },
    { resource: "nodes", action: "update-taints" },
    { resource: "target", action: "update-tolerations" },
  ],
  weight: 3,

  preFilter: ({ pod }) => pod.spec.tolerations ?? [],
  filter: (tolerations, { node }) => (untolerated(tolerations, node) === undefined ? success : rejection),
  detail(tolerations, { node }) {
    const taint = untolerated(tolerations, node);
    return taint && formatTaint(taint);
  },
  filterSharing: { dependsOn: "node", signature: (_, pod) => tolerationSignature(pod) },

  preScore({ pod }, cluster) {
    if (cluster.preferTaintedNodes === 0) return skip;
    return pod.spec.tolerations?.filter(({ effect }) => !effect || effect === "PreferNoSchedule") ?? [];
  },
  score(tolerations, { node }) {
    const preferred = node.spec.taints?.filter(({ effect }) => effect === "PreferNoSchedule") ?? [];
    return preferred.filter((taint) => !isTaintTolerated(taint, tolerations)).length;
  },
  scoreSharing: { dependsOn: "node", signature: (_, pod) => tolerationSignature(pod) },
  normalize: (_, scores, { count }) => normalizeToMax(scores, count, { reverse: true }),
};
