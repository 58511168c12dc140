/** What a node's status says. */
import { rfc3339 } from "../../base/clock.ts";
import type { Node, NodeCondition, NodeStatus } from "./types.generated.ts";

export type NodeConditionType =
  | "Ready"
  | "MemoryPressure"
  | "DiskPressure"
  | "PIDPressure"
  | "NetworkUnavailable";

export function nodeCondition(node: Node, type: NodeConditionType | string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

/** The first address of a type ("InternalIP", "Hostname", …). */
export function nodeAddress(node: Node, type: string): string | undefined {
  return node.status?.addresses?.find((address) => address.type === type)?.address;
}

/** The status with `condition` in place of the one of its type; lastTransitionTime moves only with its status. */
export function withNodeCondition(
  status: NodeStatus,
  condition: Omit<NodeCondition, "lastTransitionTime">,
  nowMs: number,
): NodeStatus {
  const conditions = status.conditions ?? [];
  const old = conditions.find(({ type }) => type === condition.type);
  const kept = old?.status === condition.status ? old.lastTransitionTime : undefined;
  const changed = { ...condition, lastTransitionTime: kept ?? rfc3339(nowMs) };
  if (old === undefined) return { ...status, conditions: [...conditions, changed] };
  return { ...status, conditions: conditions.map((present) => (present === old ? changed : present)) };
}
