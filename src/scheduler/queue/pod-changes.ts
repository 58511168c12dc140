import type { Node, Pod } from "../../api/core/types.generated.ts";
import { podDemand } from "../cache/resources.ts";
import type { EventAction } from "../framework/cluster-event.ts";

/** What of a pod changed that scheduling could mind; of its status only the claims made for it. */
export function changesOf(old: Pod, pod: Pod): readonly EventAction[] {
  const actions: EventAction[] = [];
  if (differ(old.metadata.labels, pod.metadata.labels)) actions.push("update-labels");
  if (differ(old.spec.tolerations, pod.spec.tolerations)) actions.push("update-tolerations");
  if (hasShrunk(old, pod)) actions.push("scale-down");
  if ((old.spec.schedulingGates ?? []).length > 0 && (pod.spec.schedulingGates ?? []).length === 0)
    actions.push("gates-eliminated");
  const claimsMade = differ(old.status?.resourceClaimStatuses, pod.status?.resourceClaimStatuses);
  if (claimsMade || (actions.length === 0 && differ(old.spec, pod.spec))) actions.push("update");
  return actions;
}

/** What of a node changed; heartbeats are nothing. */
export function nodeChangesOf(old: Node, node: Node): readonly EventAction[] {
  const actions: EventAction[] = [];
  if (differ(old.metadata.labels, node.metadata.labels)) actions.push("update-labels");
  if (old.spec.unschedulable !== node.spec.unschedulable || differ(old.spec.taints, node.spec.taints))
    actions.push("update-taints");
  if (differ(old.status?.allocatable, node.status?.allocatable)) actions.push("update-allocatable");
  if (differ(conditionStates(old), conditionStates(node))) actions.push("update-conditions");
  if (differ(old.status?.images, node.status?.images)) actions.push("update-images");
  return actions;
}

function conditionStates(node: Node) {
  return node.status?.conditions?.map(({ type, status }) => [type, status]);
}

function hasShrunk(old: Pod, pod: Pod): boolean {
  const before = podDemand(old).requests;
  const after = podDemand(pod).requests;
  if (before === after) return false;
  if (after.milliCpu < before.milliCpu || after.memoryBytes < before.memoryBytes) return true;
  if (after.ephemeralBytes < before.ephemeralBytes) return true;
  const left = new Map(after.scalars.map(({ name, amount }) => [name, amount]));
  return before.scalars.some(({ name, amount }) => (left.get(name) ?? 0) < amount);
}

function differ(left: unknown, right: unknown): boolean {
  return left !== right && JSON.stringify(left) !== JSON.stringify(right);
}
