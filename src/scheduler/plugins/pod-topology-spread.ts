import { matchesRequiredNodeAffinity } from "../../api/core/node-affinity.ts";
import { findUntoleratedTaint } from "../../api/core/taints.ts";
import type { Pod, TopologySpreadConstraint } from "../../api/core/types.generated.ts";
import {
  formatLabelSelector,
  type LabelRequirements,
  matchesLabels,
} from "../../apimachinery/label-selector.ts";
import { byOwnLabels, requirements } from "../cache/affinity-terms.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodQuestion } from "../cache/pod-counts.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { sumByDomain, type TopologyColumn } from "../cache/topology.ts";
import type { ClusterEvent } from "../framework/cluster-event.ts";
import { type FeasibleNodes, maxNodeScore, type Plugin } from "../framework/plugin.ts";
import { skip, success, unresolvable, unschedulable } from "../framework/status.ts";

/** A constraint of one pod, ready to be counted. */
interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: LabelRequirements | undefined;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
}

interface Spread {
  readonly column: TopologyColumn;
  readonly counts: Float64Array;
  /** The least of all domains that count. */
  readonly least: number;
  readonly maxSkew: number;
  /** 1 where the pod is one of those that are counted. */
  readonly self: number;
}

interface ScoredSpread {
  readonly column: TopologyColumn;
  readonly counts: ArrayLike<number>;
  /** Counted by node, not by domain. */
  readonly byRow: boolean;
  readonly weight: number;
  readonly maxSkew: number;
}

interface SpreadScore {
  readonly spreads: readonly ScoredSpread[];
  /** Rows that lack a topology key: they get nothing. */
  readonly ignored: ReadonlySet<number>;
}

const missingLabel = unresolvable(
  "node(s) didn't match pod topology spread constraints (missing required label)",
);
const tooSkewed = unschedulable("node(s) didn't match pod topology spread constraints");

const hostname = "kubernetes.io/hostname";

/** What pods of services and workload controllers get that say nothing: kube-scheduler's built-in defaults. */
const systemDefaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: hostname, maxSkew: 3, whenUnsatisfiable: "ScheduleAnyway" },
  { topologyKey: "topology.kubernetes.io/zone", maxSkew: 5, whenUnsatisfiable: "ScheduleAnyway" },
];

/** Keeps the pods of a group evenly over zones, nodes or whatever they say. */
export function podTopologySpread(
  /** The selector of what a pod belongs to; undefined where it belongs to nothing. */
  groupSelector: (pod: Pod) => LabelRequirements | undefined,
): Plugin<readonly Spread[], SpreadScore> {
  return {
    name: "PodTopologySpread",
    countsPods: true,
    weight: 2,
    requeueOn: [
      { resource: "pods", action: "add", hint: concerns },
      { resource: "pods", action: "delete", hint: concerns },
      { resource: "pods", action: "update-labels", hint: concerns },
      { resource: "target", action: "update-labels" },
      { resource: "nodes", action: "add" },
      { resource: "nodes", action: "delete" },
      { resource: "nodes", action: "update-labels" },
      { resource: "nodes", action: "update-taints" },
    ],

    preFilter(pod, table) {
      const constraints = constraintsOf(pod.pod, "DoNotSchedule");
      return constraints.length === 0 ? skip : countSpreads(pod, table, constraints);
    },
    filter(spreads, { row }) {
      for (const { column, counts, least, maxSkew, self } of spreads) {
        const domain = column.domains[row] ?? -1;
        if (domain < 0) return missingLabel;
        // A domain without nodes that count has no pods to speak of.
        if (Math.max(0, counts[domain] ?? 0) + self - least > maxSkew) return tooSkewed;
      }
      return success;
    },

    preScore(pod, table, feasible) {
      const own = constraintsOf(pod.pod, "ScheduleAnyway");
      if (own.length > 0) return scoreSpreads(pod, table, feasible, own, true);
      if ((pod.pod.spec.topologySpreadConstraints ?? []).length > 0) return skip;
      const selector = groupSelector(pod.pod);
      if (selector === undefined) return skip;
      const defaults = systemDefaults.map((constraint) => ({
        ...constraintOf(pod.pod, constraint),
        selector,
      }));
      return scoreSpreads(pod, table, feasible, defaults, false);
    },
    score({ spreads, ignored }, { row }) {
      if (ignored.has(row)) return 0;
      let score = 0;
      for (const { column, counts, byRow, weight, maxSkew } of spreads) {
        const domain = column.domains[row] ?? -1;
        if (domain >= 0) score += (counts[byRow ? row : domain] ?? 0) * weight + (maxSkew - 1);
      }
      return Math.round(score);
    },
    normalize: ({ ignored }, scores, feasible) => fewestFirst(ignored, scores, feasible),
  };
}

function constraintsOf(pod: Pod, whenUnsatisfiable: string): readonly Constraint[] {
  const all = pod.spec.topologySpreadConstraints ?? [];
  return all
    .filter((constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable)
    .map((constraint) => constraintOf(pod, constraint));
}

function constraintOf(pod: Pod, constraint: TopologySpreadConstraint): Constraint {
  const { topologyKey, maxSkew, minDomains = 1, labelSelector, matchLabelKeys } = constraint;
  const selector = requirements(labelSelector);
  const own = byOwnLabels(matchLabelKeys, pod.metadata.labels ?? {}, "in");
  return {
    topologyKey,
    maxSkew,
    minDomains,
    selector: selector === undefined ? undefined : [...selector, ...own],
    honorsAffinity: constraint.nodeAffinityPolicy !== "Ignore",
    honorsTaints: constraint.nodeTaintsPolicy === "Honor",
  };
}

/** Pods of the namespace that the selector selects and that stay. */
function questionOf(namespace: string, selector: LabelRequirements | undefined): PodQuestion {
  return {
    key: JSON.stringify(["spread", namespace, selector === undefined ? null : formatLabelSelector(selector)]),
    counts: ({ pod, namespace: other }) =>
      other === namespace &&
      pod.metadata.deletionTimestamp === undefined &&
      selector !== undefined &&
      matchesLabels(selector, pod.metadata.labels),
  };
}

function countSpreads(pod: PodInfo, table: NodeTable, constraints: readonly Constraint[]): readonly Spread[] {
  const columns = constraints.map(({ topologyKey }) => table.topology.column(topologyKey));
  return constraints.map((constraint, at) => {
    const { selector, maxSkew, minDomains } = constraint;
    const column = columns[at] ?? table.topology.column(constraint.topologyKey);
    const rowCounts = table.podCounts.count(questionOf(pod.namespace, selector));
    const includes = inclusion(pod, table, constraint);
    // -1: no node of the domain counts.
    const counts = new Float64Array(column.domainCount).fill(-1);
    let domainCount = 0;
    for (let row = 0; row < table.rows; row++) {
      const domain = column.domains[row] ?? -1;
      if (domain < 0 || columns.some(({ domains }) => (domains[row] ?? -1) < 0)) continue;
      if (includes !== undefined && !includes(row)) continue;
      const before = counts[domain] ?? 0;
      if (before < 0) domainCount++;
      counts[domain] = Math.max(0, before) + (rowCounts[row] ?? 0);
    }
    let least = domainCount < minDomains ? 0 : Number.POSITIVE_INFINITY;
    for (const count of counts) if (count >= 0) least = Math.min(least, count);
    if (least === Number.POSITIVE_INFINITY) least = 0;
    const self = selector !== undefined && matchesLabels(selector, pod.pod.metadata.labels) ? 1 : 0;
    return { column, counts, least, maxSkew, self };
  });
}

/** Whether a node counts for this pod; undefined where every node does. */
function inclusion(
  { pod }: PodInfo,
  table: NodeTable,
  { honorsAffinity, honorsTaints }: Constraint,
): ((row: number) => boolean) | undefined {
  const { nodeSelector, affinity, tolerations } = pod.spec;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const asksAffinity = honorsAffinity && (nodeSelector !== undefined || required !== undefined);
  if (!asksAffinity && !honorsTaints) return undefined;
  return (row) => {
    const node = table.at(row)?.node;
    if (node === undefined) return false;
    if (asksAffinity && !matchesRequiredNodeAffinity(pod.spec, node)) return false;
    if (!honorsTaints) return true;
    return findUntoleratedTaint(node.spec.taints, tolerations, ["NoSchedule", "NoExecute"]) === undefined;
  };
}

function scoreSpreads(
  pod: PodInfo,
  table: NodeTable,
  { rows, count }: FeasibleNodes,
  constraints: readonly Constraint[],
  needsAllKeys: boolean,
): SpreadScore {
  const columns = constraints.map(({ topologyKey }) => table.topology.column(topologyKey));
  const lacksKey = (row: number) => columns.some(({ domains }) => (domains[row] ?? -1) < 0);
  const ignored = new Set<number>();
  if (needsAllKeys)
    for (let at = 0; at < count; at++) {
      const row = rows[at] ?? 0;
      if (lacksKey(row)) ignored.add(row);
    }
  const spreads = constraints.map((constraint, index): ScoredSpread => {
    const { topologyKey, maxSkew, selector } = constraint;
    const column = columns[index] ?? table.topology.column(topologyKey);
    const rowCounts = table.podCounts.count(questionOf(pod.namespace, selector));
    const byRow = topologyKey === hostname;
    if (byRow) return { column, counts: rowCounts, byRow, maxSkew, weight: weightOf(count - ignored.size) };
    const includes = inclusion(pod, table, constraint);
    const counted =
      includes === undefined && !needsAllKeys
        ? rowCounts
        : rowCounts.map((podCount, row) =>
            (needsAllKeys && lacksKey(row)) || includes?.(row) === false ? 0 : podCount,
          );
    const domainsSeen = new Set<number>();
    for (let at = 0; at < count; at++) {
      const row = rows[at] ?? 0;
      const domain = column.domains[row] ?? -1;
      if (domain >= 0 && !ignored.has(row)) domainsSeen.add(domain);
    }
    const counts = sumByDomain(counted, column, table.rows);
    return { column, counts, byRow, maxSkew, weight: weightOf(domainsSeen.size) };
  });
  return { spreads, ignored };
}

/** Of few domains each weighs less, so that zones do not count as little as one node among thousands. */
function weightOf(domainCount: number): number {
  return Math.log(domainCount + 2);
}

/** The fewer pods a node's domains have, the more points. */
function fewestFirst(
  ignored: ReadonlySet<number>,
  scores: Float64Array,
  { rows, count }: FeasibleNodes,
): void {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let at = 0; at < count; at++) {
    if (ignored.has(rows[at] ?? 0)) continue;
    least = Math.min(least, scores[at] ?? 0);
    most = Math.max(most, scores[at] ?? 0);
  }
  for (let at = 0; at < count; at++) {
    if (ignored.has(rows[at] ?? 0)) scores[at] = 0;
    else if (most === 0) scores[at] = maxNodeScore;
    else scores[at] = Math.trunc((maxNodeScore * (most + least - (scores[at] ?? 0))) / most);
  }
}

/** Whether a pod that came, went or was relabelled is one of those that are counted. */
function concerns({ pod, namespace }: PodInfo, { object, old }: ClusterEvent): boolean {
  if (object === undefined) return true;
  if (object.metadata.namespace !== namespace) return false;
  return constraintsOf(pod, "DoNotSchedule").some(
    ({ selector }) =>
      selector !== undefined &&
      (matchesLabels(selector, object.metadata.labels) ||
        (old !== undefined && matchesLabels(selector, old.metadata.labels))),
  );
}
