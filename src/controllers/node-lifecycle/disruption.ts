import { nodeCondition } from "../../api/core/node-conditions.ts";
import type { Node } from "../../api/core/types.generated.ts";

/** How much of a zone is out of order (upstream's ZoneState). */
export type ZoneState = "Normal" | "PartialDisruption" | "FullDisruption";

const unhealthyZoneThreshold = 0.55;

export interface DisruptionLimits {
  /** Nodes whose pods may be driven off a second, in a zone that is all right or wholly gone. */
  readonly evictionsPerSecond: number;
  /** The same where a zone is partly gone; where the cluster is small: none. */
  readonly reducedEvictionsPerSecond: number;
  /** Up to so many nodes a cluster is small. */
  readonly largeClusterSize: number;
}

export const defaultDisruptionLimits: DisruptionLimits = {
  evictionsPerSecond: 0.1,
  reducedEvictionsPerSecond: 0.01,
  largeClusterSize: 50,
};

/** Region and zone of a node; nodes without labels share one. */
export function zoneOf({ metadata: { labels = {} } }: Node): string {
  const region = labels["topology.kubernetes.io/region"] ?? "";
  return `${region}:\0:${labels["topology.kubernetes.io/zone"] ?? ""}`;
}

export function zoneStates(nodes: readonly Node[]): ReadonlyMap<string, ZoneState> {
  const counts = new Map<string, { ready: number; notReady: number; size: number }>();
  for (const node of nodes) {
    const zone = zoneOf(node);
    const count = counts.get(zone) ?? { ready: 0, notReady: 0, size: 0 };
    count.size++;
    if (nodeCondition(node, "Ready")?.status === "True") count.ready++;
    else count.notReady++;
    counts.set(zone, count);
  }
  return new Map([...counts].map(([zone, count]) => [zone, stateOf(count)]));
}

function stateOf({ ready, notReady }: { readonly ready: number; readonly notReady: number }): ZoneState {
  if (ready === 0 && notReady > 0) return "FullDisruption";
  if (notReady > 2 && notReady / (notReady + ready) >= unhealthyZoneThreshold) return "PartialDisruption";
  return "Normal";
}

/** Every zone is wholly gone: then it is this control plane that is cut off, and no pod is driven from anywhere. */
export function isAllDisrupted(states: ReadonlyMap<string, ZoneState>): boolean {
  return states.size > 0 && [...states.values()].every((state) => state === "FullDisruption");
}

/** How many nodes of a zone may have their pods driven off a second. */
export function evictionRate(state: ZoneState, zoneSize: number, limits: DisruptionLimits): number {
  if (state !== "PartialDisruption") return limits.evictionsPerSecond;
  return zoneSize > limits.largeClusterSize ? limits.reducedEvictionsPerSecond : 0;
}
