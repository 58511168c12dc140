import type { Namespace, Pod } from "../../api/core/types.generated.ts";
import { type Labels, matchesLabels } from "../../apimachinery/label-selector.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { type AffinityTerm, type PodAffinityTerms, termSelects } from "../cache/affinity-terms.ts";
import type { NodeInfo } from "../cache/node-info.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodQuestion } from "../cache/pod-counts.ts";
import { type PodInfo, podInfoOf } from "../cache/pod-info.ts";
import type { TermKind } from "../cache/term-holders.ts";
import { sumByDomain, type TopologyColumn } from "../cache/topology.ts";
import type { ClusterEvent } from "../framework/cluster-event.ts";
import { maxNodeScore, type Plugin } from "../framework/plugin.ts";
import { skip, success, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";

export interface NamespaceLister {
  get(name: string): Namespace | undefined;
  list(): readonly Namespace[];
}

/** A number for every domain of one topology. */
interface DomainCounts {
  readonly column: TopologyColumn;
  readonly counts: Float64Array;
}

interface AffinityFilter {
  /** All must be above 0. */
  readonly wanted: readonly DomainCounts[];
  /** No pod anywhere is what the pod wants to be with, but it would be so itself: it may be the first. */
  readonly isFirst: boolean;
  /** All must be 0. */
  readonly avoided: readonly DomainCounts[];
  /** The same, seen from the pods that are there. */
  readonly avoiding: readonly DomainCounts[];
}

const missesWanted = unresolvable("node(s) didn't match pod affinity rules");
const meetsAvoided = unschedulable("node(s) didn't match pod anti-affinity rules");
const isAvoided = unschedulable("node(s) didn't satisfy existing pods anti-affinity rules");

/** What a pod with required affinity to this one adds to the score of its domain. */
const hardAffinityWeight = 1;

/** Puts pods near those they want to be with and away from those they do not; and the other way round. */
export function interPodAffinity(
  namespaces: NamespaceLister,
): Plugin<AffinityFilter, readonly DomainCounts[]> {
  const labelsOf = (name: string): Labels | undefined => namespaces.get(name)?.metadata.labels ?? {};
  // Every waiting pod asks about the same event.
  const infos = new WeakMap<object, PodInfo>();
  const infoOf = (object: KubeObject): PodInfo => {
    const info = infos.get(object) ?? podInfoOf(object as Pod); // pods events carry pods
    infos.set(object, info);
    return info;
  };
  const hint = (pod: PodInfo, event: ClusterEvent) => helps(pod, event, labelsOf, infoOf);
  return {
    name: "InterPodAffinity",
    countsPods: true,
    weight: 2,
    requeueOn: [
      { resource: "pods", action: "add", hint },
      { resource: "pods", action: "delete", hint },
      { resource: "pods", action: "update-labels", hint },
      { resource: "target", action: "update-labels" },
      { resource: "nodes", action: "add" },
      { resource: "nodes", action: "update-labels" },
    ],

    preFilter(pod, table) {
      const avoiding = holdersThatMean(table, "requiredAnti", pod, labelsOf).map(({ term, counts }) =>
        domainCounts(table, term.topologyKey, counts),
      );
      const { required = [], requiredAnti = [] } = pod.affinity ?? {};
      if (avoiding.length === 0 && required.length === 0 && requiredAnti.length === 0) return skip;
      const wanted = wantedBy(table, required, namespaces);
      return {
        wanted,
        isFirst:
          wanted.every(({ counts }) => counts.every((count) => count === 0)) &&
          required.every((term) => selects(term, pod, labelsOf)),
        avoided: requiredAnti.map((term) => countsOf(table, withNames(term, namespaces))),
        avoiding,
      };
    },
    filter: judge,

    preScore(pod, table) {
      const sums = preferencesOf(table, pod, namespaces, labelsOf);
      return sums.length === 0 ? skip : sums;
    },
    score(sums, { row }) {
      let score = 0;
      for (const { column, counts } of sums) {
        const domain = column.domains[row] ?? -1;
        if (domain >= 0) score += counts[domain] ?? 0;
      }
      return score;
    },
    normalize: (_, scores, { count }) => spreadToRange(scores, count),
  };
}

/** The pods that count are those which all of the terms select. */
function wantedBy(
  table: NodeTable,
  required: readonly AffinityTerm[],
  namespaces: NamespaceLister,
): readonly DomainCounts[] {
  if (required.length === 0) return [];
  const named = required.map((term) => withNames(term, namespaces));
  const counts = table.podCounts.count(questionOf(named));
  return named.map(({ topologyKey }) => domainCounts(table, topologyKey, counts));
}

function judge({ wanted, isFirst, avoided, avoiding }: AffinityFilter, { row }: NodeInfo): Verdict {
  for (const { column, counts } of wanted) {
    const domain = column.domains[row] ?? -1;
    if (domain < 0) return missesWanted;
    if (counts[domain] === 0 && !isFirst) return missesWanted;
  }
  if (avoided.some((domains) => hasSome(domains, row))) return meetsAvoided;
  return avoiding.some((domains) => hasSome(domains, row)) ? isAvoided : success;
}

function hasSome({ column, counts }: DomainCounts, row: number): boolean {
  const domain = column.domains[row] ?? -1;
  return domain >= 0 && (counts[domain] ?? 0) > 0;
}

function selects(
  term: AffinityTerm,
  { pod, namespace }: PodInfo,
  labelsOf: (name: string) => Labels | undefined,
) {
  return termSelects(term, namespace, pod.metadata.labels, labelsOf);
}

/** The terms of pods on nodes that select this pod. */
function holdersThatMean(
  table: NodeTable,
  kind: TermKind,
  pod: PodInfo,
  labelsOf: (name: string) => Labels | undefined,
) {
  if (!table.termHolders.has(kind)) return [];
  return [...table.termHolders.of(kind)].filter(({ term }) => selects(term, pod, labelsOf));
}

/** The namespaces that a selector means now, by their names. */
function withNames(term: AffinityTerm, namespaces: NamespaceLister): AffinityTerm {
  const { namespaceSelector: selector } = term;
  if (selector === undefined) return term;
  const selected = namespaces.list().filter(({ metadata }) => matchesLabels(selector, metadata.labels));
  const names = new Set([...term.namespaces, ...selected.map(({ metadata }) => metadata.name ?? "")]);
  return { ...term, namespaces: [...names].sort(), namespaceSelector: undefined };
}

/** Counts the pods that all of these terms select. */
function questionOf(terms: readonly AffinityTerm[]): PodQuestion {
  return {
    key: JSON.stringify(terms.map(({ namespaces, selector }) => [namespaces, selector])),
    counts: ({ pod, namespace }) =>
      terms.every((term) => termSelects(term, namespace, pod.metadata.labels, noLabels)),
  };
}

const noLabels = () => undefined;

function countsOf(table: NodeTable, term: AffinityTerm): DomainCounts {
  return domainCounts(table, term.topologyKey, table.podCounts.count(questionOf([term])));
}

function domainCounts(table: NodeTable, topologyKey: string, rowCounts: ArrayLike<number>): DomainCounts {
  const column = table.topology.column(topologyKey);
  return { column, counts: sumByDomain(rowCounts, column, table.rows) };
}

/** By topology key: how much each domain is liked. Both by the pod and by the pods that are there. */
function preferencesOf(
  table: NodeTable,
  pod: PodInfo,
  namespaces: NamespaceLister,
  labelsOf: (name: string) => Labels | undefined,
): readonly DomainCounts[] {
  const sums = new Map<string, DomainCounts>();
  const add = ({ topologyKey }: AffinityTerm, { column, counts }: DomainCounts, weight: number) => {
    const known = sums.get(topologyKey)?.counts ?? new Float64Array(counts.length);
    for (let domain = 0; domain < counts.length; domain++)
      known[domain] = (known[domain] ?? 0) + weight * (counts[domain] ?? 0);
    sums.set(topologyKey, { column, counts: known });
  };
  const { preferred = [], preferredAnti = [] }: Partial<PodAffinityTerms> = pod.affinity ?? {};
  for (const term of preferred) add(term, countsOf(table, withNames(term, namespaces)), term.weight);
  for (const term of preferredAnti) add(term, countsOf(table, withNames(term, namespaces)), -term.weight);
  for (const [kind, sign] of [
    ["required", 1],
    ["preferred", 1],
    ["preferredAnti", -1],
  ] as const)
    for (const { term, counts } of holdersThatMean(table, kind, pod, labelsOf)) {
      const weight = kind === "required" ? hardAffinityWeight : term.weight;
      add(term, domainCounts(table, term.topologyKey, counts), sign * weight);
    }
  return [...sums.values()];
}

/** The least becomes 0, the greatest 100. */
function spreadToRange(scores: Float64Array, count: number): void {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < count; at++) {
    least = Math.min(least, scores[at] ?? 0);
    most = Math.max(most, scores[at] ?? 0);
  }
  const range = most - least;
  for (let at = 0; at < count; at++)
    scores[at] = range > 0 ? Math.trunc((maxNodeScore * ((scores[at] ?? 0) - least)) / range) : 0;
}

/** Whether a pod that came, went or was relabelled is one that this pod's rules, or its own, are about. */
function helps(
  pod: PodInfo,
  { actions, object, old }: ClusterEvent,
  labelsOf: (name: string) => Labels | undefined,
  infoOf: (object: KubeObject) => PodInfo,
): boolean {
  if (object === undefined) return true;
  const { required = [], requiredAnti = [] } = pod.affinity ?? {};
  const isDeleted = actions.includes("delete");
  if (!isDeleted && required.some((term) => selects(term, infoOf(object), labelsOf))) return true;
  const gone = isDeleted ? object : old;
  if (gone === undefined) return false;
  const before = infoOf(gone);
  if (requiredAnti.some((term) => selects(term, before, labelsOf))) return true;
  return before.affinity?.requiredAnti.some((term) => selects(term, pod, labelsOf)) ?? false;
}
