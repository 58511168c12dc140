import { nodeCondition } from "../../api/core/node-conditions.ts";
import { nodeTaintKeys, sameTaint } from "../../api/core/taints.ts";
import type { Node, Taint } from "../../api/core/types.generated.ts";
import { rfc3339 } from "../../base/clock.ts";

/** Conditions that keep new pods off a node, by the status that does so. */
const taintsOfConditions: readonly (readonly [condition: string, status: string, key: string])[] = [
  ["Ready", "False", nodeTaintKeys.notReady],
  ["Ready", "Unknown", nodeTaintKeys.unreachable],
  ["MemoryPressure", "True", nodeTaintKeys.memoryPressure],
  ["DiskPressure", "True", nodeTaintKeys.diskPressure],
  ["NetworkUnavailable", "True", nodeTaintKeys.networkUnavailable],
  ["PIDPressure", "True", nodeTaintKeys.pidPressure],
];

const conditionKeys = new Set<string>([
  ...taintsOfConditions.map(([, , key]) => key),
  nodeTaintKeys.unschedulable,
]);

/** The taint that drives pods off a node that is not ready, by the status of Ready. */
const evictionKeys: Readonly<Record<string, string>> = {
  False: nodeTaintKeys.notReady,
  Unknown: nodeTaintKeys.unreachable,
};

const allEvictionKeys = new Set<string>(Object.values(evictionKeys));

/**
 * The taints a node should carry for what its conditions say. Those of others stay as they are; a taint that is there
 * already keeps the time it was added. `mayEvict`: whether a NoExecute taint may be put on now.
 */
export function wantedTaints(
  node: Node,
  { mayEvict }: { readonly mayEvict: boolean },
  nowMs: number,
): Taint[] {
  const current = node.spec.taints ?? [];
  const wanted: Taint[] = taintsOfConditions
    .filter(([condition, status]) => nodeCondition(node, condition)?.status === status)
    .map(([, , key]) => ({ key, effect: "NoSchedule" }));
  if (node.spec.unschedulable === true)
    wanted.push({ key: nodeTaintKeys.unschedulable, effect: "NoSchedule" });

  const evictionKey = evictionKeys[nodeCondition(node, "Ready")?.status ?? ""];
  if (evictionKey !== undefined) {
    const taint: Taint = { key: evictionKey, effect: "NoExecute" };
    // A node that already drives its pods off goes on doing so under the key that is right now.
    const isEvicting = current.some(isEvictionTaint);
    if (mayEvict || isEvicting) wanted.push(taint);
  }
  const isOurs = (taint: Taint) =>
    (taint.effect === "NoSchedule" && conditionKeys.has(taint.key)) || isEvictionTaint(taint);
  const kept = current.filter((taint) => !isOurs(taint) || wanted.some((each) => sameTaint(each, taint)));
  const added = wanted.filter((taint) => !current.some((each) => sameTaint(each, taint)));
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded: rfc3339(nowMs) }))];
}

export function isEvictionTaint({ key, effect }: Taint): boolean {
  return effect === "NoExecute" && allEvictionKeys.has(key);
}

/** The taints without those that drive pods off: for when all nodes look dead, and more likely this machine is. */
export function withoutEvictionTaints(taints: readonly Taint[] | undefined): Taint[] {
  return (taints ?? []).filter((taint) => !isEvictionTaint(taint));
}
