import type { NodeInfo } from "../cache/node-info.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Nominator } from "../queue/nominator.ts";
import { runPreFilters } from "./evaluation.ts";
import type { Plugin } from "./plugin.ts";
import { Rejection } from "./status.ts";

export interface NodeRejection {
  readonly plugin: string;
  readonly rejection: Rejection;
}

/** Runs the filters for one node, on the cache as it is at this moment; undefined where the pod fits. */
export function judgeNode(
  plugins: readonly Plugin[],
  pod: PodInfo,
  table: NodeTable,
  node: NodeInfo,
): NodeRejection | undefined {
  const { filters, refusal, only } = runPreFilters(plugins, pod, table);
  if (refusal !== undefined) return refusal;
  if (only !== undefined && !only.names.has(node.name)) {
    const rejection = new Rejection("UnschedulableAndUnresolvable", ["the pod names other nodes"]);
    return { plugin: only.plugins[0] ?? "", rejection };
  }
  for (const { plugin, state } of filters) {
    const rejection = plugin.filter?.(state, node);
    if (rejection instanceof Rejection) return { plugin: plugin.name, rejection };
  }
  return undefined;
}

/** The pods of no lower priority that a node's room is kept for. */
export function nominatedBefore(nominator: Nominator, pod: PodInfo, nodeName: string): readonly PodInfo[] {
  return nominator.on(nodeName).filter(({ uid, priority }) => uid !== pod.uid && priority >= pod.priority);
}

/** Judges with these pods counted on the node, as if they were there already. */
export function judgeWith(
  others: readonly PodInfo[],
  plugins: readonly Plugin[],
  pod: PodInfo,
  table: NodeTable,
  node: NodeInfo,
): NodeRejection | undefined {
  for (const other of others) table.addPod(node.name, other);
  try {
    return judgeNode(plugins, pod, table, node);
  } finally {
    for (const other of others) table.removePod(node.name, other);
  }
}
